"""A folder that is filled whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from finetune_sdk.errors import ConfigurationError, FineTuneError
from finetune_sdk.resources.plain import is_a


def fill(folder: str | os.PathLike[str], write: Callable[[Path], None]) -> Path:
    """Has a hidden folder filled, and puts what is in it in the wanted place once it is whole.

    Args:
        folder: the place; nothing may be in it.
        write: fills an empty folder.

    Raises:
        ConfigurationError: something is there, or it cannot be written.
    """
    place = place_of(folder)
    try:
        _refuse_filled(place)
        if place.is_dir():
            _fill_there(place, write)
        else:
            _make(place, write)
    except (OSError, ValueError) as error:
        # Some of ours are OSErrors as well, as a timeout is.
        if isinstance(error, FineTuneError):
            raise
        raise ConfigurationError(
            f"`folder` {str(place)!r:.200} cannot be written: {_why(error)}"
        ) from None
    return place


def place_of(folder: str | os.PathLike[str]) -> Path:
    """The folder's path from the root.

    Raises:
        ConfigurationError: it is no path.
    """
    if not is_a(folder, str, os.PathLike):
        raise ConfigurationError(f"`folder` is {folder!r:.80}; it takes a path")
    try:
        return Path(folder).expanduser().absolute()
    except (RuntimeError, TypeError, OSError) as error:
        # There is no such user, it is bytes, or the working folder is gone.
        raise ConfigurationError(
            f"`folder` {folder!r:.200} is no path here: {_why(error)}"
        ) from None


def _refuse_filled(place: Path) -> None:
    if not os.path.lexists(place):
        return
    if not place.is_dir() or any(place.iterdir()):
        raise ConfigurationError(
            f"`folder` {str(place)!r} is there already and is not an empty folder; name a new one"
        )


def _make(place: Path, write: Callable[[Path], None]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with _hidden(place, place.parent) as part:
        write(part)
        # A temporary folder is for its owner alone; this one is a folder like any other.
        part.chmod(0o755)
        part.rename(place)


def _fill_there(place: Path, write: Callable[[Path], None]) -> None:
    # Inside, and not beside: it may be a disk of its own, a link, or where somebody works.
    with _hidden(place, place) as part:
        write(part)
        moved: list[Path] = []
        try:
            # As they were written: what says that all is there comes last.
            for entry in sorted(part.iterdir(), key=lambda entry: entry.stat().st_mtime_ns):
                moved.append(entry.rename(place / entry.name))
        except BaseException:
            for entry in moved:
                entry.rename(part / entry.name)
            raise


@contextmanager
def _hidden(place: Path, parent: Path) -> Generator[Path]:
    """An empty folder that goes with all in it; what fails meanwhile names the wanted place."""
    # The name of the place may be as long as a name can be.
    part = Path(tempfile.mkdtemp(dir=parent, prefix=f".{place.name[:32]}."))
    try:
        yield part
    except FineTuneError as error:
        error.args = tuple(
            arg.replace(str(part), str(place)) if isinstance(arg, str) else arg
            for arg in error.args
        )
        raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _why(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)
