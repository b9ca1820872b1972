"""Prints the lowest versions that pyproject.toml allows, as constraints for pip.

python tools/lowest.py [EXTRAS] > constraints.txt     as in: python tools/lowest.py openai,azure
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
OURS = "finetune-anywhere"


def main(arguments: Sequence[str]) -> int:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = arguments[0].split(",") if arguments else []
    lines = project["dependencies"], *chosen(project["optional-dependencies"], extras)
    print("\n".join(sorted({lowest(line) for some in lines for line in some})))
    return 0


def chosen(offered: dict[str, list[str]], extras: Sequence[str]) -> Iterator[list[str]]:
    """The requirements of extras, and of those that they take with them."""
    for extra in extras:
        own = [line for line in offered[extra] if not line.startswith(OURS)]
        yield own
        for line in set(offered[extra]) - set(own):
            yield from chosen(offered, sorted(Requirement(line).extras))


def lowest(line: str) -> str:
    """`openai>=2.50,<4` as `openai==2.50`.

    Raises:
        SystemExit: a requirement names no lowest version.
    """
    needed = Requirement(line)
    bound = re.search(r">=([\w.]+)", str(needed.specifier))
    if bound is None:
        raise SystemExit(f"pyproject.toml: {line!r} names no lowest version")
    return f"{needed.name}=={bound[1]}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
