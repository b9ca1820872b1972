"""A writer of a job's files that is killed at a point of one's choice.

`python -m tests.local.writers` reads a line of JSON for each life of a writer (see `Life`), forks a
child that lives it, and answers with a line of JSON: how many of its deeds the child had told of
before it died, and whether it was killed. It is a process of its own, without threads, so that a
fork of it is cheap and safe. The hooks are set in the child alone; none is in what is shipped.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from finetune_sdk.providers.local.jobs import checkpoints, resuming
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.jobs.records import Created, Exit, Phase, Progress, State
from finetune_sdk.types import Metric

CALLS = ("open", "write", "fsync", "replace", "rename", "chmod", "unlink", "rmdir", "mkdir")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Life:
    """What a writer does until it is killed.

    Attributes:
        deeds: kind and number each; a number is used once.
        deed: index of the deed in which it is killed.
        call: of the calls to the system in this deed, the one that is its last; when there are
            fewer, it is killed after the deed and before it tells of it.
        how: `before` the call, `after` it, or `torn`: the first write comes half-way. `outside`:
            a real signal comes while the deed is done.
    """

    folder: str
    deeds: list[tuple[str, int]]
    deed: int
    call: int
    how: str


def do(folder: JobFolder, kind: str, number: int) -> None:
    """One deed, by the writers that the provider and the trainer use."""
    deeds: dict[str, Callable[[], object]] = {
        "created": lambda: Created(created_at=NOW, notes=(str(number),)).save(folder),
        "state": lambda: _state(number).save(folder),
        "progress": lambda: Progress(step=number, steps=10**6).save(folder),
        "event": lambda: folder.tell(f"event {number}"),
        "metric": lambda: folder.measure(Metric(step=number, name="loss", value=0.5)),
        "seal": lambda: _seal(folder, number),
        "remove": lambda: checkpoints.remove(_saved(folder, number)),
        "requeue": lambda: resuming.requeue(folder, _state(number)),
        "exit": lambda: Exit(status="failed", finished_at=NOW, trained_tokens=number).save(folder),
    }
    deeds[kind]()


def content(number: int) -> bytes:
    """The weights of a checkpoint."""
    return f"weights {number} ".encode() * 50


def _state(number: int) -> State:
    phases: tuple[Phase, ...] = ("queued", "running", "paused")
    return State(phase=phases[number % 3], since=NOW, started_at=when(number))


def when(number: int) -> datetime:
    """A time that stands for a number."""
    return NOW + timedelta(seconds=number)


def _saved(folder: JobFolder, number: int) -> Path:
    return folder.checkpoints / f"checkpoint-{number}"


def _seal(folder: JobFolder, number: int) -> None:
    path = _saved(folder, number)
    path.mkdir(parents=True, exist_ok=True)
    (path / "model.safetensors").write_bytes(content(number))
    sizes = {"model.safetensors": len(content(number))}
    checkpoints.seal(path, checkpoints.Manifest(step=number, created_at=NOW, files=sizes))


class Killer:
    """Counts the calls to the system and makes one of them the last."""

    def __init__(self, call: int, how: str) -> None:
        self._left = call
        self._how = how

    def hook(self) -> None:
        for name in CALLS:
            setattr(os, name, self._hooked(getattr(os, name)))

    def _hooked(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **words: Any) -> Any:
            if self._how == "torn":
                return self._tear(real, *arguments, **words)
            self._left -= 1
            if self._left:
                return real(*arguments, **words)
            if self._how == "after":
                real(*arguments, **words)
            return die()

        return call

    def _tear(self, real: Callable[..., Any], *arguments: Any, **words: Any) -> Any:
        if real is not _WRITE:
            return real(*arguments, **words)
        _WRITE(arguments[0], arguments[1][: len(arguments[1]) // 2])
        return die()


_WRITE = os.write


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def live(life: Life, told: int) -> None:
    folder = JobFolder(Path(life.folder))
    for index, (kind, number) in enumerate(life.deeds):
        outside = life.how == "outside"
        if index == life.deed and not outside:
            Killer(life.call, life.how).hook()
        do(folder, kind, number)
        if index == life.deed and not outside:
            die()
        _WRITE(told, b".")


def raise_and_end(life: Life) -> dict[str, object]:
    """One child from its birth to its end."""
    ear, mouth = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ear)
        live(life, mouth)
        os._exit(0)
    os.close(mouth)
    heard = _listen(ear, life, child)
    _, status = os.waitpid(child, 0)
    os.close(ear)
    return {"heard": heard, "killed": os.waitstatus_to_exitcode(status) == -signal.SIGKILL}


def _listen(ear: int, life: Life, child: int) -> int:
    heard = 0
    while life.how != "outside" or heard < life.deed:
        new = os.read(ear, 1)
        if not new:
            return heard
        heard += len(new)
    for _ in range(life.call * 300):
        pass
    os.kill(child, signal.SIGKILL)
    # What it told before it died counts as well.
    while new := os.read(ear, 100):
        heard += len(new)
    return heard


@contextmanager
def writers() -> Generator[Callable[[Life], tuple[int, bool]]]:
    """Lets a writer live; gives how many deeds it told of, and whether it was killed."""
    words = [sys.executable, "-m", "tests.local.writers"]
    pipe = subprocess.PIPE
    root = Path(__file__).parents[2]
    with subprocess.Popen(words, cwd=root, stdin=pipe, stdout=pipe, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None

        def ask(life: Life) -> tuple[int, bool]:
            print(json.dumps(asdict(life)), file=server.stdin, flush=True)
            answer = cast("dict[str, Any]", json.loads(cast("Any", server.stdout).readline()))
            return int(answer["heard"]), bool(answer["killed"])

        yield ask
        server.stdin.close()


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(raise_and_end(Life(**json.loads(line)))), flush=True)


if __name__ == "__main__":
    main()
