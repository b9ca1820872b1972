"""The program that Ray runs: `python -m finetune_sdk.providers.local.cluster.seat <orders>`.

It fetches the job into a folder of its own, runs the trainer there and brings what comes of it to
the storage. Until the storage is known to be the caller's it can only speak by what it prints:
Ray's answer holds the last lines.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from pydantic import BaseModel, ConfigDict

from finetune_sdk import __version__
from finetune_sdk.providers.local.cluster import layout
from finetune_sdk.providers.local.cluster.bringing import Bringer
from finetune_sdk.providers.local.cluster.fetching import fetch
from finetune_sdk.providers.local.cluster.storage import Storage
from finetune_sdk.providers.local.environment import child_environment, reports_of
from finetune_sdk.providers.local.jobs import checkpoints, verdict
from finetune_sdk.providers.local.jobs.folder import JobFolder

MARK = "finetune-seat:"
"""Begins the line by which a seat speaks that cannot write to the storage."""

_TICK = 0.1
_TRAINER = "finetune_sdk.providers.local.training"
_PATIENCE = 600.0
"""Seconds that what was learned is tried to be brought, when the trainer has ended."""


class Orders(BaseModel):
    """What a seat is told, as JSON in its only argument. Nothing in it is secret: Ray shows it.

    Attributes:
        storage: the path or URL.
        word: that `probe.json` of the job must hold.
        host: of the caller, for messages.
        version: of this package at the caller.
        grace: seconds between asking the trainer to end and killing it.
        trainer: program and arguments instead of our own trainer.
        processes: so many train together, each with so many CPUs and GPUs.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    storage: str
    job: str
    attempt: int
    word: str
    host: str
    version: str
    grace: float = 10.0
    trainer: tuple[str, ...] | None = None
    processes: int = 1
    cpus_per_process: int = 1
    gpus_per_process: int = 0


class Unwanted(Exception):  # noqa: N818 - nothing is wrong
    """The job is not to be trained here any more."""


class Seat:
    """One trainer on the cluster.

    Args:
        ranks: what it hears of the processes that train with it.
    """

    def __init__(self, orders: Orders, ranks: Mapping[str, str] | None = None) -> None:
        self._orders = orders
        self._ranks = dict(ranks or {})
        self._storage = Storage(orders.storage)
        self._job = self._storage.inside(layout.job(orders.job))
        self._place = self._storage.inside(layout.attempt(orders.job, orders.attempt))
        self._speaks = self._ranks.get("RANK", "0") == "0"
        self._told = False
        self._asked_at: float | None = None
        self._paused = False

    def run(self) -> int:
        """Trains; gives the exit code."""
        signal.signal(signal.SIGTERM, self._hear)
        check(self._orders, self._storage)
        with tempfile.TemporaryDirectory(prefix="finetune-", ignore_cleanup_errors=True) as name:
            try:
                return self._train(Path(name))
            except Unwanted:
                return 1

    def _hear(self, *_: object) -> None:
        self._told = True

    def _heed(self) -> None:
        """Raises: Unwanted: somebody wants the end now."""
        if self._told:
            raise Unwanted

    def _train(self, scratch: Path) -> int:
        orders = self._orders
        folder, step = fetch(self._storage, orders.job, orders.attempt, scratch, self._heed)
        restored = frozenset(one.path.name for one in checkpoints.complete(folder.checkpoints))
        bringer = Bringer(folder, self._place, restored) if self._speaks else None
        if bringer is not None:
            self._tell_seat(folder, scratch, step)
        with self._trainer(folder) as trainer:
            while trainer.poll() is None:
                self._mind(folder, trainer)
                if bringer is not None:
                    self._bring(bringer)
                time.sleep(_TICK)
        code = trainer.returncode
        if bringer is None:
            return code
        self._explain(folder, code)
        return self._finish(bringer, code)

    def _tell_seat(self, folder: JobFolder, scratch: Path, step: int) -> None:
        self._place.remove(layout.WAITING)
        told = {
            "host": socket.gethostname(),
            "folder": str(folder.path),
            "scratch": str(scratch),
            "version": __version__,
            "step": step,
        }
        self._place.write_json(layout.SEAT, told)

    @contextmanager
    def _trainer(self, folder: JobFolder) -> Generator[subprocess.Popen[bytes]]:
        """The trainer, in a group of its own that ends with us, whatever happens to us."""
        own = (sys.executable, "-P", "-m", _TRAINER)
        with folder.log.open("ab") as log:
            trainer = subprocess.Popen(
                [*(self._orders.trainer or own), str(folder.path)],
                cwd=folder.path,
                env={
                    "PYTHONUNBUFFERED": "1",
                    **child_environment(os.environ, reports_of(folder.path / "spec.json")),
                    **self._ranks,
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        _leash(trainer.pid)
        try:
            yield trainer
        finally:
            _kill(trainer.pid)
            trainer.wait()

    def _mind(self, folder: JobFolder, trainer: subprocess.Popen[bytes]) -> None:
        """Hands on the wish to end; kills who does not hear it."""
        if self._told and self._asked_at is None:
            self._asked_at = time.monotonic()
            with suppress(ProcessLookupError):
                os.killpg(trainer.pid, signal.SIGTERM)
        if self._asked_at is not None and time.monotonic() - self._asked_at > self._orders.grace:
            _kill(trainer.pid)
        if self._paused and not folder.pause.exists():
            # There was no room to save: the trainer goes on.
            self._paused = False
            with suppress(OSError):
                self._place.remove(layout.WISH)

    def _bring(self, bringer: Bringer) -> None:
        folder = bringer.folder
        try:
            if bringer.bring_where_due(self._heed):
                self._read_wish(folder)
        except OSError as error:
            # The next time, or the time after that: the trainer needs no storage.
            print(f"the storage does not answer: {error}", file=sys.stderr)
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
        with suppress(OSError):
            folder.write("failure", verdict.guessed(folder, code).model_dump(mode="json"))

    def _finish(self, bringer: Bringer, code: int) -> int:
        since = time.monotonic()
        while True:
            try:
                bringer.finish(lambda: None, code)
            except OSError as error:
                if time.monotonic() - since > _PATIENCE:
                    give_up("storage_failed", f"what was learned cannot be brought: {error}")
                time.sleep(1.0)
            else:
                return 0 if code == 0 else 1


def check(orders: Orders, storage: Storage) -> None:
    """Looks whether this is the caller's package and storage; does not come back where not."""
    host = socket.gethostname()
    if orders.version != __version__:
        give_up(
            "other_version",
            f"the caller has finetune-anywhere {orders.version}, and {host!r} on the cluster has "
            f'{__version__}: install the same on all nodes, `pip install "finetune-anywhere'
            f'[local,ray]=={orders.version}"`',
        )
    try:
        probe = storage.read_json(f"{layout.job(orders.job)}/{layout.PROBE}") or {}
    except Exception as error:  # noqa: BLE001 - each storage has errors of its own
        give_up("storage_not_shared", _not_shared(orders, host, f": {error}"))
    if probe.get("word") != orders.word:
        give_up("storage_not_shared", _not_shared(orders, host, ""))


def _not_shared(orders: Orders, host: str, reason: str) -> str:
    return (
        f"what {orders.host!r} has written to the storage {orders.storage!r}, {host!r} on the "
        f"cluster does not see{reason}; name a folder that is mounted on both under the same path, "
        "or a URL that both may read and write, such as 's3://bucket/folder'"
    )


def give_up(code: str, message: str) -> NoReturn:
    """Says why by the only way that is left, and ends."""
    print(f"{MARK} {json.dumps({'code': code, 'message': message})}", flush=True)
    sys.exit(1)


def _leash(group: int) -> None:
    """Ends a process group when this process is gone, however it went.

    By a process that holds the other end of a pipe of ours: Ray kills what it has started, and
    not what that has started; a node that is lost kills nothing.
    """
    theirs, ours = os.pipe()
    if os.fork():
        os.close(theirs)
        return
    os.close(ours)
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.read(theirs, 1)
    _kill(group)
    os._exit(0)


def _kill(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def main(arguments: Sequence[str]) -> int:
    """Does as the orders say."""
    return Seat(Orders.model_validate_json(arguments[0])).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
