"""Processes that look at a job and answer what a test has them answer."""

from __future__ import annotations

import os
from pathlib import Path


def answering(folder: Path, code: str, **environ: str) -> dict[str, str]:
    """An environment in which each Python runs some code first, and nothing after it."""
    folder.mkdir(exist_ok=True)
    end = f"import sys, os\n{code}\nsys.stdout.flush()\nsys.stderr.flush()\nos._exit(3)"
    (folder / "sitecustomize.py").write_text(end, encoding="utf-8")
    return {**os.environ, "PYTHONPATH": str(folder), **environ}
