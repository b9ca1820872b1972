"""The runner `space`: a job that is cancelled, or has ended, costs nothing more."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from finetune_sdk.errors import ProviderError
from finetune_sdk.types import JobStatus
from tests.autotrain.spaces import HARDWARE, SPACES, Bench, opened
from tests.standins.hub import broken


@pytest.fixture
def bench(tmp_path: Path) -> Generator[Bench]:
    with opened(tmp_path) as found:
        yield found


def test_a_cancelled_job_costs_nothing_more(bench: Bench) -> None:
    bench.course(running=1e9)
    with bench.client() as client:
        job = bench.create(client)
        bench.advance(120)
        job = client.jobs.cancel(job)
        assert job.status is JobStatus.CANCELLED
        bench.advance(86_400)
        assert client.jobs.get(job).status is JobStatus.CANCELLED
    space = bench.space
    assert (space.stage, space.requested) == ("PAUSED", "cpu-basic")
    assert space.billed[HARDWARE] == pytest.approx(60)


def test_cancelling_again_writes_nothing(bench: Bench) -> None:
    bench.course(running=1e9)
    with bench.client() as client:
        job = client.jobs.cancel(bench.create(client))
        before = [one for one in bench.hub.requests if one.method == "POST"]
        assert client.jobs.cancel(job).status is JobStatus.CANCELLED
    assert [one for one in bench.hub.requests if one.method == "POST"] == before


def test_a_space_that_wakes_on_the_free_hardware_is_paused_again(bench: Bench) -> None:
    bench.hub.spaces.wakes = True
    bench.course(running=1e9, building=0)
    with bench.client() as client:
        job = client.jobs.cancel(bench.create(client))
    assert job.status is JobStatus.CANCELLED
    assert bench.space.stage == "PAUSED"


def test_a_space_that_does_not_stop_is_an_error_that_says_where_to_look(bench: Bench) -> None:
    bench.course(running=1e9)
    with bench.client() as client:
        job = bench.create(client)
        bench.hub.spaces.deaf = True
        with pytest.raises(ProviderError, match="settings") as caught:
            client.jobs.cancel(job)
    assert caught.value.code == "still_running"


def test_hardware_that_an_ended_space_still_holds_is_told_and_released(bench: Bench) -> None:
    bench.course(outcome="RUNTIME_ERROR", building=0, running=60)
    with bench.client() as client:
        job = bench.create(client)
        bench.advance(120)
        job = client.jobs.get(job)
        assert job.status is JobStatus.FAILED
        assert any(HARDWARE in words and "jobs.cancel" in words for words in job.warnings)
        assert client.jobs.cancel(job).status is JobStatus.FAILED
        assert client.jobs.get(job).warnings == ()
    assert (bench.space.stage, bench.space.requested) == ("PAUSED", "cpu-basic")


def test_a_token_that_may_not_discuss_cancels_all_the_same(bench: Bench) -> None:
    bench.course(running=1e9)
    bench.fault("POST", f"{SPACES}/discussions", broken(403, "no"), times=None)
    with bench.client() as client:
        job = client.jobs.cancel(bench.create(client))
    assert job.status.terminal
    assert bench.space.stage == "PAUSED"


def test_a_job_that_has_succeeded_stays_so(bench: Bench) -> None:
    with bench.client() as client:
        job = bench.wait(client, bench.create(client))
        assert client.jobs.cancel(job).status is JobStatus.SUCCEEDED
    assert bench.space.requested == "cpu-basic"
