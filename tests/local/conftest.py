"""Fixtures of the tests of the local provider."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from tests.local.small_jobs import Bench, children


@pytest.fixture
def bench(tmp_path: Path) -> Generator[Bench]:
    """Jobs of the small trainer, in a folder with a name as people give them."""
    if sys.platform == "win32":
        pytest.skip("the local provider is for Linux and macOS")
    before = children()
    bench = Bench(tmp_path / "Rezepte für Ärzte 食")
    yield bench
    bench.clear()
    assert children() == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Generator[Callable[[int], Path]]:
    """Makes a disk of so many MiB; skips where this user may not mount one."""
    mounted: list[Path] = []

    def make(size: int) -> Path:
        folder = tmp_path / "disk"
        folder.mkdir()
        words = ["mount", "-t", "tmpfs", "-o", f"size={size}m", "tmpfs", str(folder)]
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False)
        except OSError as error:
            pytest.skip(f"no disk can be mounted here: {error}")
        if done.returncode:
            pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield make
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)
