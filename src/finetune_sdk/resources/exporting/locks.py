"""One export at a time of each job into a folder, between threads and between processes."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from finetune_sdk.errors import ConfigurationError

FOLDER = ".locks"
"""Beside the folders of the jobs. Its files stay: another may be waiting for one of them."""

_SHARED = 31
"""Characters of the job's id that count: what a killed export leaves is named by as many, and who
clears that away holds the lock of every job whose it may be."""

_BUCKET = 2
"""Digits of a lock's name: 256 files at most, however many jobs. Two that share one wait for each
other and do no harm; nobody ever holds two."""


@contextmanager
def held(place: Path) -> Generator[None]:
    """Holds the lock of an exported job's folder while the block runs.

    Args:
        place: the folder, which need not be there.

    Raises:
        ConfigurationError: the file system has no locks.
        OSError: nothing can be written beside the folder.
    """
    from filelock import FileLock

    name = sha256(os.fsencode(place.name[:_SHARED])).hexdigest()[:_BUCKET]
    path = place.with_name(FOLDER) / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire()
    except NotImplementedError as error:
        raise ConfigurationError(
            f"{str(place.parent)!r} lies where files cannot be locked ({error}), and exports wait "
            "for each other by locks there; name another folder"
        ) from None
    try:
        yield
    finally:
        lock.release()
