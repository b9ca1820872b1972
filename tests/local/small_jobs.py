"""Jobs of the small trainer, and a look at the processes behind them."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from finetune_sdk import datasets
from finetune_sdk.providers.base import ProviderSettings
from finetune_sdk.providers.local.provider import LocalProvider
from finetune_sdk.types import DatasetFile, Job, JobSpec, JobStatus, Supervised
from tests.support import eventually

TRAINER = (sys.executable, str(Path(__file__).with_name("small_trainer.py")))
SUPERVISOR = "finetune_sdk.providers.local.jobs.supervisor"
ROWS = [
    {
        "messages": [
            {"role": "user", "content": f"Say {number}."},
            {"role": "assistant", "content": str(number)},
        ]
    }
    for number in range(3)
]


class BoxProvider(LocalProvider):
    """The local provider with the small trainer, as a package of its own would register it."""

    @classmethod
    def open(cls, settings: ProviderSettings, /) -> LocalProvider:
        return cls(home=settings.home, trainer=TRAINER, environ=settings.environ)


@dataclass
class Bench:
    """A state folder, a provider on it, and short words for what tests do with both."""

    home: Path
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    grace: float = 5.0

    def __post_init__(self) -> None:
        self.provider = self.another()

    def another(self, **environ: str) -> LocalProvider:
        """A provider on the same folder, as another process would have it."""
        return LocalProvider(
            home=self.home,
            trainer=TRAINER,
            environ={**self.environ, **environ},
            cancel_grace=self.grace,
        )

    def upload(self) -> DatasetFile:
        return self.provider.upload_dataset(datasets.load(ROWS), key="rows")

    def spec(self, key: str = "one", *, model: str = "a-base-model", **metadata: str) -> JobSpec:
        return JobSpec(
            key=key,
            model=model,
            method=Supervised(epochs=1),
            training_file=self.upload(),
            metadata=metadata,
        )

    def create(self, key: str = "one", *, model: str = "a-base-model", **metadata: str) -> Job:
        return self.provider.create_job(self.spec(key, model=model, **metadata))

    def get(self, job: Job) -> Job:
        return self.provider.get_job(job.id)

    def until(self, job: Job, *statuses: JobStatus) -> Job:
        """The job, once it has one of these statuses."""
        found = [job]

        def arrived() -> bool:
            found[0] = self.get(job)
            return found[0].status in statuses

        eventually(arrived)
        return found[0]

    def ended(self, job: Job) -> Job:
        return self.until(job, JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)

    def running(self, job: Job) -> Job:
        """The job, once its trainer is in its steps or after them."""
        eventually(lambda: (self.folder(job) / "progress.json").exists())
        return self.until(job, JobStatus.RUNNING)

    def folder(self, job: Job) -> Path:
        return self.home / "local" / "jobs" / job.id

    def supervisor(self, job: Job) -> int:
        return self._only(lambda line: job.id in line and SUPERVISOR in line)

    def trainer(self, job: Job) -> int:
        return self._only(lambda line: job.id in line and SUPERVISOR not in line)

    def processes(self, wanted: Callable[[str], bool] = lambda _: True) -> list[int]:
        """Those that live and have this state folder in their arguments."""
        lines = ((pid, command_line(pid)) for pid in all_processes())
        return [pid for pid, line in lines if str(self.home) in line and wanted(line)]

    def power_cut(self) -> None:
        """Ends all processes at one moment, as far as anybody can tell."""
        processes = self.processes()
        # Stopped first, or one would see another die and take its place.
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in processes:
                kill(pid, number)

    def clear(self) -> None:
        """Ends all jobs.

        Raises:
            AssertionError: a process outlived its job; it is killed then.
        """
        for job in self.provider.list_jobs(limit=100, cursor=None).items:
            self.provider.cancel_job(job.id)
        try:
            eventually(lambda: not self.processes(), timeout=10)
        finally:
            for pid in self.processes():
                kill(pid)

    def _only(self, wanted: Callable[[str], bool]) -> int:
        found: list[int] = []

        def one() -> bool:
            found[:] = self.processes(wanted)
            return len(found) == 1

        eventually(one)
        return found[0]


def all_processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]


def command_line(pid: int) -> str:
    """The arguments of a process; empty for a zombie and for one that is gone."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ""
    return raw.replace(b"\0", b" ").decode(errors="replace")


def environment(pid: int) -> dict[str, str]:
    raw = Path(f"/proc/{pid}/environ").read_bytes().decode()
    return dict(part.split("=", 1) for part in raw.split("\0") if part)


def children() -> list[int]:
    """Children of this process, zombies among them."""
    task = Path(f"/proc/self/task/{os.getpid()}/children")
    return [int(pid) for pid in task.read_text().split()]


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Sends a signal and, for a deadly one, waits until the process is gone."""
    os.kill(pid, number)
    if number is signal.SIGKILL:
        eventually(lambda: _is_dead(pid))


def _is_dead(pid: int) -> bool:
    # A zombie has let go of its locks; one that has lost its arguments may not have yet.
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] in "ZX"
