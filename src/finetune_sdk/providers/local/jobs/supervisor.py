"""The process that looks after one job: it waits for its turn, runs the trainer, says how it ended.

Run as `python -m finetune_sdk.providers.local.jobs.supervisor <folder> -- <trainer...>`. It comes
back at once, when the job's lock is held; the fork that holds it lives on in its own session. It
never starts a job that was running before, unless somebody has resumed it.
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
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

from finetune_sdk.providers.local.cluster.record import Cluster
from finetune_sdk.providers.local.environment import secrets
from finetune_sdk.providers.local.jobs import resuming, slots, verdict
from finetune_sdk.providers.local.jobs.folder import JobFolder, release, take
from finetune_sdk.providers.local.jobs.launcher import environment_of
from finetune_sdk.providers.local.jobs.records import Exit, Phase, State, now
from finetune_sdk.providers.local.jobs.silence import Silence
from finetune_sdk.providers.local.jobs.team import processes_of
from finetune_sdk.providers.local.process import detach, signal_group
from finetune_sdk.types import JobError

_TICK = 0.1
# Who only looks at a lock holds it for microseconds.
_LOOKERS = 0.25
# What a system that goes down waits for, before it ends all by force, is about 90 s.
_SAVING = 50.0
# Disk that is set aside, so that the end can be told when the job has filled the rest.
_RESERVE = 2**16

_LEVEL: dict[str, Literal["info", "warning", "error"]] = {"failed": "error"}


@dataclass(frozen=True)
class Limits:
    """How long a supervisor waits for its trainer, in seconds.

    Attributes:
        grace: between asking it to end and killing it.
        stalled_after: without a word of it, before that is said.
    """

    grace: float = 10.0
    stalled_after: float = 600.0


class Supervisor:
    """One job's life from its place in the queue to its end, or until it is paused.

    Args:
        trainer: program and arguments; the folder is added.
        lock: descriptor that holds the job's lock.
        limits: how long to wait for what.
    """

    def __init__(
        self, folder: JobFolder, trainer: Sequence[str], *, lock: int, limits: Limits
    ) -> None:
        self._folder = folder
        self._command = [*trainer, str(folder.path)]
        self._lock = lock
        self._limits = limits
        self._cluster = Cluster.of(folder)
        self._processes = processes_of(folder)
        self._told_to_go = False
        self._pausing = False
        self._state = State.of(folder) or State(phase="queued", since=now())

    def prepare(self) -> None:
        """The first writes: before `detach`, so that who started this learns of a full disk."""
        self._folder.reserve.write_bytes(bytes(_RESERVE))
        self._folder.resume.unlink(missing_ok=True)
        self._state = self._state.model_copy(update={"since": now()})
        self._state.save(self._folder)

    def run(self) -> None:
        """Returns when the job has ended or is paused, or when this process was told to go."""
        signal.signal(signal.SIGTERM, self._go)
        while self._once():
            pass

    def _once(self) -> bool:
        """From the queue to where it stops; True when it joins the queue anew."""
        claimed = self._wait_for_turn()
        if claimed is not None:
            slot, slot_locks = claimed
            again = self._end(self._train(slot, slot_locks))
            # Aloud, so that nothing that the trainer left behind keeps the machine.
            for slot_lock in slot_locks:
                release(slot_lock)
            return again
        if self._folder.cancel_requested:
            return self._end(verdict.cancelled())
        return not self._told_to_go and self._end(verdict.Halt())

    def _go(self, *_: object) -> None:
        self._told_to_go = True

    @property
    def _unwanted(self) -> bool:
        return self._told_to_go or self._folder.cancel_requested

    def _wait_for_turn(self) -> tuple[slots.Slot, tuple[int, ...]] | None:
        machine = slots.of_machine(os.environ)
        count = slots.needed(self._processes, machine)
        self._folder.home.make(self._folder.home.locks)
        told = False
        while not (self._unwanted or self._folder.pause.exists()):
            claimed = (
                slots.elsewhere(self._folder)
                if self._cluster
                else slots.claim(self._folder, machine, count)
            )
            if claimed is not None:
                return claimed
            if not told:
                self._tell_place(machine, count)
                told = True
            time.sleep(_TICK)
        return None

    def _tell_place(self, machine: tuple[slots.Slot, ...], count: int) -> None:
        before = slots.place(self._folder, slots.line(self._folder.home)) - 1
        what = f"{' or '.join(slot.name for slot in machine)} is busy"
        if count > 1:
            what = f"{count} of {len(machine)} GPUs are not free at once"
        self._tell(f"waits: {what}, and {before} more job(s) wait before it", "queued")

    def _train(self, slot: slots.Slot, slot_locks: tuple[int, ...]) -> verdict.Verdict | None:
        self._enter("running", started_at=self._state.started_at or now())
        self._tell(f"runs on {slot.name}", "running")
        try:
            trainer = self._start(slot, slot_locks)
        except OSError as error:
            message = f"the trainer {self._command[0]!r} cannot be started: {error.strerror}"
            fault = JobError(code="trainer_not_started", message=message)
            return verdict.weighed(self._folder, fault)
        self._note("running", group=trainer.pid)
        self._watch(trainer)
        if trainer.poll() is None:
            self._stop(trainer)
        signal_group(trainer.pid, signal.SIGKILL)
        return self._judge(trainer.wait())

    def _start(self, slot: slots.Slot, slot_locks: tuple[int, ...]) -> subprocess.Popen[bytes]:
        passes = environment_of(self._folder, os.environ)
        environment = {"PYTHONUNBUFFERED": "1", **passes, **slot.environment()}
        with self._folder.log.open("ab") as log:
            return subprocess.Popen(
                self._command,
                cwd=self._folder.path,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(self._lock, *slot_locks),
                process_group=0,
            )

    def _watch(self, trainer: subprocess.Popen[bytes]) -> None:
        silence = Silence(self._folder, self._limits.stalled_after)
        self._pausing = False
        while trainer.poll() is None and not self._unwanted:
            if not self._pausing and self._folder.pause.exists():
                self._pausing = True
                self._tell("pausing: what was learned is saved after this step", "pausing")
            change = silence.listen()
            if change is not None:
                self._mind(change)
            time.sleep(_TICK)

    def _mind(self, change: Literal["stalled", "heard"]) -> None:
        if change == "heard":
            self._note("running", silent_since=None)
            self._tell("the trainer is heard again", "heard")
            return
        since = now() - timedelta(seconds=self._limits.stalled_after)
        self._note("running", silent_since=since)
        words = f"the trainer has written nothing for {self._limits.stalled_after:.0f} seconds"
        self._tell(f"{words}; it is left alone", "stalled", level="warning")

    def _stop(self, trainer: subprocess.Popen[bytes]) -> None:
        if self._folder.cancel_requested:
            self._note("cancelling")
        signal_group(trainer.pid, signal.SIGTERM)
        since = time.monotonic()
        while trainer.poll() is None and time.monotonic() - since < self._patience:
            time.sleep(_TICK)
        signal_group(trainer.pid, signal.SIGKILL)

    @property
    def _patience(self) -> float:
        # Who is not to be cancelled still saves what was learned.
        cancelled = self._folder.cancel_requested
        return self._limits.grace if cancelled else max(self._limits.grace, _SAVING)

    def _judge(self, code: int) -> verdict.Verdict | None:
        if code == 0 and (success := verdict.succeeded(self._folder)) is not None:
            return success
        if self._folder.cancel_requested:
            return verdict.cancelled()
        if self._told_to_go:
            return None
        return verdict.stopped(self._folder, code, secrets=secrets(os.environ))

    def _end(self, end: verdict.Verdict | None) -> bool:
        if end is None:
            where = resuming.where(self._folder)
            words = f"the supervisor was told to go; `jobs.resume` goes on from {where}"
            self._tell(words, "lost", level="warning")
            return False
        if isinstance(end, verdict.Halt):
            return self._halt(end)
        self._folder.tidy()
        message = end.error.message if end.error else f"the job {_SAID[end.status]}"
        self._tell(message, end.status, level=_LEVEL.get(end.status, "info"))
        end.save(self._folder)
        return False

    def _halt(self, halt: verdict.Halt) -> bool:
        self._folder.drop_halves()
        if halt.error is not None:
            # Wished before anybody knew of what has happened.
            self._folder.resume.unlink(missing_ok=True)
        words = halt.error.message if halt.error else f"paused at {resuming.where(self._folder)}"
        self._tell(words, "paused", level="warning" if halt.error else "info")
        if self._folder.resume.exists():
            self._state = resuming.requeue(self._folder, self._state)
            return True
        self._enter("paused", error=halt.error, group=None, silent_since=None)
        self._folder.pause.unlink(missing_ok=True)
        return False

    def _enter(self, phase: Phase, **more: object) -> None:
        update = {"phase": phase, "since": now(), **more}
        self._state = self._state.model_copy(update=update)
        try:
            self._state.save(self._folder)
        except OSError:
            # This is what it was set aside for.
            self._folder.reserve.unlink(missing_ok=True)
            self._state.save(self._folder)

    def _note(self, phase: Phase, **more: object) -> None:
        # A full disk must not part a trainer from its supervisor.
        with suppress(OSError):
            self._enter(phase, **more)

    def _tell(
        self, message: str, type_: str, level: Literal["info", "warning", "error"] = "info"
    ) -> None:
        with suppress(OSError):
            self._folder.tell(message, type=type_, level=level)


_SAID = {"succeeded": "succeeded", "failed": "failed", "cancelled": "was cancelled"}


def main(arguments: Sequence[str]) -> int:
    """Takes the job's lock and lives on as a child; 0 where there is nothing to do."""
    own, trainer = _split(arguments)
    folder = JobFolder(Path(own.folder))
    lock = take(folder.lock, patience=_LOOKERS)
    if lock is None or not _to_be_started(folder):
        return 0
    supervisor_lock = take(folder.supervisor_lock, patience=_LOOKERS)
    if supervisor_lock is None:
        return 1
    limits = Limits(grace=own.grace, stalled_after=own.stalled_after)
    supervisor = Supervisor(folder, trainer, lock=lock, limits=limits)
    supervisor.prepare()
    detach()
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    supervisor.run()
    # In this order: who then takes the job's lock finds the other one free. And aloud, so that
    # nothing that a trainer left behind keeps a paused job from going on.
    release(supervisor_lock)
    release(lock)
    return 0


def _to_be_started(folder: JobFolder) -> bool:
    state = State.of(folder)
    waits = state is None or state.phase == "queued"
    return waits and Exit.of(folder) is None and not folder.pause.exists()


def _split(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(prog="finetune-supervisor")
    parser.add_argument("--grace", type=float, default=Limits.grace)
    parser.add_argument("--stalled-after", type=float, default=Limits.stalled_after)
    parser.add_argument("folder")
    at = arguments.index("--") if "--" in arguments else len(arguments)
    trainer = list(arguments[at + 1 :])
    if not trainer:
        parser.error("no trainer is named; it follows `--`")
    return parser.parse_args(arguments[:at]), trainer


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
