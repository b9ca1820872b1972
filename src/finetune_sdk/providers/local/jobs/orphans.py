"""Ending a trainer whose supervisor was killed."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from finetune_sdk.providers.local.jobs.folder import JobFolder, is_held
from finetune_sdk.providers.local.jobs.records import State


def end(folder: JobFolder, *, grace: float) -> None:
    """Asks the trainer of a cancelled job to end, where no supervisor is left to do it.

    Every look at the job comes by here, so nobody waits: `grace` seconds after the request, the
    trainer is killed. Only where /proc shows who holds the job's lock: a number in a file alone
    may be anybody's by now. Elsewhere the trainer runs on to its end.
    """
    if is_held(folder.supervisor_lock):
        return
    state = State.of(folder)
    group = state.group if state else None
    if group is not None and group in _groups_that_hold(folder.lock):
        late = time.time() - folder.cancel.stat().st_mtime > grace
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL if late else signal.SIGTERM)


def _groups_that_hold(lock: Path) -> set[int]:
    wanted = lock.resolve()
    groups: set[int] = set()
    for process in Path("/proc").glob("[0-9]*"):
        # Processes of others and those that end meanwhile.
        with suppress(OSError):
            if any(handle.readlink() == wanted for handle in (process / "fd").iterdir()):
                groups.add(os.getpgid(int(process.name)))
    return groups
