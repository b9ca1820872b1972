"""Writes the list of findings in docs/datasets.md, from the code.

python tools/findings_table.py           writes it anew
python tools/findings_table.py --check   fails if anything would change
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from finetune_sdk.datasets.codes import TOPICS, Code

PAGE = Path(__file__).parent.parent / "docs" / "datasets.md"
BEGIN, END = "<!-- generated: findings -->", "<!-- end of generated -->"


def main(arguments: Sequence[str]) -> int:
    text = PAGE.read_text()
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{PAGE} has no place for the list: {BEGIN} ... {END}")
    filled = f"{head}{BEGIN}\n{chr(10).join(findings())}\n{END}{tail}"
    if "--check" in arguments:
        if filled != text:
            print("docs/datasets.md is not what the code says; run `make docs`")
        return int(filled != text)
    PAGE.write_text(filled)
    return 0


def findings() -> Iterator[str]:
    """The lines of the list."""
    for topic, codes in TOPICS.items():
        yield f"\n### {topic}\n"
        yield "| code | | what it is | how to mend it |"
        yield "|---|---|---|---|"
        for name, code in codes.items():
            yield f"| `{name}` | {marks(code)} | {cell(code.what)} | {cell(code.fix)} |"


def marks(code: Code) -> str:
    """How grave it is, for whom, and what may be done about it."""
    words = [code.severity]
    if code.providers:
        words.append("for " + ", ".join(f"`{name}`" for name in code.providers))
    if code.waivable:
        words.append("may be allowed")
    if code.mended:
        words.append("`--fix`")
    return "; ".join(words)


def cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
