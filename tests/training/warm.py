"""A process that has loaded torch and TRL once, and forks a trainer for each job it is given.

Run as `python -m tests.training.warm`. A line on its input is a request, a line on its output the
answer: `train` forks a trainer and gives its pid, `wait` gives how a pid ended, and `kills` runs
the experiment of `writers.py`. What a fork does is what a trainer's process does, without the
seconds that loading takes.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import IO, Any, cast

from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.training.__main__ import main, prepare
from tests.training import writers

# Torch loads its compiler at the first step of an optimizer.
_LOADED = (
    "torch",
    "torch._dynamo",
    "transformers",
    "trl",
    "peft",
    "datasets",
    "transformers.integrations",
)

_RUNNING = set[int]()
"""Trainers that nobody has waited for."""


class Warm:
    """The other end: starts the process and talks to it."""

    def __init__(self, **environ: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.training.warm"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **environ},
            text=True,
        )

    def train(self, folder: JobFolder, *, room: int | None = None) -> int:
        """Starts a trainer; gives its pid.

        Args:
            room: bytes of memory that it may take besides what it has when it begins.
        """
        return cast("int", self._ask("train", folder=str(folder.path), room=room))

    def wait(self, pid: int) -> int:
        """How it ended: its exit code, below zero the signal."""
        return cast("int", self._ask("wait", pid=pid))

    def kills(self, folder: JobFolder, *, times: int) -> list[dict[str, Any]]:
        """Trains, and kills copies of the trainer while they write checkpoints."""
        return cast(
            "list[dict[str, Any]]", self._ask("kills", folder=str(folder.path), times=times)
        )

    def close(self) -> None:
        """Ends the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            cast("IO[str]", pipe).close()
        self._process.wait(timeout=30)

    def _ask(self, verb: str, **details: object) -> object:
        given = cast("IO[str]", self._process.stdin)
        given.write(json.dumps({"verb": verb, **details}) + "\n")
        given.flush()
        return json.loads(cast("IO[str]", self._process.stdout).readline())


def _train(folder: Path, room: int | None) -> int:
    pid = os.fork()
    if pid:
        _RUNNING.add(pid)
        return pid
    handle = os.open(folder / "trainer.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number in (1, 2):
        os.dup2(handle, number)
    if room is not None:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        limit = pages * os.sysconf("SC_PAGE_SIZE") + room
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    code = 70
    try:
        code = main(folder)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _answer(request: dict[str, Any]) -> object:
    if request["verb"] == "train":
        return _train(Path(request["folder"]), request["room"])
    if request["verb"] == "wait":
        _RUNNING.discard(request["pid"])
        return os.waitstatus_to_exitcode(os.waitpid(request["pid"], 0)[1])
    return writers.kill(JobFolder(Path(request["folder"])), request["times"])


def serve() -> None:
    """Answers until the input ends."""
    prepare()
    for name in _LOADED:
        import_module(name)
    import_module("trl").SFTTrainer  # noqa: B018 - TRL loads its parts when they are named
    # What libraries print must not mix with the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), file=answers, flush=True)
    for pid in _RUNNING:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    serve()
