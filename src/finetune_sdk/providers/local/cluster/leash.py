"""A process that ends with us, however we end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from finetune_sdk.providers.local.process import signal_group


@contextmanager
def leashed(
    command: Sequence[str],
    *,
    environ: Mapping[str, str],
    cwd: Path,
    log: Path,
    scratch: Path | None,
) -> Generator[subprocess.Popen[bytes]]:
    """A program in a process group of its own, all of which is gone afterwards.

    Args:
        scratch: a folder that is removed when this process is gone.
    """
    with log.open("ab") as out:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            process_group=0,
        )
    _leash(process.pid, scratch)
    try:
        yield process
    finally:
        signal_group(process.pid, signal.SIGKILL)
        process.wait()


def _leash(group: int, scratch: Path | None) -> None:
    """Kills a process group, and removes a folder, when this process is gone.

    By a process that holds the other end of a pipe of ours: Ray ends what it has started and not
    what that has started, and a machine whose raylet was killed ends nothing.
    """
    theirs, ours = os.pipe()
    if os.fork():
        os.close(theirs)
        return
    # In the child: no locks, no prints, since there may be threads that are not here.
    os.close(ours)
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.read(theirs, 1)
    signal_group(group, signal.SIGKILL)
    if scratch is not None:
        shutil.rmtree(scratch, ignore_errors=True)
    os._exit(0)
