"""Whether a trainer is still heard, by the files that it writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

from finetune_sdk.providers.local.jobs.folder import JobFolder

_NAMES = ("progress.json", "metrics.jsonl", "trainer.log", "waiting.json")
# A look is some ten calls of `stat`.
_LONGEST_REST = 1.0

Clock = Callable[[], float]


class Silence:
    """Tells once when a trainer falls silent, and once when it is heard again.

    Args:
        after: seconds without a change that are a silence.
        clock: monotonic seconds: a wall clock that is set forward is no silence.
    """

    def __init__(self, folder: JobFolder, after: float, clock: Clock = time.monotonic) -> None:
        self._folder = folder
        self._after = after
        self._clock = clock
        self._rest = min(_LONGEST_REST, after / 4)
        self._looked = self._heard = clock()
        self._seen = frozenset(_marks(folder))
        self._silent = False

    def listen(self) -> Literal["stalled", "heard"] | None:
        """What has changed since the last call; cheap, however often it is asked."""
        now = self._clock()
        if now - self._looked < self._rest:
            return None
        self._looked = now
        marks = frozenset(_marks(self._folder))
        if marks != self._seen:
            self._seen, self._heard = marks, now
        was, self._silent = self._silent, now - self._heard >= self._after
        if was == self._silent:
            return None
        return "stalled" if self._silent else "heard"


def _marks(folder: JobFolder) -> Iterator[tuple[Path, int, int]]:
    # A checkpoint or a model may take long to write: its files grow meanwhile.
    deep = (path for name in ("checkpoints", "model.partial") for path in _below(folder, name))
    for path in (*(folder.path / name for name in _NAMES), *deep):
        with suppress(OSError):
            state = path.stat()
            yield path, state.st_mtime_ns, state.st_size


def _below(folder: JobFolder, name: str) -> Iterator[Path]:
    with suppress(OSError):
        yield from (folder.path / name).rglob("*")
