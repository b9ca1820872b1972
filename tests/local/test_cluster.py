"""`launcher = "ray"`: jobs of the small trainer on a stand-in of a cluster."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from finetune_sdk.providers.local.provider import LocalProvider
from finetune_sdk.types import Job, JobStatus
from tests.local.small_jobs import TRAINER, Bench, children
from tests.standins import ray
from tests.support import eventually


@dataclass
class RayBench(Bench):
    """Jobs whose place is a cluster."""

    address: str = ""
    cluster: ray.Cluster = field(default_factory=lambda: ray.Cluster(Path()))
    storage: Path = field(default_factory=Path)
    cpus: int = 1

    def another(self, **environ: str) -> LocalProvider:
        return LocalProvider(
            home=self.home,
            trainer=TRAINER,
            environ={**self.environ, "RAY_AUTH_TOKEN": ray.TOKEN, **environ},
            cancel_grace=self.grace,
            launcher="ray",
            address=self.address,
            storage=self.storage,
            cpus_per_process=self.cpus,
        )

    def messages(self, job: Job) -> list[str]:
        events = self.provider.list_events(job.id, limit=100, cursor=None).items
        return [event.message for event in reversed(events)]

    def types(self, job: Job) -> list[str]:
        events = self.provider.list_events(job.id, limit=100, cursor=None).items
        return [event.type for event in reversed(events)]


@pytest.fixture
def bench(tmp_path: Path) -> Generator[RayBench]:
    if sys.platform == "win32":
        pytest.skip("the local provider is for Linux and macOS")
    before = children()
    environ = {**os.environ, "PATH": ray.path_with_python(), "TMPDIR": str(tmp_path)}
    cluster = ray.Cluster(tmp_path, environ=environ)
    address, end = ray.serve(cluster)
    bench = RayBench(
        tmp_path / "Rezepte für Ärzte 食",
        address=address,
        cluster=cluster,
        storage=tmp_path / "shared",
    )
    yield bench
    bench.clear()
    end()
    eventually(lambda: children() == before)


def test_a_job_trains_there_and_its_folder_says_so(bench: RayBench) -> None:
    job = bench.ended(bench.create(steps="4", checkpoint_every="2", pause="0.3"))
    assert job.status is JobStatus.SUCCEEDED, (job.error, bench.messages(job))
    assert job.trained_tokens == 1234
    metrics = bench.provider.list_metrics(job.id, limit=100, cursor=None).items
    assert [metric.step for metric in metrics] == [1, 2, 3, 4]
    saved = bench.provider.list_checkpoints(job.id, limit=10, cursor=None).items
    assert [one.step for one in saved] == [4, 2]
    print(bench.types(job), bench.messages(job))
