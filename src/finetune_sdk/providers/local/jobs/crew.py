"""Starts the processes of one training, and ends all when one fails.

Run as `python -m finetune_sdk.providers.local.jobs.crew <processes> -- <trainer...>`. The trainers
find in their environment what torchrun would tell them. It ends as the first of them that failed:
with its exit code, or by its signal.

torchrun itself puts each process into a session of its own and closes what it should inherit: the
job's lock would be free while they train, and a kill of torchrun would leave them. And the port
where they meet is open to the whole network there (torch 2.13).
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

_TICK = 0.05
_LEAVING = 5.0
"""Seconds that the others have once one has failed: nothing can be learned any more."""

_HOST = "127.0.0.1"
# All of them are on this machine, and their talk is nobody else's.
_LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"


class Crew:
    """The processes of one training.

    Args:
        command: program and arguments of each.
        size: how many.
    """

    def __init__(self, command: Sequence[str], size: int) -> None:
        self._command = command
        self._size = size
        self._members: list[subprocess.Popen[bytes]] = []

    def run(self) -> int:
        """Starts all, and waits for their end.

        Returns:
            The exit code of the first that failed, below zero the signal that ended it.

        Raises:
            OSError: one cannot be started; those that were are ended.
        """
        try:
            with socket.create_server((_HOST, 0)) as listener:
                for rank in range(self._size):
                    self._members.append(self._start(rank, listener))
            return self._watch()
        finally:
            self._end()

    def pass_on(self, number: int, _: object = None) -> None:
        """Hands a signal on to all."""
        for member in self._members:
            # It may have ended meanwhile, which is no reason to keep it from the others.
            with suppress(ProcessLookupError):
                member.send_signal(number)

    def _start(self, rank: int, listener: socket.socket) -> subprocess.Popen[bytes]:
        # The first one takes the socket over: no other process can have the port between.
        listener.set_inheritable(rank == 0)
        return subprocess.Popen(
            self._command,
            env={**os.environ, **self._environment(rank, listener)},
            stdin=subprocess.DEVNULL,
            # They inherit the locks that this process was given.
            close_fds=False,
        )

    def _environment(self, rank: int, listener: socket.socket) -> dict[str, str]:
        address = {
            "MASTER_ADDR": _HOST,
            "MASTER_PORT": str(listener.getsockname()[1]),
            "FINETUNE_LISTENER": str(listener.fileno()),
            "GLOO_SOCKET_IFNAME": _LOOPBACK,
            "NCCL_SOCKET_IFNAME": _LOOPBACK,
        }
        size = str(self._size)
        return {
            **address,
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": size,
            "LOCAL_WORLD_SIZE": size,
        }

    def _watch(self) -> int:
        while True:
            codes = [member.poll() for member in self._members]
            if any(codes):
                # Who was killed is told by the system; the others only miss it.
                again = [member.poll() for member in self._members]
                return min(code for code in again if code)
            if None not in codes:
                return 0
            time.sleep(_TICK)

    def _end(self) -> None:
        self.pass_on(signal.SIGTERM)
        deadline = time.monotonic() + _LEAVING
        while any(member.poll() is None for member in self._members):
            if time.monotonic() > deadline:
                self.pass_on(signal.SIGKILL)
            time.sleep(_TICK)


def main(arguments: Sequence[str]) -> int:
    """Gives the exit code; where a signal ended one of them, this process ends by it too."""
    parser = argparse.ArgumentParser(prog="finetune-crew")
    parser.add_argument("processes", type=int)
    at = arguments.index("--")
    crew = Crew(arguments[at + 1 :], parser.parse_args(arguments[:at]).processes)
    signal.signal(signal.SIGTERM, crew.pass_on)
    code = crew.run()
    if code >= 0:
        return code
    with suppress(OSError):
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
