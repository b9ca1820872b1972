"""What a writer that was killed half-way has left behind."""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

# Longer than any pause of a writer that lives: a file that is being written has a new time.
_OLD = 3600.0


def sweep(folder: Path, prefix: str) -> None:
    """Deletes entries of `folder` that begin with `prefix` and that nobody touched for an hour.

    What we make has such a name first and is then renamed, so these are never complete.
    """
    oldest = time.time() - _OLD
    with suppress(OSError):
        for entry in folder.glob(f"{prefix}*"):
            if entry.lstat().st_mtime < oldest:
                remove(entry)


def remove(path: Path) -> None:
    """Deletes a file or a folder with all in it; one that is gone already is no error."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def remove_at_once(folder: Path, *, place: Path, prefix: str) -> None:
    """Deletes a folder: first out of sight at one stroke, so that nobody reads half of it.

    Args:
        folder: one that is gone already is no error.
        place: a folder on the same disk, where `sweep` clears away what a killed process leaves.
        prefix: what `sweep` looks for there.

    Raises:
        OSError: it cannot be taken away; all of it is there.
    """
    hidden = Path(tempfile.mkdtemp(dir=place, prefix=prefix))
    try:
        # Another who deletes it may have been quicker.
        with suppress(FileNotFoundError):
            folder.rename(hidden)
    finally:
        remove(hidden)
