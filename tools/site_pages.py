"""A hook of MkDocs: what the site shows of this repository besides `docs/`.

Pages are written for people who read them in the repository, so they link to its files. On the
site `CHANGELOG.md` and `CONTRIBUTING.md` are pages of their own, and every other file that a page
links to is a page with its text: a copy of the site needs nothing else.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
MOVED: Mapping[str, str] = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "README.md": "index.md",
    "SECURITY.md": "security.md",
}
HOMES = {moved: home for home, moved in MOVED.items() if moved != "index.md"}
LINK = re.compile(r"(?<=\]\()(?!https?://|#|mailto:)([^)#\s]+)")
LANGUAGES: Mapping[str, str] = {".py": "python", ".toml": "toml", ".yaml": "yaml"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that do not lie in `docs/`."""
    for moved, home in HOMES.items():
        files.append(File.generated(config, moved, content=(ROOT / home).read_text()))
    sources = [path for file in files.documentation_pages() for path in _sources(file)]
    for path in dict.fromkeys(sources):
        files.append(File.generated(config, _on_site(path), content=_shown(path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Turns links into the repository into links within the site."""
    here = posixpath.dirname(page.file.src_uri)

    def moved(link: re.Match[str]) -> str:
        path = _in_repository(page.file, link[1])
        return posixpath.relpath(_on_site(path), here or ".")

    return markdown if page.file.src_uri.startswith("source/") else LINK.sub(moved, markdown)


def _sources(file: File) -> Iterator[str]:
    """The repository's files that a page links to, and that are no pages by themselves."""
    for target in LINK.findall(file.content_string):
        path = _in_repository(file, target)
        if not path.startswith("docs/") and path not in MOVED and (ROOT / path).is_file():
            yield path


def _in_repository(file: File, target: str) -> str:
    home = HOMES.get(file.src_uri, f"docs/{file.src_uri}")
    return posixpath.normpath(posixpath.join(posixpath.dirname(home), target))


def _on_site(path: str) -> str:
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return MOVED.get(path) or f"source/{path}.md"


def _shown(path: str) -> str:
    language = LANGUAGES.get(Path(path).suffix, "text")
    front = "---\nsearch:\n  exclude: true\n---\n"
    text = (ROOT / path).read_text().rstrip()
    return f"{front}\n# `{path}`\n\n````{language}\n{text}\n````\n"
