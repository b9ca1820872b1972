"""Starting a process that outlives its caller, and ending what one has started."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from finetune_sdk.errors import ServerError

_START_SECONDS = 60.0


def start_detached(
    argv: Sequence[str],
    *,
    environ: Mapping[str, str],
    cwd: Path,
    log: Path,
    keep: Sequence[int] = (),
) -> None:
    """Starts a program that calls `detach` first; returns when it has.

    It gets a session of its own, no input, and `log` for all that it prints. The descriptors in
    `keep` (a held lock, a bound socket) stay open in it, under the same numbers.

    Raises:
        ServerError: it could not be started.
    """
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        subprocess.run(
            argv,
            check=True,
            env=dict(environ),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=handle,
            start_new_session=True,
            pass_fds=keep,
            timeout=_START_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ServerError(
            f"a process could not be started ({type(error).__name__}); its log may say why: {log}",
            provider="local",
            code="cannot_start",
        ) from error
    finally:
        os.close(handle)


def signal_group(group: int, number: signal.Signals) -> None:
    """Sends a signal to a process group; one that is gone is no error."""
    # A Mac refuses where there are dead ones alone.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def detach() -> None:
    """Goes on as a child that nobody has to wait for; the process that was started ends here.

    Without it the caller would keep a zombie until it ends itself. To be called before there is
    any thread.
    """
    if os.fork():
        os._exit(0)
