"""What would be uploaded holds what it should, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from packaging.metadata import Metadata

import finetune_sdk
from tests.release.building import Built, build
from tests.release.conftest import ROOT

SOURCE = ROOT / "src"
NAME = f"finetune_anywhere-{finetune_sdk.__version__}"


def of_wheel(built: Built) -> set[str]:
    with zipfile.ZipFile(built.wheel) as file:
        return set(file.namelist())


def of_sdist(built: Built) -> set[str]:
    with tarfile.open(built.sdist) as file:
        return {member.name.removeprefix(f"{NAME}/") for member in file if member.isfile()}


def of_tree(folder: Path) -> set[str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(ROOT)) for path in files if "__pycache__" not in path.parts}


def text_of(built: Built, name: str) -> bytes:
    with zipfile.ZipFile(built.wheel) as file:
        return file.read(f"{NAME}.dist-info/{name}")


def test_the_wheel_holds_the_package_and_nothing_else(built: Built) -> None:
    package = {name.removeprefix("src/") for name in of_tree(SOURCE / "finetune_sdk")}
    told = ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")
    assert of_wheel(built) == package | {f"{NAME}.dist-info/{name}" for name in told}


@pytest.mark.parametrize(
    "name",
    [
        "py.typed",
        "prices/table.toml",
        "sunsets/table.toml",
        "evaluation/report/report.css",
        "evaluation/report/report.html.j2",
    ],
)
def test_the_wheel_holds_what_the_code_reads(built: Built, name: str) -> None:
    assert f"finetune_sdk/{name}" in of_wheel(built)


def test_from_the_sdist_tests_can_be_run(built: Built) -> None:
    held = of_sdist(built)
    for folder in ("src", "tests", "tools", "docs", "examples", "benchmarks", ".github"):
        assert of_tree(ROOT / folder) <= held, folder
    assert {"Makefile", "pyproject.toml", "README.md", "SECURITY.md", "LICENSE"} <= held
    assert {f"requirements-{kind}.txt" for kind in ("dev", "core", "release")} <= held


def test_no_cache_and_no_state_is_sent(built: Built) -> None:
    unwanted = ("__pycache__", ".venv", ".git/", ".hypothesis", "_cache", ".pyc", "finetune.toml")
    held = of_sdist(built) | of_wheel(built)
    assert not [name for name in held if any(word in name for word in unwanted)]


def test_the_metadata_is_right(built: Built) -> None:
    told = Metadata.from_email(text_of(built, "METADATA"), validate=True)
    assert str(told.version) == finetune_sdk.__version__
    assert told.license_expression == "Apache-2.0"
    assert told.description_content_type == "text/markdown"
    assert told.description == (ROOT / "README.md").read_text()
    assert set(told.provides_extra or ()) >= {"openai", "azure", "huggingface", "local", "all"}


def test_all_is_every_extra_but_ray(built: Built) -> None:
    told = Metadata.from_email(text_of(built, "METADATA"), validate=True)
    needed = told.requires_dist or []
    by_extra = {
        str(extra): {
            str(one.name)
            for one in needed
            if one.marker and f"== '{extra}'" in str(one).replace('"', "'")
        }
        for extra in told.provides_extra or ()
    }
    others = [packages for extra, packages in by_extra.items() if extra not in ("all", "ray")]
    assert by_extra["all"] == set().union(*others)
    assert "ray" not in by_extra["all"]


def test_two_builds_in_two_places_are_equal(built: Built, tmp_path: Path) -> None:
    with tarfile.open(built.sdist) as file:
        file.extractall(tmp_path, filter="data")
    again = build(tmp_path / NAME, tmp_path / "dist")
    assert again.wheel.read_bytes() == built.wheel.read_bytes()
    assert again.sdist.read_bytes() == built.sdist.read_bytes()


def test_the_tests_start_from_the_sdist(built: Built, tmp_path: Path) -> None:
    with tarfile.open(built.sdist) as file:
        file.extractall(tmp_path, filter="data")
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/test_sunsets.py",
    ]
    done = subprocess.run(
        words, cwd=tmp_path / NAME, capture_output=True, text=True, check=False, timeout=120
    )
    assert not done.returncode, done.stdout + done.stderr
