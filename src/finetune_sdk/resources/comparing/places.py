"""Where a comparison goes: a new folder, an empty one, or one of an earlier comparison."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from pydantic import ValidationError

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.evaluation import report
from finetune_sdk.resources import downloads
from finetune_sdk.types import Comparison

_DOCUMENT = "comparison.json"


def place_of(folder: str | os.PathLike[str] | None) -> Path | None:
    """The folder, before anything is asked; None where none is wanted.

    Raises:
        ConfigurationError: something else is in it, or it cannot be written.
    """
    if folder is None:
        return None
    place = downloads.place_of(folder)
    try:
        taken = place.exists() and (not place.is_dir() or any(place.iterdir()))
        if taken:
            _refuse_others(place)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place if place.is_dir() else place.parent):
            return place
    except (OSError, ValueError) as error:
        if isinstance(error, ConfigurationError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(
            f"`folder` {str(place)!r:.200} cannot be written: {reason}"
        ) from None


def _refuse_others(place: Path) -> None:
    """Raises:
    ConfigurationError: no comparison lies there.
    """
    try:
        Comparison.from_json((place / _DOCUMENT).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        raise ConfigurationError(
            f"`folder` {str(place)!r} is there already, and holds no earlier comparison; name a "
            "new one"
        ) from None


def write(made: Comparison, place: Path) -> None:
    """Writes the folder. Of an earlier comparison each file is replaced, and nothing else.

    Raises:
        ConfigurationError: it cannot be written; an earlier comparison is as it was.
    """
    if not (place / _DOCUMENT).is_file():
        downloads.fill(place, lambda part: report.write(made, part))
        return
    try:
        # Inside, since another folder may be another disk.
        with tempfile.TemporaryDirectory(dir=place, prefix=".") as part:
            report.write(made, Path(part))
            written = sorted(Path(part).iterdir(), key=lambda one: one.name == _DOCUMENT)
            for one in written:
                one.replace(place / one.name)
    except OSError as error:
        raise ConfigurationError(
            f"`folder` {str(place)!r} cannot be written: {error.strerror}"
        ) from None
