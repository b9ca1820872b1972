"""A sweep on a Hub: one dataset for all jobs, and each job its own model."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk import SubmissionUnknownError, Supervised
from finetune_sdk.types import Sweep
from tests.autotrain.bench import Bench, bench_of, call
from tests.standins.openai import DropAfter
from tests.sweep.calls import statuses

RATES = [1e-5, 2e-5, 3e-5]


@pytest.fixture
def bench(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Generator[Bench]:
    for bench in bench_of(tmp_path, caplog):
        bench.intents = len(RATES)
        yield bench


def sweep(bench: Bench, home: Path | None = None, **words: Any) -> Sweep:
    client = bench.client(home=home or bench.home)
    grid = {"learning_rate": RATES}
    shared: dict[str, Any] = {"method": Supervised(epochs=1), "grid": grid, "progress": False}
    return client.jobs.sweep(**call(**{**shared, **words}))


def test_one_dataset_is_enough_and_an_answer_that_is_lost_is_found(bench: Bench) -> None:
    bench.hurt(DropAfter(), after=1)
    done = sweep(bench, max_cost=100)
    assert statuses(done) == ["succeeded"] * 3
    jobs = [one.job for one in done.trials if one.job]
    assert [job.id for job in jobs] == bench.made
    assert [job.method.learning_rate for job in jobs if job.method] == RATES
    assert len({job.fine_tuned_model for job in jobs}) == 3
    assert {job.training_file.id for job in jobs if job.training_file} == set(bench.datasets)
    assert len(bench.datasets) == 1
    assert done.best is not None
    assert bench.posts == 3

    elsewhere = sweep(bench, bench.folder / "elsewhere")
    assert [one.job.id for one in elsewhere.trials if one.job] == bench.made
    assert bench.posts == 3


def test_where_nobody_knows_no_other_one_is_begun(bench: Bench) -> None:
    bench.hide_jobs()
    bench.hurt(DropAfter(), after=1)
    bench.fails(SubmissionUnknownError, lambda: sweep(bench, at_once=3))
    assert bench.posts == 2
    bench.hub.jobs.lag = 0
    assert statuses(sweep(bench)) == ["succeeded"] * 3
    assert bench.posts == 3
