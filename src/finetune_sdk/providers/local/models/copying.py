"""Copying a model's files out of the state folder, and taking them away, whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from finetune_sdk.errors import InvalidRequestError
from finetune_sdk.providers.local import files, leftovers
from finetune_sdk.providers.local.settings import NAME

_PARTIAL = ".partial-"


def fill(target: Path, source: Path, names: Iterable[str]) -> None:
    """Copies these files of `source` to `target`, all or none.

    Args:
        target: an empty folder; made where it is missing.
        names: paths in `source`.

    Raises:
        InvalidRequestError: something is in the folder.
        OSError: it cannot be written; nothing is left in it.
    """
    target.mkdir(parents=True, exist_ok=True)
    if any(target.iterdir()):
        raise InvalidRequestError(
            f"`folder` {str(target)!r} is not empty; name a new folder, or empty it",
            provider=NAME,
            param="folder",
        )
    # Inside, and not beside: the folder may be a disk of its own.
    partial = Path(tempfile.mkdtemp(dir=target, prefix=_PARTIAL))
    try:
        for name in names:
            _copy(source / name, partial / name)
        for entry in sorted(partial.iterdir()):
            entry.rename(target / entry.name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    files.sync(target)


def remove(folder: Path, models: Path) -> None:
    """Deletes a model's folder: first out of sight at one stroke, so that nobody reads half of it.

    Args:
        models: folder on the same disk, where what a killed process leaves is cleared away later.

    Raises:
        OSError: it cannot be taken away; all of it is there.
    """
    leftovers.remove_at_once(folder, place=models, prefix=_PARTIAL)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    files.sync(target)
