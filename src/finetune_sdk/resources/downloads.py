"""A folder that is filled whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.resources.plain import is_a


def fill(folder: str | os.PathLike[str], write: Callable[[Path], None]) -> Path:
    """Has a folder filled beside the wanted place, and puts it there once it is whole.

    Args:
        folder: the place; nothing may be in it.
        write: fills an empty folder.

    Raises:
        ConfigurationError: something is there, or it cannot be written.
    """
    if not is_a(folder, str, os.PathLike):
        raise ConfigurationError(f"`folder` is {folder!r:.80}; it takes a path")
    place = Path(folder).expanduser().absolute()
    try:
        _refuse_filled(place)
        place.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}."))
        try:
            write(part)
            _put(part, place)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise ConfigurationError(
            f"`folder` {str(place)!r} cannot be written: {error.strerror or error}"
        ) from None
    return place


def _refuse_filled(place: Path) -> None:
    if not os.path.lexists(place):
        return
    if not place.is_dir() or any(place.iterdir()):
        raise ConfigurationError(
            f"`folder` {str(place)!r} is there already and is not an empty folder; name a new one"
        )


def _put(part: Path, place: Path) -> None:
    # A temporary folder is for its owner alone; this one is a folder like any other.
    part.chmod(0o755)
    if place.is_dir():
        place.rmdir()
    part.rename(place)
