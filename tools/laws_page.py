"""Writes the list of the laws of `ProviderConformance`, from the laws' own words.

python tools/laws_page.py           writes docs/conformance.md anew
python tools/laws_page.py --check   says what would change, and fails if anything would
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from finetune_sdk.testing import ProviderConformance
from finetune_sdk.testing.conformance.law import Law, law_of, laws_in

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "conformance.md"
BEGIN, END = "<!-- generated: laws -->", "<!-- end of generated -->"


def main(arguments: Sequence[str]) -> int:
    text = filled(PAGE.read_text(), "\n".join(chapters()))
    if "--check" not in arguments:
        PAGE.write_text(text)
    elif PAGE.read_text() != text:
        print(f"{PAGE.relative_to(ROOT)} is not what the code says; run `make docs`")
        return 1
    return 0


def chapters() -> Iterator[str]:
    """A chapter a theme, a paragraph a law."""
    for theme in ProviderConformance.__mro__:
        laws = [law for test in vars(theme).values() if (law := law_of(test))]
        if laws:
            yield f"\n### {inspect.getdoc(theme)}\n"
            yield from map(paragraph, laws)
    yield f"\n{len(laws_in(ProviderConformance))} laws.\n"


def paragraph(law: Law) -> str:
    """What one law demands, why, and of whom."""
    demand, _, why = law.words.partition("\n\n")
    needs = ", ".join(f"`{mixin.__name__}`" for mixin in law.needs)
    of_whom = f" Asked of a provider with {needs}." if needs else ""
    return f"- `{law.name}`: {' '.join(demand.split())} *{' '.join(why.split())}*{of_whom}"


def filled(text: str, generated: str) -> str:
    """The page with its generated part."""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{PAGE} has no place for the laws: {BEGIN} ... {END}")
    return f"{head}{BEGIN}\n{generated}{END}{tail}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
