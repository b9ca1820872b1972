"""One export at a time of each job into a folder, between threads and between processes."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from finetune_sdk.submission.locks import Locks

FOLDER = ".locks"
"""Beside the folders of the jobs. Its files stay: another may be waiting for one of them."""

_SHARED = 31
"""Characters of the job's id that count: what a killed export leaves is named by as many, and who
clears that away holds the lock of every job whose it may be."""

_BUCKET = 2
"""Digits of a lock's name: 256 files at most, however many jobs."""

_TROUBLE = (
    "{0!r} cannot be written ({1}), and exports wait for each other by locks there; name another "
    "folder"
)


@contextmanager
def held(place: Path) -> Generator[None]:
    """Holds the lock of an exported job's folder while the block runs.

    Args:
        place: the folder, which need not be there.

    Raises:
        ConfigurationError: nothing can be written beside the folder, or nothing locked.
    """
    locks = Locks(place.with_name(FOLDER), digits=_BUCKET, trouble=_TROUBLE)
    with locks.held(place.name[:_SHARED]):
        yield
