"""Ending a trainer, and what it has left behind, when the supervisor was killed."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from finetune_sdk.providers.local.jobs.folder import JobFolder, is_held
from finetune_sdk.providers.local.jobs.records import State
from finetune_sdk.providers.local.process import signal_group


def end(folder: JobFolder, *, grace: float) -> None:
    """Asks the trainer of a cancelled job to end, where no supervisor is left to do it.

    Every look at the job comes by here, so nobody waits: `grace` seconds after the request, all
    that is left of it is killed. Only where /proc shows who holds the job's lock: a number in a
    file alone may be anybody's by now. Elsewhere the trainer runs on to its end.
    """
    if is_held(folder.supervisor_lock):
        return
    late = is_late(folder.cancel, grace)
    signal_all(folder, signal.SIGKILL if late else signal.SIGTERM)


def is_late(wish: Path, grace: float) -> bool:
    """More than `grace` seconds have gone by since this file was written."""
    try:
        age = time.time() - wish.stat().st_mtime
    except FileNotFoundError:
        return False
    # A clock that was set back must not make the time longer.
    return not 0 <= age <= grace


def signal_all(folder: JobFolder, number: signal.Signals) -> None:
    """Sends a signal to every process group that lives on what the supervisor has handed down."""
    state = State.of(folder)
    for group in _groups(folder, state.group if state else None):
        signal_group(group, number)


def _groups(folder: JobFolder, known: int | None) -> set[int]:
    lock, slots = folder.lock.resolve(), folder.home.locks.resolve()
    groups: set[int] = set()
    for process in Path("/proc").glob("[0-9]*"):
        # Processes of others and those that end meanwhile.
        with suppress(OSError):
            opened = {handle.readlink() for handle in (process / "fd").iterdir()}
            group = os.getpgid(int(process.name))
            # Who only looks at the job may have its lock open at this moment, but no slot's.
            if lock in opened and (group == known or any(one.parent == slots for one in opened)):
                groups.add(group)
    return groups
