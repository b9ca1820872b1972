"""Builds what would be released, with what is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Built:
    """The two files of a release."""

    sdist: Path
    wheel: Path

    @classmethod
    def of(cls, folder: Path) -> Built:
        """Those in a folder, which holds one of each."""
        (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
        return cls(sdist, wheel)


def build(tree: Path, folder: Path) -> Built:
    """The sdist of a tree, and the wheel of that sdist."""
    words = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(tree)]
    environ = {**os.environ, "SOURCE_DATE_EPOCH": "1767225600"}
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stdout + done.stderr
    return Built.of(folder)
