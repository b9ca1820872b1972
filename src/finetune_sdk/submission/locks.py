"""One at a time for each intent, between threads and between processes."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from finetune_sdk.errors import ConfigurationError

_BUCKET = 3
"""Digits of a lock's name: 4096 files at most, however many intents there were. Two intents that
share one wait for each other and do no harm; nobody ever holds two."""

_TROUBLE = (
    "the state folder {0!r} cannot be used ({1}): creates wait for each other by locks there; set "
    "FINETUNE_HOME to a folder that you may write to"
)


class Locks:
    """The locks of a folder; without one, of this process.

    Args:
        folder: gets a file for each lock.
        digits: of a lock's name.
        trouble: what is said where the folder cannot be used: its path, and why.
    """

    def __init__(
        self, folder: Path | None, *, digits: int = _BUCKET, trouble: str = _TROUBLE
    ) -> None:
        self._folder, self._digits, self._trouble = folder, digits, trouble
        self._guard = threading.Lock()
        self._own: dict[str, threading.Lock] = {}

    @contextmanager
    def held(self, *intent: str, wait: bool = True) -> Generator[bool]:
        """Holds the lock of an intent while the block runs.

        Args:
            intent: what names it.
            wait: as long as it takes; else the block runs without, and is told so by False.

        Raises:
            ConfigurationError: the folder cannot be written to, or has no locks.
        """
        name = sha256("\0".join(intent).encode()).hexdigest()[: self._digits]
        lock = self._file_lock(name) if self._folder else self._memory_lock(name)
        got = lock.acquire(wait)
        try:
            yield got
        finally:
            if got:
                lock.release()

    def _memory_lock(self, name: str) -> threading.Lock:
        with self._guard:
            return self._own.setdefault(name, threading.Lock())

    def _file_lock(self, name: str) -> _FileLock:
        return _FileLock(Path(self._folder or "", f"{name}.lock"), self._trouble)


class _FileLock:
    """A lock that goes with its process, whatever ends it."""

    def __init__(self, path: Path, trouble: str) -> None:
        from filelock import FileLock

        self._path, self._trouble = path, trouble
        self._lock = FileLock(path, thread_local=False)

    def acquire(self, wait: bool) -> bool:
        from filelock import Timeout

        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=-1 if wait else 0)
        except Timeout:
            return False
        except (OSError, NotImplementedError) as error:
            # The latter is filelock's word for a file system that has no locks.
            reason = getattr(error, "strerror", None) or error
            told = self._trouble.format(str(self._path.parent), reason)
            raise ConfigurationError(told) from None
        return True

    def release(self) -> None:
        self._lock.release()
