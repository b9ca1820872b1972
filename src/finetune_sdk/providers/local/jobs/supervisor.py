"""The process that looks after one job: it waits for its turn, runs the trainer, says how it ended.

Run as `python -m finetune_sdk.providers.local.jobs.supervisor <folder> -- <trainer...>`. It comes
back at once, when the job's lock is held; the fork that holds it lives on in its own session. It
never starts a job anew that was running before.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from finetune_sdk.providers.local.environment import child_environment, secrets
from finetune_sdk.providers.local.jobs import slots, verdict
from finetune_sdk.providers.local.jobs.folder import JobFolder, release, take
from finetune_sdk.providers.local.jobs.records import Exit, State, now
from finetune_sdk.providers.local.process import detach

_TICK = 0.1
# Who only looks at a lock holds it for microseconds.
_LOOKERS = 0.25
# Disk that is set aside, so that the end can be told when the job has filled the rest.
_RESERVE = 2**16

_LEVEL: dict[str, Literal["info", "warning", "error"]] = {"failed": "error"}


class Supervisor:
    """One job's life from its place in the queue to `exit.json`.

    Args:
        trainer: program and arguments; the folder is added.
        lock: descriptor that holds the job's lock.
        grace: seconds between asking the trainer to end and killing it.
    """

    def __init__(
        self, folder: JobFolder, trainer: Sequence[str], *, lock: int, grace: float
    ) -> None:
        self._folder = folder
        self._command = [*trainer, str(folder.path)]
        self._lock = lock
        self._grace = grace
        self._told_to_go = False
        self._state = State(phase="queued", since=now())

    def prepare(self) -> None:
        """The first writes: before `detach`, so that who started this learns of a full disk."""
        self._folder.reserve.write_bytes(bytes(_RESERVE))
        self._state.save(self._folder)

    def run(self) -> None:
        """Returns when the job has ended, or when this process was told to go."""
        signal.signal(signal.SIGTERM, self._go)
        claimed = self._wait_for_turn()
        if claimed is not None:
            slot, slot_lock = claimed
            self._end(self._train(slot, slot_lock))
            # Aloud, so that nothing that the trainer left behind keeps the machine.
            release(slot_lock)
        elif self._folder.cancel_requested:
            self._end(verdict.cancelled())

    def _go(self, *_: object) -> None:
        self._told_to_go = True

    @property
    def _unwanted(self) -> bool:
        return self._told_to_go or self._folder.cancel_requested

    def _wait_for_turn(self) -> tuple[slots.Slot, int] | None:
        machine = slots.of_machine(os.environ)
        self._folder.home.make(self._folder.home.locks)
        told = False
        while not self._unwanted:
            claimed = slots.claim(self._folder, machine)
            if claimed is not None:
                return claimed
            if not told:
                self._tell_place(machine)
                told = True
            time.sleep(_TICK)
        return None

    def _tell_place(self, machine: tuple[slots.Slot, ...]) -> None:
        before = slots.waiting_before(self._folder)
        what = " or ".join(slot.name for slot in machine)
        self._tell(f"waits: {what} is busy, and {before} more job(s) wait before it", "queued")

    def _train(self, slot: slots.Slot, slot_lock: int) -> Exit | None:
        self._enter("running", started_at=now())
        self._tell(f"runs on {slot.name}", "running")
        try:
            trainer = self._start(slot, slot_lock)
        except OSError as error:
            message = f"the trainer {self._command[0]!r} cannot be started: {error.strerror}"
            return verdict.failure("trainer_not_started", message)
        self._note("running", group=trainer.pid)
        while trainer.poll() is None and not self._unwanted:
            time.sleep(_TICK)
        if trainer.poll() is None:
            self._stop(trainer)
        _signal(trainer.pid, signal.SIGKILL)
        return self._judge(trainer.wait())

    def _start(self, slot: slots.Slot, slot_lock: int) -> subprocess.Popen[bytes]:
        environment = {
            "PYTHONUNBUFFERED": "1",
            **child_environment(os.environ),
            **slot.environment(),
        }
        with self._folder.log.open("ab") as log:
            return subprocess.Popen(
                self._command,
                cwd=self._folder.path,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(self._lock, slot_lock),
                process_group=0,
            )

    def _stop(self, trainer: subprocess.Popen[bytes]) -> None:
        if self._folder.cancel_requested:
            self._note("cancelling")
        _signal(trainer.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            trainer.wait(self._grace)
            return
        _signal(trainer.pid, signal.SIGKILL)

    def _judge(self, code: int) -> Exit | None:
        if code == 0 and (success := verdict.succeeded(self._folder)) is not None:
            return success
        if self._folder.cancel_requested:
            return verdict.cancelled()
        if self._told_to_go:
            return None
        return verdict.failed(self._folder, code, secrets=secrets(os.environ))

    def _end(self, end: Exit | None) -> None:
        if end is None:
            self._tell("the supervisor was told to go; the job is lost", "lost", level="warning")
            return
        self._folder.tidy()
        message = end.error.message if end.error else f"the job {_SAID[end.status]}"
        self._tell(message, end.status, level=_LEVEL.get(end.status, "info"))
        end.save(self._folder)

    def _enter(self, phase: Literal["running", "cancelling"], **more: object) -> None:
        update = {"phase": phase, "since": now(), **more}
        self._state = self._state.model_copy(update=update)
        try:
            self._state.save(self._folder)
        except OSError:
            # This is what it was set aside for.
            self._folder.reserve.unlink(missing_ok=True)
            self._state.save(self._folder)

    def _note(self, phase: Literal["running", "cancelling"], **more: object) -> None:
        # A full disk must not part a trainer from its supervisor.
        with suppress(OSError):
            self._enter(phase, **more)

    def _tell(
        self, message: str, type_: str, level: Literal["info", "warning", "error"] = "info"
    ) -> None:
        with suppress(OSError):
            self._folder.tell(message, type=type_, level=level)


_SAID = {"succeeded": "succeeded", "failed": "failed", "cancelled": "was cancelled"}


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def main(arguments: Sequence[str]) -> int:
    """Takes the job's lock and lives on as a child; 0 where there is nothing to do."""
    own, trainer = _split(arguments)
    folder = JobFolder(Path(own.folder))
    lock = take(folder.lock, patience=_LOOKERS)
    if lock is None or not _to_be_started(folder):
        return 0
    if take(folder.supervisor_lock, patience=_LOOKERS) is None:
        return 1
    supervisor = Supervisor(folder, trainer, lock=lock, grace=own.grace)
    supervisor.prepare()
    detach()
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    supervisor.run()
    return 0


def _to_be_started(folder: JobFolder) -> bool:
    state = State.of(folder)
    return Exit.of(folder) is None and (state is None or state.phase == "queued")


def _split(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(prog="finetune-supervisor")
    parser.add_argument("--grace", type=float, default=10.0)
    parser.add_argument("folder")
    at = arguments.index("--") if "--" in arguments else len(arguments)
    trainer = list(arguments[at + 1 :])
    if not trainer:
        parser.error("no trainer is named; it follows `--`")
    return parser.parse_args(arguments[:at]), trainer


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
