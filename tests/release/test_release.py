"""The version stands in one place, the changelog agrees, and a release is one command."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import finetune_sdk

ROOT = Path(__file__).parents[2]


def run(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "tools/release.py", *words]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


def git(tree: Path, *words: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=m")
    command = ["git", *identity, *words]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of its own, with a change that is not released."""
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "t")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "t@example.com")
    for name in ("tools/release.py", "src/finetune_sdk/_version.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n\n- It can sing.\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    return tmp_path


def test_version_and_changelog_agree() -> None:
    done = run(ROOT, "--check")
    assert not done.returncode, done.stderr


def test_the_version_stands_in_one_place() -> None:
    places = [ROOT / "pyproject.toml", *(ROOT / "src").rglob("*.py")]
    version = re.compile(rf"""["']{re.escape(finetune_sdk.__version__)}["']""")
    assert [path.name for path in places if version.search(path.read_text())] == ["_version.py"]


def test_a_release_bumps_both_and_tags(tree: Path) -> None:
    done = run(tree, "1.2.3")
    assert not done.returncode, done.stderr
    assert '__version__ = "1.2.3"' in (tree / "src/finetune_sdk/_version.py").read_text()
    changelog = (tree / "CHANGELOG.md").read_text()
    assert re.search(
        r"## \[Unreleased\]\n\n## \[1\.2\.3\] - \d{4}-\d\d-\d\d\n\n- It can sing\.", changelog
    )
    assert git(tree, "tag", "--points-at", "HEAD").split() == ["v1.2.3"]
    assert not git(tree, "status", "--porcelain")
    assert not run(tree, "--check", "v1.2.3").returncode


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ("01.2.4", "three numbers"),
        ("0.0.1", "older than the version of this tree"),
        ("1.2", "three numbers"),
        ("next", "no version"),
        ("1.2.3", "not newer than 1.2.3"),
    ],
)
def test_what_is_no_new_version_is_refused(tree: Path, wanted: str, why: str) -> None:
    run(tree, "1.2.3")
    (tree / "CHANGELOG.md").write_text(
        (tree / "CHANGELOG.md").read_text().replace("[Unreleased]\n", "[Unreleased]\n\n- More.\n")
    )
    git(tree, "commit", "--quiet", "--all", "--message", "more")
    before = git(tree, "rev-parse", "HEAD")
    done = run(tree, wanted)
    assert done.returncode == 1
    assert why in done.stderr
    assert git(tree, "rev-parse", "HEAD") == before


def test_a_release_of_nothing_and_of_a_dirty_tree_is_refused(tree: Path) -> None:
    run(tree, "1.2.3")
    assert "says nothing" in run(tree, "1.2.4").stderr
    assert not git(tree, "status", "--porcelain")
    (tree / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n\n- It hums.\n")
    assert "not committed" in run(tree, "1.2.4").stderr


@pytest.mark.parametrize("tag", ["v1.2.4", "1.2.3"])
def test_a_tag_that_names_another_version_is_refused(tree: Path, tag: str) -> None:
    run(tree, "1.2.3")
    done = run(tree, "--check", tag)
    assert done.returncode == 1
    assert f"the tag is {tag!r}" in done.stderr


def test_a_tag_that_is_there_stops_before_anything_is_written(tree: Path) -> None:
    git(tree, "tag", "v1.2.3")
    done = run(tree, "1.2.3")
    assert (done.returncode, done.stderr) == (
        1,
        "not released: there is a tag v1.2.3 already; choose the next version\n",
    )
    assert not git(tree, "status", "--porcelain")


def test_a_hook_that_refuses_leaves_the_tree_as_it_was(tree: Path) -> None:
    hook = tree / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho not like this >&2\nexit 1\n")
    hook.chmod(0o755)
    for _ in range(2):
        done = run(tree, "1.2.3")
        assert (done.returncode, done.stderr) == (
            1,
            "not released: `git commit` failed: not like this\n",
        )
        assert not git(tree, "status", "--porcelain")
