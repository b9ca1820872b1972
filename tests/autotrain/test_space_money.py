"""Jobs on Spaces: what is bought is what was said, once, and it is given back in every ending."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from finetune_sdk import FineTuneError, HubDataset, JobFailedError
from finetune_sdk.errors import QuotaExceededError, UnsupportedError
from finetune_sdk.providers.autotrain.inside import space as program
from finetune_sdk.types import JobStatus, Supervised
from tests.autotrain.spaces import HARDWARE, MODEL, ROWS, SPACES, Bench, opened
from tests.standins.autotrain_app import AutoTrainApp
from tests.standins.hub import broken
from tests.standins.hub.driving import client as api_of
from tests.standins.openai import Reply

FREE = "cpu-basic"
BOUGHT = f"{SPACES}/hardware"
BROKE = Reply(402, {"error": "Payment required: add credit"})


@pytest.fixture
def bench(tmp_path: Path) -> Generator[Bench]:
    with opened(tmp_path) as found:
        yield found


@pytest.fixture(params=["space", "server"])
def both(bench: Bench, request: pytest.FixtureRequest) -> Generator[Bench]:
    if request.param == "space":
        yield bench
        return
    with AutoTrainApp(bench.hub) as bench.app:
        yield bench


# What is bought


def test_a_repeated_call_buys_the_hardware_that_it_says_itself(both: Bench) -> None:
    both.fault("POST", BOUGHT, BROKE)
    words: dict[str, Any] = {"model": MODEL, "training_data": ROWS}
    earlier = both.client(hardware="a100-large", job_timeout=36_000)
    with earlier as client, pytest.raises(QuotaExceededError):
        client.jobs.create(**words)
    with both.client(hardware="t4-small", job_timeout=3600) as client:
        plan = client.jobs.plan(**words, max_cost=1)
        job = client.jobs.create(**words, max_cost=1)
        assert job.settings["hardware"] == plan.settings["hardware"]
        assert (both.space.requested, both.space.sleep) == ("t4-small", 3600 + 600)
        job = both.wait(client, job)
    assert job.status is JobStatus.SUCCEEDED
    assert "a100-large" not in both.space.billed
    assert both.space.trained == 1


def test_a_repeated_call_trains_what_it_says_itself(both: Bench) -> None:
    both.fault("POST", BOUGHT, BROKE)
    with both.client("one") as client, pytest.raises(QuotaExceededError):
        both.create(client, idempotency_key="key-1", method=Supervised(epochs=2))
    with both.client("two") as client:
        job = both.create(client, idempotency_key="key-1", method=Supervised(epochs=3))
        assert job.method == Supervised(epochs=3)
    assert json.loads(both.space.secrets["PARAMS"])["epochs"] == 3


def test_a_repeated_call_of_the_same_writes_nothing_again(bench: Bench) -> None:
    bench.fault("POST", BOUGHT, BROKE)
    with bench.client() as client:
        with pytest.raises(QuotaExceededError):
            bench.create(client)
        bench.create(client)
    assert bench.hub.count("POST", f"{SPACES}/(secrets|variables)") == 0
    assert bench.hub.count("POST", f"{SPACES}/commit/main") == 1


@pytest.mark.parametrize("cut", ["commit/main", "secrets", "variables"])
def test_a_change_that_is_cut_short_is_made_whole(bench: Bench, cut: str) -> None:
    bench.fault("POST", BOUGHT, BROKE)
    other = {"hardware": "a100-large", "image": "alice/image:1"}
    with bench.client("one") as client, pytest.raises(QuotaExceededError):
        bench.create(client, idempotency_key="key-1", options=other)
    with bench.client("two") as client:
        bench.fault("POST", f"{SPACES}/{cut}", broken(400, "no"))
        with pytest.raises(FineTuneError):
            bench.create(client, idempotency_key="key-1")
        assert bench.space.requested == FREE
        job = bench.wait(client, bench.create(client, idempotency_key="key-1"))
    assert job.settings["hardware"].startswith(HARDWARE)
    assert bench.space.billed.keys() <= {HARDWARE, FREE}
    assert b"alice/image" not in bench.space.repo.files()["Dockerfile"]


@pytest.mark.parametrize("stage", ["PAUSED", "SLEEPING", "STOPPED"])
def test_a_space_that_fell_asleep_before_it_was_paid_for_is_no_job_that_ended(
    both: Bench, stage: str
) -> None:
    both.fault("POST", BOUGHT, BROKE)
    with both.client() as client:
        with pytest.raises(QuotaExceededError):
            both.create(client)
        _lay(both, stage)
        assert client.jobs.get(both.space.name).status is JobStatus.PENDING
        job = both.wait(client, both.create(client))
    assert job.status is JobStatus.SUCCEEDED
    assert both.space.trained == 1


def test_the_time_of_a_job_is_not_that_in_which_its_space_waited(both: Bench) -> None:
    both.fault("POST", BOUGHT, BROKE)
    both.course(outcome="RUNTIME_ERROR")
    with both.client() as client:
        with pytest.raises(QuotaExceededError):
            both.create(client)
        both.advance(49 * 3600)
        job = both.create(client)
        assert job.status is JobStatus.QUEUED
        assert client.jobs.get(job).warnings == ()
        with pytest.raises(JobFailedError) as caught:
            both.wait(client, job)
    assert caught.value.job.error is not None
    assert caught.value.job.error.code == "training_failed"


def test_a_job_that_was_cancelled_before_it_was_paid_for_stays_so(bench: Bench) -> None:
    bench.fault("POST", BOUGHT, BROKE)
    with bench.client() as client:
        with pytest.raises(QuotaExceededError):
            bench.create(client, idempotency_key="key-1")
        assert client.jobs.cancel(bench.space.name).status is JobStatus.CANCELLED
    assert _again(bench) is JobStatus.CANCELLED
    assert bench.space.requested == FREE


def test_rows_of_another_commit_are_refused_before_anything_is_made(both: Bench) -> None:
    text = "\n".join(json.dumps(row) for row in ROWS)
    old = both.hub.repos.add("dataset", "alice/rows", {"train.jsonl": text.encode()}).head.sha
    with both.client() as client, pytest.raises(UnsupportedError, match='runner = "jobs"'):
        both.create(client, training_data=HubDataset(id="alice/rows", revision=old))
    assert both.spaces == []


# How it ended: what was said of it counts more than what lies somewhere


def test_a_model_of_another_job_does_not_outvote_a_training_that_failed(bench: Bench) -> None:
    bench.course(outcome="failed", running=600)
    with bench.client() as client:
        job = bench.create(client, options={"project_name": "mine"})
        bench.advance(300)
        bench.hub.repos.add("model", "alice/mine", {"adapter_model.safetensors": b"another's"})
        with pytest.raises(JobFailedError):
            bench.wait(client, job)


def test_a_model_of_another_job_does_not_outvote_a_cancel(bench: Bench) -> None:
    bench.course(running=600)
    with bench.client() as client:
        job = bench.create(client, options={"project_name": "mine"})
        bench.advance(300)
        client.jobs.cancel(job)
        bench.hub.repos.add("model", "alice/mine", {"adapter_model.safetensors": b"another's"})
    with bench.client() as client:
        assert client.jobs.get(job.id).status is JobStatus.CANCELLED


# What is given back


@pytest.mark.parametrize("outcome", ["trained", "failed"])
def test_a_job_that_ended_holds_nothing_and_is_told_as_it_ended(bench: Bench, outcome: Any) -> None:
    bench.course(outcome=outcome)
    with bench.client() as client:
        job = bench.create(client, idempotency_key="key-1")
        bench.advance(1000)
        told = client.jobs.get(job)
    assert _again(bench) is told.status
    assert told.status is {"trained": JobStatus.SUCCEEDED, "failed": JobStatus.FAILED}[outcome]
    assert (bench.space.stage, bench.space.requested) == ("PAUSED", FREE)
    assert bench.hub.count("POST", BOUGHT) == 1


@pytest.mark.parametrize("outcome", ["BUILD_ERROR", "RUNTIME_ERROR"])
def test_an_error_names_what_releases_the_hardware_and_outlives_that(
    bench: Bench, outcome: Any
) -> None:
    line = "ValueError: rows are too short"
    bench.course(outcome=outcome, lines=(line,), built=(line,))
    with bench.client() as client:
        with pytest.raises(JobFailedError, match=r"t4-small.*`jobs\.cancel`") as caught:
            bench.wait(client, bench.create(client, idempotency_key="key-1"))
        job = client.jobs.cancel(caught.value.job)
    assert job.error is not None
    assert line in job.error.message
    assert "jobs.cancel" not in job.error.message
    assert _again(bench) is JobStatus.FAILED
    assert bench.space.stage == "PAUSED"
    assert bench.space.requested == FREE


def test_a_job_that_said_nothing_is_not_begun_anew_after_it_was_released(bench: Bench) -> None:
    bench.course(outcome="silent")
    with bench.client() as client:
        job = bench.create(client, idempotency_key="key-1")
        bench.advance(1000)
        assert client.jobs.cancel(job).status is JobStatus.FAILED
    assert _again(bench) is JobStatus.FAILED
    assert (bench.space.stage, bench.space.requested) == ("PAUSED", FREE)


def test_without_a_word_on_its_page_a_paused_space_keeps_the_mark_of_its_hardware(
    bench: Bench,
) -> None:
    bench.course(running=1e9)
    bench.fault("POST", f"{SPACES}/discussions", broken(403, "no"), times=None)
    with bench.client() as client:
        job = bench.create(client, idempotency_key="key-1")
        bench.advance(120)
        client.jobs.cancel(job)
    assert _again(bench).terminal
    assert bench.space.stage == "PAUSED"
    assert bench.space.trained == 1


# The program in the Space


@pytest.fixture
def inside(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A Space that runs and never ends by itself; the program acts for its container."""
    bench.course(running=1e9, building=0)
    with bench.client() as client:
        bench.create(client)
    bench.advance(60)
    monkeypatch.setattr(program, "SPACE", bench.space.id)
    monkeypatch.setattr(program, "ended", threading.Lock())
    monkeypatch.setattr(program, "lines", deque(["its last line"]))
    monkeypatch.setattr(program, "hub", lambda: api_of(bench.hub, bench.hub.token))
    monkeypatch.setattr(program, "PAUSES", (0, 0))
    monkeypatch.setattr(program, "time", SimpleNamespace(sleep=_sleep))
    for name, value in bench.space.environment().items():
        monkeypatch.setenv(name, value)
    return bench


class _AsleepError(Exception):
    """The program has nothing left to do."""


def _sleep(seconds: float) -> None:
    if seconds > 0:
        raise _AsleepError


def test_the_program_pauses_and_gives_the_hardware_back(inside: Bench) -> None:
    program.end(program.FAILED, "")
    assert (inside.space.stage, inside.space.requested) == ("PAUSED", FREE)
    with inside.client() as client:
        assert client.jobs.get(inside.space.name).status is JobStatus.FAILED


def test_hardware_that_the_program_cannot_give_back_is_no_failure(inside: Bench) -> None:
    inside.fault("POST", BOUGHT, broken(403, "no"))
    program.end(program.FAILED, "")
    assert (inside.space.stage, inside.space.requested) == ("PAUSED", HARDWARE)


def test_the_program_keeps_the_hardware_where_its_word_was_not_taken(inside: Bench) -> None:
    inside.fault("POST", f"{SPACES}/discussions", broken(403, "no"), times=None)
    program.end(program.FAILED, "")
    assert (inside.space.stage, inside.space.requested) == ("PAUSED", HARDWARE)


@pytest.mark.parametrize("title", [program.SUCCEEDED, program.FAILED, program.CANCELLED])
def test_the_program_does_not_train_after_an_ending(
    inside: Bench, monkeypatch: pytest.MonkeyPatch, title: str
) -> None:
    trained: list[bool] = []
    monkeypatch.setattr(program, "run", lambda: trained.append(True))
    api = api_of(inside.hub, inside.hub.token)
    api.create_discussion(inside.space.id, title=title, repo_type="space")
    with pytest.raises(_AsleepError):
        program.main()
    assert not trained
    assert inside.space.stage == "PAUSED"


def test_the_program_trains_where_nothing_was_said(
    inside: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[bool] = []
    monkeypatch.setattr(program, "run", lambda: trained.append(True))
    api = api_of(inside.hub, inside.hub.token)
    api.create_discussion(inside.space.id, title="A question", repo_type="space")
    with pytest.raises(_AsleepError):
        program.main()
    assert trained == [True]
    assert inside.space.stage == "RUNNING"


def _again(bench: Bench) -> JobStatus:
    """What the same call gives on another machine, where nothing is known of it."""
    with bench.client("another") as client:
        return bench.create(client, idempotency_key="key-1").status


def _lay(bench: Bench, stage: str) -> None:
    """The free container ends, by whoever's doing."""
    api_of(bench.hub, bench.hub.token).pause_space(bench.space.id)
    bench.space.stage = stage
