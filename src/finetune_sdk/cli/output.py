"""Files that a command writes for people: whole or not at all, and never over another one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from finetune_sdk.errors import ConfigurationError


def write(path: Path, chunks: Iterable[bytes], *, replace: bool) -> None:
    """Writes a file.

    Args:
        path: where to; its folder is made where it is missing.
        chunks: the content.
        replace: write over a file that is there.

    Raises:
        ConfigurationError: there is a file already, or it cannot be written.
    """
    refuse_taken(path, replace=replace)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, chunks)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror}") from None


def refuse_taken(path: Path, *, replace: bool) -> None:
    """Before any work is done: a file is not written over unasked.

    Raises:
        ConfigurationError: there is a file already.
    """
    if path.exists() and not replace:
        raise ConfigurationError(f"{path}: is there already; --yes writes over it")


def _replace(path: Path, chunks: Iterable[bytes]) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as new:
        try:
            for chunk in chunks:
                new.write(chunk)
            new.close()
            # A temporary file is for its owner alone; this one is a file like any other.
            Path(new.name).chmod(0o644)
            Path(new.name).replace(path)
        except BaseException:
            Path(new.name).unlink(missing_ok=True)
            raise
