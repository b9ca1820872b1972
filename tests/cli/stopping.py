"""Stops `finetune jobs wait HANDLE` at random points, in processes of its own.

Run as `python -m tests.cli.stopping HANDLE`; prints a line of JSON for each point. The processes
are forked from this one, which has loaded everything: the points lie where the command works.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

from finetune_sdk.cli import app, main

POINTS = 20
LOADED = app.app
NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def stop(handle: str, words: Path) -> None:
    first = start(handle, words)
    began = time.monotonic()
    while not words.stat().st_size:
        threading.Event().wait(0.01)
    # On a busy machine one start may take long, and is no measure of the others.
    takes = min(time.monotonic() - began, 2.0)
    end(first, signal.SIGTERM)
    draw = random.Random(17)  # noqa: S311 - the same points each time
    for point in range(POINTS):
        # From before the command works to after it has told its first event.
        pid, number = start(handle, words), NUMBERS[point % len(NUMBERS)]
        threading.Event().wait(draw.uniform(0.05, 2) * takes)
        code = end(pid, number)
        print(json.dumps({"number": number, "code": code, "words": words.read_text()}), flush=True)


def start(handle: str, words: Path) -> int:
    words.write_text("")
    ready, tell = os.pipe()
    pid = os.fork()
    if not pid:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(os.open(words, os.O_WRONLY | os.O_APPEND), 2)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.write(tell, b"r")
        os._exit(main(["jobs", "wait", handle]))
    os.read(ready, 1)
    os.close(ready)
    os.close(tell)
    return pid


def end(pid: int, number: signal.Signals) -> int:
    os.kill(pid, number)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        stop(sys.argv[1], Path(folder) / "words")
