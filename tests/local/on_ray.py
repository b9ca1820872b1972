"""A real cluster of Ray, in a network of its own: what `test_ray.py` asserts about happens here.

    unshare --net --pid --fork --mount-proc --kill-child python -m tests.local.on_ray <folder>

There is no way out but loopback, and when this process ends all others do: Ray leaves many behind.
It prints one JSON object, with what came of each story by its name.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from finetune_sdk import FineTuneClient, Supervised
from finetune_sdk.errors import FineTuneError
from finetune_sdk.providers.local.cluster.api import RayApi
from finetune_sdk.providers.local.options import LocalOptions
from finetune_sdk.providers.local.provider import LocalProvider
from finetune_sdk.types import Job, JobStatus
from tests.local.small_jobs import TRAINER
from tests.standins.ray import descendants, path_with_python
from tests.support import eventually
from tests.training.jobs import CAKES
from tests.training.tiny import make_tiny_model

TOKEN = "0123456789abcdef0123456789abcdef"
ADDRESS = "http://127.0.0.1:8265"
HEAD = "127.0.0.1:6399"
_SMALL = f"{TRAINER[1]} /tmp/finetune-"
"""Begins the arguments of the small trainer on the cluster."""
_PATIENCE = 180.0


class Machines:
    """A head that trains nothing, and other machines of one cluster."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environ = {
            **os.environ,
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": TOKEN,
            "OMP_NUM_THREADS": "1",
            "PATH": path_with_python(),
        }
        self._processes: list[subprocess.Popen[bytes]] = []
        self.api = RayApi(ADDRESS, TOKEN, "RAY_AUTH_TOKEN")

    def start_head(self) -> None:
        ports = ("--port=6399", "--dashboard-host=127.0.0.1", "--dashboard-port=8265")
        # A socket's path has 107 bytes at most.
        self._start("--head", *ports, "--num-cpus=0", f"--temp-dir=/tmp/ray-{os.getpid()}")
        eventually(self._answers, timeout=_PATIENCE)

    def add(self, *, hidden: Path | None = None) -> subprocess.Popen[bytes]:
        """The machine that trains, with two CPUs.

        Args:
            hidden: a folder in which there is nothing on that machine.
        """
        # The cluster may still count what it has just lost.
        eventually(lambda: self.cpus == 0, timeout=_PATIENCE)
        machine = self._start(f"--address={HEAD}", "--num-cpus=2", hidden=hidden)
        eventually(lambda: self.cpus > 0, timeout=_PATIENCE)
        return machine

    def lose(self, machine: subprocess.Popen[bytes]) -> None:
        """All that runs on a machine is gone at one moment."""
        everything = descendants(machine.pid)
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in everything:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
        machine.wait()

    @property
    def newest(self) -> subprocess.Popen[bytes]:
        return self._processes[-1]

    @property
    def cpus(self) -> float:
        return self.api.resources().get("CPU", (0.0, 0.0))[1]

    def _answers(self) -> bool:
        try:
            return bool(self.api.version())
        except FineTuneError:
            return False

    def _start(self, *more: str, hidden: Path | None = None) -> subprocess.Popen[bytes]:
        words = ("start", "--block", "--disable-usage-stats", "--node-ip-address=127.0.0.1", *more)
        command = [sys.executable, "-W", "ignore", "-m", "ray.scripts.scripts", *words]
        if hidden is not None:
            hide = f"mount -t tmpfs none '{hidden}' && exec \"$@\""
            command = ["unshare", "--mount", "sh", "-c", hide, "sh", *command]
        log = self._folder / f"machine-{len(self._processes)}.log"
        with log.open("wb") as out:
            machine = subprocess.Popen(
                command, env=self._environ, stdout=out, stderr=out, start_new_session=True
            )
        self._processes.append(machine)
        return machine


class Stories:
    """What is tried, one after the other, on one cluster."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._machines = Machines(folder)
        self._model = make_tiny_model(folder / "model")

    def tell(self, wanted: Sequence[str]) -> dict[str, object]:
        """What came of each story; of all, where none is wanted by its name."""
        machines = self._machines
        machines.start_head()
        first = machines.add()
        stories: dict[str, Callable[[], object]] = {
            "wrong_token": self._wrong_token,
            "no_room": self._no_room,
            "alone": lambda: self._train(self._here("alone")),
            "there": lambda: self._train(self._there("there")),
            "lost": lambda: self._train(self._there("lost"), lambda _: self._swap(first)),
            "killed": self._killed,
            "two": lambda: self._train(self._there("two", processes=2)),
            "deaf": self._deaf,
            "left": self._left,
            "hidden": self._hidden,
        }
        return {name: tell() for name, tell in stories.items() if name in wanted or not wanted}

    def _here(self, name: str) -> LocalProvider:
        return LocalProvider(home=self._folder / name)

    def _there(self, name: str, *, token: str = TOKEN, **more: Any) -> LocalProvider:
        return LocalProvider(
            home=self._folder / name,
            environ={**os.environ, "RAY_AUTH_TOKEN": token},
            launcher="ray",
            address=ADDRESS,
            storage=self._folder / "shared",
            **more,
        )

    def _train(
        self, provider: LocalProvider, meanwhile: Callable[[Job], None] | None = None
    ) -> dict[str, object]:
        """A job of 480 steps; `meanwhile` is called once when a checkpoint of it is here."""
        client = FineTuneClient(provider)
        job = client.jobs.create(
            model=str(self._model),
            training_data=[dict(row) for row in CAKES],
            method=Supervised(epochs=120, batch_size=4, learning_rate=1e-2),
            seed=7,
            options=[LocalOptions(save_steps=40, precision="float32")],
        )
        if meanwhile is not None:
            self._until(client, job, lambda job: bool(list(client.jobs.checkpoints(job))))
            meanwhile(job)
        job = self._until(client, job, lambda job: job.status.terminal or _is_paused(job))
        return self._outcome(client, job)

    def _until(self, client: FineTuneClient, job: Job, seen: Callable[[Job], bool]) -> Job:
        found = [job]

        def look() -> bool:
            found[0] = client.jobs.get(job)
            return seen(found[0])

        try:
            eventually(look, timeout=_PATIENCE)
        except AssertionError:
            print(self._outcome(client, found[0]), file=sys.stderr)
            raise
        return found[0]

    def _outcome(self, client: FineTuneClient, job: Job) -> dict[str, object]:
        losses = {
            metric.step: metric.value
            for metric in client.jobs.metrics(job)
            if metric.name == "loss" and metric.split == "train"
        }
        events = sorted(client.jobs.events(job), key=lambda event: event.id)
        return {
            "status": job.status.value,
            "raw_status": job.raw_status,
            "error": job.error.message if job.error else None,
            "code": job.error.code if job.error else None,
            "losses": losses,
            "warnings": job.warnings,
            "settings": job.settings,
            "events": [
                (event.created_at.isoformat(), event.type, event.message)
                for event in events
                if event.type != "epoch"
            ],
            "base": _base(job),
        }

    def _swap(self, machine: subprocess.Popen[bytes]) -> None:
        """A machine is lost, and another one comes for it, as an autoscaler would see to."""
        self._machines.lose(machine)
        self._machines.add()

    def _killed(self) -> dict[str, object]:
        def kill(job: Job) -> None:
            for pid in _running("finetune_sdk.providers.local.training", job.id):
                os.kill(pid, signal.SIGKILL)

        return self._train(self._there("killed"), meanwhile=kill)

    def _deaf(self) -> dict[str, object]:
        """A trainer that hears no SIGTERM, and its child, are cancelled."""
        provider = self._there("deaf", trainer=TRAINER, cancel_grace=2.0)
        client = FineTuneClient(provider)
        job = self._small(client, ending="ignore_sigterm", steps="1")
        eventually(lambda: len(_running(_SMALL, job.id)) == 2, timeout=_PATIENCE)
        began = time.monotonic()
        client.jobs.cancel(job)
        job = self._until(client, job, lambda job: job.status.terminal)
        eventually(lambda: not _running(_SMALL, job.id), timeout=60)
        found = self._machines.api.look(f"{job.id}-1")
        return {
            "status": job.status.value,
            "word": found.word if found else None,
            "seconds": time.monotonic() - began,
        }

    def _no_room(self) -> dict[str, object]:
        provider = self._there("no_room", trainer=TRAINER, cpus_per_process=64)
        client = FineTuneClient(provider)
        job = self._small(client)
        waiting = self._until(client, job, lambda job: bool(job.warnings))
        client.jobs.cancel(job)
        ended = self._until(client, job, lambda job: job.status.terminal)
        return {
            "status": waiting.status.value,
            "warnings": waiting.warnings,
            "then": ended.status.value,
        }

    def _small(self, client: FineTuneClient, **metadata: str) -> Job:
        return client.jobs.create(
            model="a-base-model",
            training_data=[dict(row) for row in CAKES],
            method=Supervised(epochs=1),
            metadata=metadata,
        )

    def _wrong_token(self) -> dict[str, object]:
        client = FineTuneClient(self._there("wrong", token="another-one-that-is-not-it"))
        try:
            self._small(client)
        except FineTuneError as error:
            return {"kind": type(error).__name__, "message": str(error)}
        raise AssertionError("it was let in")

    def _left(self) -> list[str]:
        """Trainers and seats that still live, when all jobs have ended."""
        names = ("cluster.seat", "cluster.spread", "local.training", "small_trainer")
        with suppress(AssertionError):
            eventually(lambda: not any(map(_running, names)), timeout=30)
        return [_line(pid) for name in names for pid in _running(name)]

    def _hidden(self) -> dict[str, object]:
        """A cluster whose machines do not see the storage."""
        storage = self._folder / "shared"
        self._machines.lose(self._machines.newest)
        self._machines.add(hidden=storage)
        client = FineTuneClient(self._there("hidden", trainer=TRAINER))
        job = self._until(client, self._small(client), lambda job: job.status.terminal)
        return self._outcome(client, job)


def _is_paused(job: Job) -> bool:
    return job.status is JobStatus.PAUSED


def _base(job: Job) -> str | None:
    if job.fine_tuned_model is None:
        return None
    path = Path(job.fine_tuned_model, "adapter_config.json")
    config: Mapping[str, str] = json.loads(path.read_text())
    return config["base_model_name_or_path"]


def _running(*words: str) -> list[int]:
    """The processes that have all these words in their arguments."""
    found = [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]
    return [pid for pid in found if all(word in _line(pid) for word in words)]


def _line(pid: int) -> str:
    with suppress(OSError):
        line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        return line if " -c " not in line else ""
    return ""


def main(folder: Path, wanted: Sequence[str]) -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    told = Stories(folder).tell(wanted)
    (folder / "told.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
