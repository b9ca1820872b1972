"""The program that Ray runs: `python -m finetune_sdk.providers.local.cluster.seat <orders>`.

It fetches the job into a folder of its own, runs the trainer there and brings what comes of it to
the storage.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from finetune_sdk import __version__
from finetune_sdk.providers.local.cluster import layout
from finetune_sdk.providers.local.cluster.bringing import Aside, Bringer
from finetune_sdk.providers.local.cluster.fetching import fetch
from finetune_sdk.providers.local.cluster.leash import leashed
from finetune_sdk.providers.local.cluster.orders import GaveUp, Orders, check
from finetune_sdk.providers.local.cluster.placing import team_of
from finetune_sdk.providers.local.cluster.storage import Storage
from finetune_sdk.providers.local.environment import child_environment, reports_of
from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.jobs import checkpoints, verdict
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.process import signal_group

_TICK = 0.1
_TRAINER = "finetune_sdk.providers.local.training"
_READY = "ready"
_OTHERS = 10.0
"""Seconds that another process may take to say why it failed, when this one was told nothing."""

_PATIENCE = 600.0
"""Seconds that what was learned is tried to be brought, when the trainer has ended."""


class Unwanted(Exception):  # noqa: N818 - nothing is wrong
    """The job is not to be trained here any more."""


class Seat:
    """One trainer on the cluster.

    Several of one job on one machine share its folder, as torchrun's do.

    Args:
        scratch: folder on this machine for the job.
        ranks: what the trainer hears of the processes that it trains with.
    """

    def __init__(
        self, orders: Orders, scratch: Path, ranks: Mapping[str, str] | None = None
    ) -> None:
        self._orders = orders
        self._scratch = scratch
        self._ranks = dict(ranks or {})
        self._storage = Storage(orders.storage)
        self._job = self._storage.inside(layout.job(orders.job))
        self._place = self._storage.inside(layout.attempt(orders.job, orders.attempt))
        self._told = False
        self._asked_at: float | None = None
        self._paused = False

    def end(self, *_: object) -> None:
        """Asks for the end; may be called by a signal."""
        self._told = True

    def run(self) -> int:
        """Trains; gives the trainer's exit code.

        Raises:
            GaveUp: the job cannot be fetched, or what was learned cannot be brought.
        """
        try:
            folder, bringer = self._begin()
            code = self._train(folder, bringer)
        except Unwanted:
            return 1
        self._explain(folder, code)
        self._finish(bringer, code)
        return code

    def _begin(self) -> tuple[JobFolder, Bringer | Aside]:
        try:
            self._check_wanted()
            folder = self._folder()
            return folder, self._bringer(folder)
        except OSError as error:
            words = f"the job cannot be fetched from {self._orders.storage!r}: {error}"
            raise GaveUp("storage_failed", words) from error

    def _heed(self) -> None:
        """Raises: Unwanted: somebody wants the end now."""
        if self._told:
            raise Unwanted

    @property
    def _keeps(self) -> bool:
        """It looks after the folder, for all on this machine."""
        return self._ranks.get("LOCAL_RANK", "0") == "0"

    def _check_wanted(self) -> None:
        # Ray lets one begin that was stopped while it waited.
        wish = self._place.read_json(layout.WISH) or {}
        if wish.get("cancel"):
            raise Unwanted

    def _folder(self) -> JobFolder:
        ready = self._scratch / _READY
        if self._keeps:
            orders = self._orders
            folder = fetch(self._storage, orders.job, orders.attempt, self._scratch, self._heed)
            if orders.processes > 1:
                team_of(orders.processes).save(folder)
            ready.touch()
        while not ready.exists():
            self._heed()
            time.sleep(_TICK)
        return JobFolder(LocalHome.of(self._scratch).jobs / self._orders.job)

    def _bringer(self, folder: JobFolder) -> Bringer | Aside:
        rank = self._ranks.get("RANK", "0")
        if rank != "0":
            return Aside(folder, self._place, rank)
        self._place.remove(layout.WAITING)
        told = {
            "host": socket.gethostname(),
            "folder": str(folder.path),
            "scratch": str(self._scratch),
            "version": __version__,
        }
        self._place.write_json(layout.SEAT, told)
        restored = frozenset(one.path.name for one in checkpoints.complete(folder.checkpoints))
        return Bringer(folder, self._place, restored)

    def _train(self, folder: JobFolder, bringer: Bringer | Aside) -> int:
        own = (sys.executable, "-P", "-m", _TRAINER)
        passes = child_environment(os.environ, reports_of(folder.path / "spec.json"))
        with leashed(
            [*(self._orders.trainer or own), str(folder.path)],
            environ={"PYTHONUNBUFFERED": "1", **passes, **self._ranks},
            cwd=folder.path,
            log=folder.log,
            scratch=self._scratch if self._keeps else None,
        ) as trainer:
            while trainer.poll() is None:
                self._mind(folder, trainer)
                self._bring(bringer)
                time.sleep(_TICK)
        return int(trainer.returncode)

    def _mind(self, folder: JobFolder, trainer: subprocess.Popen[bytes]) -> None:
        """Hands on the wish to end; kills who does not hear it."""
        if self._told and self._asked_at is None:
            self._asked_at = time.monotonic()
            signal_group(trainer.pid, signal.SIGTERM)
        if self._asked_at is not None and time.monotonic() - self._asked_at > self._orders.grace:
            signal_group(trainer.pid, signal.SIGKILL)
        if self._paused and not folder.pause.exists():
            # There was no room to save: the trainer goes on.
            self._paused = False
            with suppress(OSError):
                self._place.remove(layout.WISH)

    def _bring(self, bringer: Bringer | Aside) -> None:
        try:
            if bringer.bring_where_due(self._heed):
                self._read_wish(bringer.folder)
        except OSError as error:
            # The next time, or the time after that: the trainer needs no storage.
            print(f"the storage does not answer: {error}", file=sys.stderr)  # noqa: T201 - Ray's log
        except Unwanted:
            return

    def _read_wish(self, folder: JobFolder) -> None:
        wish = self._place.read_json(layout.WISH) or {}
        # Without the probe the job is over and cleared away: the cluster took us for dead.
        if wish.get("cancel") or self._job.size(layout.PROBE) is None:
            folder.request_cancel()
            self._told = True
        elif wish.get("pause") and not self._paused:
            self._paused = True
            folder.request_pause()

    def _explain(self, folder: JobFolder, code: int) -> None:
        """Leaves a word of why it ended, where the trainer could not."""
        done = verdict.succeeded(folder) is not None
        asked = self._told or (code == 0 and self._paused)
        if done or asked or (folder.path / "failure.json").exists():
            return
        failure = self._failure_beside() or verdict.guessed(folder, code).model_dump(mode="json")
        with suppress(OSError):
            folder.write("failure", failure)

    def _failure_beside(self) -> Mapping[str, object] | None:
        """What another process says of why all have ended; it may say it a little later."""
        others = range(1, int(self._ranks.get("WORLD_SIZE", "1")))
        until = time.monotonic() + _OTHERS
        while others and time.monotonic() < until:
            for rank in others:
                with suppress(OSError):
                    if told := self._place.read_json(layout.failure(str(rank))):
                        return told
            time.sleep(_TICK)
        return None

    def _finish(self, bringer: Bringer | Aside, code: int) -> None:
        since = time.monotonic()
        while True:
            try:
                bringer.finish(code, paused=code == 0 and self._paused)
            except OSError as error:
                if time.monotonic() - since > _PATIENCE:
                    words = f"what was learned cannot be brought: {error}"
                    raise GaveUp("storage_failed", words) from error
                time.sleep(1.0)
            else:
                return


def main(arguments: Sequence[str]) -> int:
    """Does as the orders say; gives the exit code."""
    orders = Orders.model_validate_json(arguments[0])
    try:
        check(orders)
        with tempfile.TemporaryDirectory(prefix="finetune-", ignore_cleanup_errors=True) as name:
            seat = Seat(orders, Path(name))
            signal.signal(signal.SIGTERM, seat.end)
            return int(seat.run() != 0)
    except GaveUp as error:
        print(error, flush=True)  # noqa: T201 - the only way that is left
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
