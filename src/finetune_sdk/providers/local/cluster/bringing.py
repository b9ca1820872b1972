"""From a trainer's folder on the cluster to the storage, again and again."""

from __future__ import annotations

import os
import time

from finetune_sdk.providers.local.cluster import layout
from finetune_sdk.providers.local.cluster.storage import Heed, Storage
from finetune_sdk.providers.local.environment import secrets
from finetune_sdk.providers.local.jobs import checkpoints
from finetune_sdk.providers.local.jobs.checkpoints import MANIFEST, Saved
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.transport import redact

_REST = 1.0
_SHARE = 10.0
"""Bringing takes at most one part in so many of the time: a log that has grown is long."""


def _nothing() -> None:
    """At the end there is nothing else to heed."""


class Bringer:
    """Brings what is new.

    Args:
        folder: the trainer's.
        place: the attempt's folder in the storage.
        restored: names of the checkpoints that came from there.
    """

    def __init__(self, folder: JobFolder, place: Storage, restored: frozenset[str]) -> None:
        self.folder = folder
        self._place = place
        self._brought = set(restored)
        self._own: set[str] = set()
        self._marks: dict[str, tuple[int, int]] = {}
        self._kept: list[str] | None = None
        self._due = 0.0
        self._over = False

    def bring_where_due(self, heed: Heed) -> bool:
        """Brings what is new, where the last time is long enough ago; says whether it was.

        Raises:
            OSError: the storage refuses; all is tried again the next time.
        """
        if time.monotonic() < self._due:
            return False
        began = time.monotonic()
        self.bring(heed)
        ended = time.monotonic()
        self._due = ended + max(_REST, (ended - began) * _SHARE)
        return True

    def bring(self, heed: Heed) -> None:
        """Brings what is new.

        Raises:
            OSError: the storage refuses; all is tried again the next time.
        """
        # The checkpoint first: its numbers are there when it is.
        for name in layout.GROWING:
            self._bring_text(name)
        self._bring_checkpoints(heed)
        for name in layout.WHOLE:
            self._bring_text(name)

    def finish(self, code: int, *, paused: bool = False) -> None:
        """Brings all that is left, the trainer's own last words, and that it has ended.

        Args:
            code: of the trainer's exit.
            paused: it was asked to save and stop.

        Raises:
            OSError: the storage refuses.
        """
        self._over = True
        self.bring(_nothing)
        if (self.folder.path / "result.json").exists():
            for name, path in layout.below(self.folder.model).items():
                self._place.put(path, f"{layout.MODEL}/{name}")
        for name in layout.ENDS:
            self._bring_text(name)
        self._place.write_json(layout.ENDED, {"code": code, "paused": paused})

    def _bring_text(self, name: str) -> None:
        path = self.folder.path / name
        try:
            state = path.stat()
            mark = (state.st_mtime_ns, state.st_size)
            if self._marks.get(name) == mark:
                return
            content = path.read_bytes()
        except FileNotFoundError:
            return
        if name == "trainer.log":
            content = _clean(content if self._over else content[: content.rfind(b"\n") + 1])
        self._place.write(name, content)
        self._marks[name] = mark

    def _bring_checkpoints(self, heed: Heed) -> None:
        there = checkpoints.complete(self.folder.checkpoints)
        for saved in there:
            if saved.path.name not in self._brought:
                self._bring_checkpoint(saved, heed)
        kept = [saved.path.name for saved in there]
        if kept != self._kept:
            self._place.write_json(layout.KEPT, {"names": kept})
            self._kept = kept
        for name in self._own - set(kept):
            self._place.remove(f"{layout.CHECKPOINTS}/{name}/{MANIFEST}")
            self._place.remove(f"{layout.CHECKPOINTS}/{name}")
            self._own.discard(name)

    def _bring_checkpoint(self, saved: Saved, heed: Heed) -> None:
        place = self._place.inside(f"{layout.CHECKPOINTS}/{saved.path.name}")
        names = [name for name in layout.below(saved.path) if name != MANIFEST]
        try:
            # The manifest comes last: what is cut short does not count.
            for name in (*names, MANIFEST):
                place.put(saved.path / name, name, heed)
        except FileNotFoundError:
            # The trainer has removed it meanwhile, since there are newer ones.
            if saved.path.exists():
                raise
            place.remove("")
            return
        self._brought.add(saved.path.name)
        self._own.add(saved.path.name)


class Aside:
    """Brings what a process beside the first has that the first has not.

    Args:
        folder: the trainer's; that of the first process where both are on one machine.
        place: the attempt's folder in the storage.
        rank: the process's number.
    """

    def __init__(self, folder: JobFolder, place: Storage, rank: str) -> None:
        self.folder = folder
        self._place = place
        self._rank = rank
        self._brought: set[str] = set()
        self._due = 0.0

    def bring_where_due(self, heed: Heed) -> bool:
        """Brings what is new, where the last time is long enough ago; says whether it was.

        Raises:
            OSError: the storage refuses; all is tried again the next time.
        """
        if time.monotonic() < self._due:
            return False
        self._due = time.monotonic() + _REST
        # The state of its random numbers, without which it does not go on as it would have.
        for path in self.folder.checkpoints.glob(f"checkpoint-*/rng_state_{self._rank}.pth"):
            name = path.relative_to(self.folder.path).as_posix()
            if name not in self._brought:
                self._place.put(path, name, heed)
                self._brought.add(name)
        return True

    def finish(self, code: int, *, paused: bool = False) -> None:  # noqa: ARG002 - the first tells
        """Brings why it failed.

        Args:
            code: of the trainer's exit.
            paused: it was asked to save and stop.

        Raises:
            OSError: the storage refuses.
        """
        if code and (failure := self.folder.read("failure")):
            self._place.write_json(layout.failure(self._rank), failure)


def _clean(log: bytes) -> bytes:
    return redact(log.decode(errors="replace"), *secrets(os.environ)).encode()
