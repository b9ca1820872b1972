"""A disk that fills while jobs wait and run: the reason is told, and what waits goes on later."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from finetune_sdk.types import Job, JobStatus
from tests.local.small_jobs import Bench, kill


@pytest.fixture
def tight(small_disk: Callable[[int], Path]) -> Generator[Bench]:
    """Jobs on a disk of their own."""
    bench = Bench(small_disk(80))
    yield bench
    (bench.home / "filler").unlink(missing_ok=True)
    bench.clear()


def fill(bench: Bench) -> None:
    with (bench.home / "filler").open("wb", buffering=0) as file:
        for size in (2**20, 2**12):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                continue


def queued(bench: Bench) -> tuple[Job, Job]:
    first = bench.running(bench.create("first", ending="hang"))
    return first, bench.until(bench.create("second"), JobStatus.QUEUED)


def test_who_waits_on_a_full_disk_says_so_and_goes_on_later(tight: Bench) -> None:
    first, second = queued(tight)
    kill(tight.supervisor(second))
    fill(tight)

    seen = tight.get(second)
    assert seen.status is JobStatus.QUEUED
    assert any("is full" in warning for warning in seen.warnings)

    (tight.home / "filler").unlink()
    tight.get(second)
    tight.provider.cancel_job(first.id)
    assert tight.ended(second).status is JobStatus.SUCCEEDED


def test_a_trainer_that_dies_on_a_full_disk_is_a_full_disk(tight: Bench) -> None:
    job = tight.running(tight.create(ending="hang"))
    fill(tight)
    kill(tight.trainer(job))

    ended = tight.ended(job)
    assert ended.status is JobStatus.FAILED
    assert ended.error is not None
    assert ended.error.code == "disk_full"
    assert "FINETUNE_HOME" in ended.error.message
