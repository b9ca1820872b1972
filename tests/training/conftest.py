"""A tiny model, made once, and an environment in which training it is quick."""

from __future__ import annotations

import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.training.tiny import make_tiny_model

NO_HUB = "http://127.0.0.1:9"
"""An address where nobody answers, at once."""


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny chat model. Nobody writes into it."""
    return make_tiny_model(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads that share a tiny sum mostly wait for each other; and there is no Hub."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("HF_ENDPOINT", NO_HUB)


@pytest.fixture
def four_mebibytes(tmp_path: Path) -> Generator[Path]:
    """A disk of so much; skips where this user may not mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"no disk can be mounted here: {error}")
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    yield folder
    # Torch never closes a file that it could not write (2.13): hence lazily.
    subprocess.run(["umount", "-l", str(folder)], check=True)
