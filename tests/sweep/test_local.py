"""A sweep on this machine, in real processes with a trainer of no weight."""

from __future__ import annotations

import json
from collections.abc import Generator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk import FineTuneClient, Trial
from tests.local.conftest import bench as bench
from tests.local.small_jobs import ROWS, Bench
from tests.sweep.calls import statuses


@pytest.fixture
def client(bench: Bench) -> Generator[FineTuneClient]:
    with FineTuneClient(bench.provider, home=bench.home) as opened:
        yield opened


def call(**words: Any) -> dict[str, Any]:
    said = {"model": "a-base-model", "training_data": ROWS, "grid": {"seed": [1, 2, 3]}}
    return {**said, "progress": False, "poll_interval": 0.1, **words}


def test_jobs_wait_for_the_machine_and_are_compared(bench: Bench, client: FineTuneClient) -> None:
    done = client.jobs.sweep(**call(at_once=3, max_cost=0))
    assert statuses(done) == ["succeeded"] * 3
    jobs = [one.job for one in done.trials if one.job]
    assert [job.seed for job in jobs] == [1, 2, 3]
    measured = [one.metric.value for one in done.trials if one.metric]
    last = [json.loads(_lines(bench, job.id)[-1]) for job in jobs]
    assert measured == [one["value"] for one in last]
    assert done.best == done.trials[0]
    assert done.cost is not None
    assert done.cost.high == 0
    spans = sorted((job.started_at, job.finished_at) for job in jobs if job.started_at)
    assert all(end and end <= then[0] for (_, end), then in pairwise(spans))

    again = client.jobs.sweep(**call(at_once=1))
    assert [one.job.id for one in again.trials if one.job] == [job.id for job in jobs]
    assert len(list((bench.home / "local" / "jobs").iterdir())) == 3


def test_a_job_whose_machine_went_down_is_told_and_resumed(
    bench: Bench, client: FineTuneClient
) -> None:
    slow = {"steps": "40", "pause": "0.05", "checkpoint_every": "2"}
    down: list[int] = []

    def power_cut(trial: Trial) -> None:
        if trial.status == "running" and trial.job and not down:
            down.append(trial.number)
            bench.running(trial.job)
            bench.power_cut()

    words = call(grid={"seed": [1, 2]}, metadata=slow)
    done = client.jobs.sweep(**words, on_trial=power_cut)
    lost = done.trials[down[0] - 1]
    assert lost.job is not None
    assert (lost.status, lost.job.raw_status) == ("paused", "lost")
    assert sorted(statuses(done)) == ["paused", "succeeded"]
    assert lost.job.handle in done.warnings[-1]

    client.jobs.resume(lost.job)
    again = client.jobs.sweep(**words)
    assert again.complete
    assert statuses(again) == ["succeeded"] * 2


def _lines(bench: Bench, job_id: str) -> list[str]:
    path = Path(bench.home / "local" / "jobs" / job_id / "metrics.jsonl")
    return [line for line in path.read_text().splitlines() if json.loads(line)["name"] == "loss"]
