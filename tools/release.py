"""Makes a release out of a tree: version, changelog, commit and tag. Pushes nothing.

python tools/release.py --check          the version and the newest section of the changelog agree
python tools/release.py --check v1.2.3   and the tag names them
python tools/release.py 1.2.3            bumps both, checks, commits and tags
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).parent.parent
VERSION = ROOT / "src" / "finetune_sdk" / "_version.py"
CHANGELOG = ROOT / "CHANGELOG.md"
UNRELEASED = "## [Unreleased]\n"


def main(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 2
    try:
        if arguments[0] == "--check":
            check(arguments[1] if len(arguments) > 1 else None)
        else:
            release(arguments[0])
    except ValueError as error:
        print(f"not released: {error}", file=sys.stderr)
        return 1
    return 0


def check(tag: str | None = None) -> None:
    """Holds version, changelog and tag against each other.

    Raises:
        ValueError: they do not agree.
    """
    version = current()
    sections = [name for name in headings() if name != "Unreleased"]
    if tag is None and not sections:  # nothing has been released yet
        return
    if sections[:1] != [version]:
        raise ValueError(
            f"the newest section of CHANGELOG.md is {sections[:1]}, and the version in "
            f"src/finetune_sdk/_version.py {version!r}: run `python tools/release.py VERSION`"
        )
    if tag not in (None, f"v{version}"):
        raise ValueError(
            f"the tag is {tag!r}, and the version {version!r}: it must be 'v{version}'"
        )


def release(wanted: str) -> None:
    """Bumps both, checks, commits and tags.

    Raises:
        ValueError: the version is not a newer one, the tree is not clean, or nothing has changed.
    """
    version = newer(wanted)
    if git("status", "--porcelain"):
        raise ValueError("the tree has changes that are not committed; commit them first")
    if git("tag", "--list", f"v{version}"):
        raise ValueError(f"there is a tag v{version} already; choose the next version")
    changelog = dated(CHANGELOG.read_text(encoding="utf-8"), version)
    VERSION.write_text(bumped(VERSION.read_text(encoding="utf-8"), version), encoding="utf-8")
    CHANGELOG.write_text(changelog, encoding="utf-8")
    check(f"v{version}")
    try:
        git("commit", "--quiet", "--all", "--message", f"Release {version}")
    except ValueError:
        git("checkout", "HEAD", "--", str(VERSION), str(CHANGELOG))  # as it was
        raise
    git("tag", "--annotate", f"v{version}", "--message", f"finetune-anywhere {version}")
    print(f"committed and tagged v{version}; look at it, then: git push origin HEAD v{version}")


def newer(wanted: str) -> str:
    """The version, checked.

    Raises:
        ValueError: it is none, or it has been.
    """
    try:
        version = Version(wanted)
    except InvalidVersion:
        raise ValueError(f"{wanted!r} is no version: it is like '1.2.3'") from None
    if re.fullmatch(r"\d+\.\d+\.\d+", wanted) is None or str(version) != wanted:
        raise ValueError(f"{wanted!r}: a release has three numbers, like '1.2.3'")
    if version < Version(current()):
        raise ValueError(f"{wanted} is older than the version of this tree, {current()}")
    released = [Version(name) for name in headings() if name != "Unreleased"]
    if released and version <= max(released):
        raise ValueError(f"{wanted} is not newer than {max(released)}, which has been released")
    return wanted


def bumped(text: str, version: str) -> str:
    return re.sub(r'__version__ = ".*"', f'__version__ = "{version}"', text)


def dated(text: str, version: str) -> str:
    """The changelog, with what was unreleased under the version and today's day.

    Raises:
        ValueError: there is no such section, or it is empty.
    """
    head, found, rest = text.partition(UNRELEASED)
    body = re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    if not found or not body.strip():
        raise ValueError("CHANGELOG.md says nothing under '## [Unreleased]'")
    return f"{head}{UNRELEASED}\n## [{version}] - {datetime.now(UTC):%Y-%m-%d}\n{rest}"


def current() -> str:
    """The version of this tree."""
    found = re.search(r'__version__ = "(.*)"', VERSION.read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f"{VERSION} names no version")
    return found[1]


def headings() -> list[str]:
    """The sections of the changelog, the newest first."""
    text = CHANGELOG.read_text(encoding="utf-8")
    return re.findall(r"^## \[(.+?)\]", text, flags=re.MULTILINE)


def git(*words: str) -> str:
    """What git prints.

    Raises:
        ValueError: it failed; with its words.
    """
    done = subprocess.run(["git", *words], cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(f"`git {words[0]}` failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
