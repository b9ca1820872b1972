"""The site: it builds without a warning, needs no other host, and has what the code has."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import finetune_sdk
from finetune_sdk import testing
from finetune_sdk.providers import base
from tests.documents.blocks import ROOT

pytest.importorskip("mkdocs", reason="the site's own packages are in requirements-docs.txt")
LOADED = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)=\"?([^\s\">]+)")
IN_STYLES = re.compile(r"url\(([^)]+)\)|@import\s+[\"']([^\"']+)")
ROOMS: Mapping[str, Sequence[str]] = {
    "finetune_sdk": [name for name in dir(finetune_sdk) if name[0].isupper()],
    "finetune_sdk.providers.base": [
        name for name in base.__all__ if isinstance(getattr(base, name), type)
    ],
    "finetune_sdk.testing": testing.__all__,
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built strictly: a broken link or anchor, or a page without a place, ends the build."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_nothing_is_loaded_from_another_host(site: Path) -> None:
    pages = [*site.rglob("*.html")]
    assert len(pages) > 50
    for page in pages:
        loaded = LOADED.findall(page.read_text())
        assert loaded, page
        assert not [one for one in loaded if re.match(r"(https?:)?//", one)], page
    for style in site.rglob("*.css"):
        named = [one for pair in IN_STYLES.findall(style.read_text()) for one in pair if one]
        assert not [one for one in named if re.match(r"[\"']?(https?:)?//", one)], style


def test_every_file_that_a_page_loads_is_there(site: Path) -> None:
    for page in site.rglob("*.html"):
        if page.name == "404.html":  # it stands at any depth, so its paths begin at the root
            continue
        for one in LOADED.findall(page.read_text()):
            if not one.startswith(("data:", "#")):
                assert (page.parent / one.split("?")[0].split("#")[0]).exists(), f"{page}: {one}"


def test_the_search_knows_every_page_of_the_menu(site: Path) -> None:
    index: Mapping[str, Any] = json.loads((site / "search" / "search_index.json").read_text())
    known = {entry["location"].split("#")[0] for entry in index["docs"]}
    for page in ("tutorial.html", "troubleshooting.html", "changelog.html", "reference/types.html"):
        assert page in known
    assert not [one for one in known if one.startswith("source/")]
    # The same, for a page that lies on the disk.
    assert (site / "search" / "search_index.js").read_text().startswith("var __index = {")


def test_every_public_name_has_its_place_in_the_reference(site: Path) -> None:
    pages = (site / "reference").rglob("*.html")
    found = {one for page in pages for one in re.findall(r' id="([\w.]+)"', page.read_text())}
    named = {one.rpartition(".")[2] for one in found if one.startswith("finetune_sdk.")}
    missing = {room: sorted(set(names) - named) for room, names in ROOMS.items()}
    assert not any(missing.values()), missing


def test_pages_outside_of_the_documents_are_pages_of_the_site(site: Path) -> None:
    assert "Keep a Changelog" in (site / "changelog.html").read_text()
    linked = re.findall(r'href="(source/[^"]+)"', (site / "tutorial.html").read_text())
    assert linked
    for one in linked:
        assert (site / one).exists()
