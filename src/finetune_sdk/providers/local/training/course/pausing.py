"""Who wants a training to stop and go on later: the file `pause`, or SIGTERM."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from contextlib import contextmanager

from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.training import ranks


class Stop:
    """The wish to stop, wherever it comes from.

    Attributes:
        under_way: steps are being taken, so there is something to save first.
    """

    def __init__(self, folder: JobFolder) -> None:
        self._folder = folder
        self._told = False
        self.under_way = False

    @property
    def requested(self) -> bool:
        """Somebody wishes it, of this process or of another one; asked by all at one time."""
        return ranks.anywhere(self._told or self._folder.pause.exists())

    def forget(self) -> None:
        """Drops the wish, wherever it came from, and that to go on after it."""
        self._told = False
        if not ranks.first():
            return
        for wish in (self._folder.resume, self._folder.pause):
            wish.unlink(missing_ok=True)

    @contextmanager
    def listening(self) -> Generator[None]:
        """Hears SIGTERM. For the main thread."""
        before = signal.signal(signal.SIGTERM, self._hear)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    def _hear(self, *_: object) -> None:
        self._told = True
        # Before the first step there is nothing to save, or it lies in a checkpoint.
        if self._folder.cancel_requested or not self.under_way:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
