"""Jobs that really run, with a trainer of our own in place of AutoTrain: no torch is needed.

    bench = ...
    trainer = Trainer(bench, tmp_path / "bin", TRAINS)

The trainer is a program named `autotrain` in the container's path. It tells in `trainer.log`, next
to it, how it was called; waiting in the container goes a hundred times as fast.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from finetune_sdk import FineTuneClient, Job
from tests.autotrain.bench import Bench
from tests.standins.hub import Image
from tests.support import eventually

IMAGE = "huggingface/autotrain-advanced"

FAST = """\
import threading, time
_sleep, _wait = time.sleep, threading.Event.wait
time.sleep = lambda seconds: _sleep(seconds / 100)
threading.Event.wait = lambda self, timeout=None: _wait(self, timeout and timeout / 100)
"""
PYTHON = """\
#!/bin/sh
PYTHONPATH="{folder}" exec "{python}" "$@"
"""
HEAD = """\
#!{python}
import json, os, pathlib, sys, time

here = pathlib.Path(__file__).parent
config = pathlib.Path("config.yaml").read_text()
project = config.split("project_name:")[1].split()[0]


def commands():
    pid = os.getpid()
    while pid > 1:
        yield pathlib.Path(f"/proc/{{pid}}/cmdline").read_bytes().decode()
        status = pathlib.Path(f"/proc/{{pid}}/status").read_text()
        pid = int(status.split("PPid:")[1].split()[0])


def told():
    return {{
        "pid": os.getpid(),
        "commands": list(commands())[:3],
        "environ": sorted(os.environ),
        "rows": len(pathlib.Path("data/train.jsonl").read_text().splitlines()),
    }}


with (here / "trainer.log").open("a") as log:
    log.write(json.dumps(told()) + "\\n")


def save(folder=".", state=False):
    target = pathlib.Path(project, folder)
    target.mkdir(parents=True, exist_ok=True)
    (target / "adapter_model.safetensors").write_bytes(b"weights of " + folder.encode())
    (target / "adapter_config.json").write_text("{{}}")
    if state:
        (target / "trainer_state.json").write_text("{{}}")


def until(name):
    (here / name).read_text()  # of a pipe: it holds until somebody writes


print("{{'loss': 1.5, 'epoch': 0.5}}", flush=True)
"""
TRAINS = "save()"
FAILS_WITH_NIL = """\
print("ERROR | 2026-11-26 10:00:00 | autotrain.trainers.common:wrapper:215 - train has failed due "
      "to an exception: Traceback (most recent call last):")
print("ValueError: the rows are wrong")
"""


class Trainer:
    """What stands for AutoTrain in a bench's containers.

    Attributes:
        folder: of the container's programs; what the trainer waits for is put there.
    """

    def __init__(self, bench: Bench, folder: Path, program: str) -> None:
        self.folder = folder
        self._bench = bench
        fast = folder / "fast"
        fast.mkdir(parents=True)
        (fast / "sitecustomize.py").write_text(FAST)
        python = PYTHON.format(folder=fast, python=sys.executable)
        self._write("python-of-the-image", python)
        self._write("autotrain", HEAD.format(python=sys.executable) + program)
        for name in ("go", "never"):
            os.mkfifo(folder / name)
        bench.hub.images[IMAGE] = Image(folder, folder / "python-of-the-image")

    def allow(self, name: str) -> None:
        """Lets the trainer go on that waits for this."""
        (self.folder / name).write_text("")

    @property
    def runs(self) -> list[dict[str, Any]]:
        """How it was called, once for each time."""
        log = self.folder / "trainer.log"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def running(self) -> dict[str, Any]:
        """How it was called, as soon as it was."""
        eventually(lambda: bool(self.runs))
        return self.runs[-1]

    def ended(self, client: FineTuneClient, job: Job) -> Job:
        """The job once its container is gone."""
        self._bench.hub.jobs.join(job.id, 60)
        found = client.jobs.get(job)
        self._bench.said += [found.to_json(), *client.jobs.logs(job)]
        return found

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o755)
