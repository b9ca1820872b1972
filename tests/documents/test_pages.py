"""What pages say of the code is so: links, tables, errors, the names of the reference."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from finetune_sdk import errors
from tests.documents.blocks import PAGES, ROOT, name

LINK = re.compile(r"\]\((?!https?://|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
OUTER = re.compile(r"https?://[^\s)>\"'`]+")
FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
TROUBLE = ROOT / "docs" / "troubleshooting.md"


def anchors(page: Path) -> set[str]:
    """Those that GitHub gives its headings."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    plain = [re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", heading).lower() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text())
    for target, anchor in LINK.findall(text):
        there = (page.parent / target) if target else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), f"{target}#{anchor}"
    for address in OUTER.findall(text):
        host = address.split("/")[2]
        assert re.fullmatch(r"[\w.-]+\.\w+(:\d+)?|127\.0\.0\.1(:\d+)?|[A-Z.a-z]+", host), address


@pytest.mark.parametrize(
    "tool", ["provider_table.py", "findings_table.py", "cli_reference.py", "laws_page.py"]
)
def test_what_is_generated_is_what_the_code_says(tool: str) -> None:
    command = [sys.executable, str(ROOT / "tools" / tool), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_distribution_is_named_and_not_its_namesake() -> None:
    for page in PAGES:
        assert not re.search(r"pip install \"?finetune[-_]sdk", page.read_text()), name(page)


def classes(kind: type[errors.FineTuneError]) -> Iterator[str]:
    yield kind.__name__
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from classes(child)


def test_every_error_has_its_section_and_no_section_lacks_an_error() -> None:
    sections = re.findall(r"^## `(\w+)`$", TROUBLE.read_text(), re.MULTILINE)
    assert sorted(sections) == sorted(classes(errors.FineTuneError))


def test_every_section_of_an_error_says_what_has_happened_and_what_to_do() -> None:
    for section in TROUBLE.read_text().split("\n## ")[1:]:
        title, _, text = section.partition("\n")
        assert text.count("\n- **What has happened:** ") == 1, title
        assert text.count("\n- **What to do:** ") == 1, title
