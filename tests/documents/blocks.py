"""The code blocks of a page, and what its source says of them in comments that no reader sees.

<!-- not run: a reason -->   the block is read, and its commands are parsed, and no more
<!-- exit 3 -->              what the last command of the block ends with
<!-- finds: a_code -->       what `data check` says of the rows
<!-- compared -->            what stands under a command is what it prints, to the letter
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGES = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
)
BUILT = ("docs/adding-a-provider.md",)
"""Pages whose blocks make one package, which a test of its own builds."""
_FENCE = re.compile(
    r"""^(?P<indent>[ ]*)```(?P<language>\w+)(?:[ ]title="(?P<title>[^"]+)")?[ ]*\n
    (?P<text>.*?)^(?P=indent)```[ ]*$""",
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)
_MARKS = re.compile(r"(?:^[ ]*<!--[ ](?P<mark>[^\n]*)[ ]-->\n)\Z", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One block of a page.

    Attributes:
        title: the name of the file that it is, where the page gives one.
        marks: of the comment right above it, what stands before its colon and after it.
        line: of the page, where it begins.
    """

    language: str
    title: str | None
    text: str
    marks: tuple[str, str]
    line: int

    @property
    def not_run(self) -> str | None:
        """Why it is not run; None where it is."""
        return self.marks[1] if self.marks[0] == "not run" else None

    @property
    def exit_code(self) -> int:
        word = self.marks[0]
        return int(word.removeprefix("exit ")) if word.startswith("exit ") else 0


def blocks(page: Path, language: str | None = None) -> list[Block]:
    """The page's blocks in order; of one language, where it is said."""
    return [block for block in _all(page.read_text()) if language in (None, block.language)]


def _all(text: str) -> Iterator[Block]:
    for found in _FENCE.finditer(text):
        mark = _MARKS.search(text[: found.start()])
        word, _, rest = (mark["mark"] if mark else "").partition(":")
        indent = found["indent"]
        body = re.sub(f"^{indent}", "", found["text"], flags=re.MULTILINE)
        line = text.count("\n", 0, found.start()) + 1
        yield Block(found["language"], found["title"], body, (word, rest.strip()), line)


@dataclass(frozen=True)
class Command:
    """One line that a reader types, and what the page shows under it.

    Attributes:
        words: as a shell would part them, without what is a comment or goes to a file.
    """

    words: tuple[str, ...]
    output: str


def commands(block: Block) -> list[Command]:
    """The lines of a console block that are typed: those after `$`, or all where none is."""
    text = block.text.replace("\\\n", " ")
    if not re.search(r"^\$ ", text, re.MULTILINE):
        text = re.sub(r"^", "$ ", text.rstrip("\n"), flags=re.MULTILINE)
    typed = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    return [_command(*one.partition("\n")[::2]) for one in typed]


def _command(line: str, output: str) -> Command:
    if line.count('"') % 2:
        # A text goes on in the next line.
        more, _, output = output.partition("\n")
        return _command(f"{line}\n{more}", output)
    words = shlex.split(line, comments=True)
    kept = words[: words.index(">")] if ">" in words else words
    return Command(tuple(kept), output)


def name(page: Path) -> str:
    """The page, as a test is called by it."""
    return str(page.relative_to(ROOT))
