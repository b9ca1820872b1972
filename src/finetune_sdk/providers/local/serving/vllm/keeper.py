"""The program between a server of ours and vLLM: `python -P <this file> <folder> <program> ...`.

It ends with whoever holds the other end of its input, however that one ends, and takes vLLM and all
that vLLM has started with it; then the folder goes, where the socket lay. It holds the deployment's
lock until then. It imports nothing of this package: its environment is vLLM's.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

GROUP = "group"
"""The file with the number of vLLM's process group."""

_GRACE_SECONDS = 3.0


def keep(folder: Path, command: Sequence[str]) -> int:
    """Runs a program in a group of its own until it ends or is not wanted any more.

    Args:
        folder: where the group is written down, for the case that this program is killed.
    """
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0)
    (folder / GROUP).write_text(str(child.pid), encoding="ascii")
    threading.Thread(target=_end_when_left, args=(child,), daemon=True).start()
    code = child.wait()
    # Whoever it has started has no use without it.
    _signal(child.pid, signal.SIGKILL)
    return code if code >= 0 else 128 - code


def _end_when_left(child: subprocess.Popen[bytes]) -> None:
    while os.read(0, 1):
        pass
    _signal(child.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        child.wait(_GRACE_SECONDS)
    _signal(child.pid, signal.SIGKILL)


def _pass_over(*_: object) -> None:
    return


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


if __name__ == "__main__":
    for passed_over in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        # Not `SIG_IGN`, which vLLM would inherit.
        signal.signal(passed_over, _pass_over)
    own = Path(sys.argv[1])
    code = keep(own, sys.argv[2:])
    shutil.rmtree(own, ignore_errors=True)
    sys.exit(code)
