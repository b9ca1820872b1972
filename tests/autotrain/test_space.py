"""The runner `space`: what is made, in which order, what it costs, and what is told of it."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from finetune_sdk import FineTuneError, JobFailedError, NotFoundError, SubmissionUnknownError
from finetune_sdk.errors import (
    ConflictError,
    IdempotencyConflictError,
    QuotaExceededError,
    UnsupportedError,
)
from finetune_sdk.types import JobStatus, Supervised
from tests.autotrain.spaces import HARDWARE, SPACES, TIMEOUT, Bench, opened
from tests.standins.hub import Account, Hub, broken
from tests.standins.hub.driving import client as api_of
from tests.standins.hub.space import SpaceRecord
from tests.standins.openai import DropAfter, DropBefore, Reply

FAILURE = (
    "INFO     | 2026-01-01 00:02:00 | autotrain.trainers.clm.train_clm_sft:train:11 - Starting",
    "ERROR    | 2026-01-01 00:03:00 | autotrain.trainers.common:wrapper:215 - train has failed due "
    "to an exception: Traceback (most recent call last):",
    "ValueError: rows are too short",
)


@pytest.fixture
def bench(tmp_path: Path) -> Generator[Bench]:
    with opened(tmp_path) as found:
        yield found


# What is made


def test_the_hardware_is_asked_for_last_and_alone(bench: Bench) -> None:
    with bench.client() as client:
        bench.create(client)
    writes = [
        (one.method, one.path.rpartition("/")[2])
        for one in bench.hub.requests
        if one.method == "POST" and "/spaces/" in one.path and "paths-info" not in one.path
    ]
    assert [name for _, name in writes] == ["main", "main", "hardware"]
    created = [one.json for one in bench.hub.requests if one.path == "/api/repos/create"][-1]
    assert created["type"] == "space"
    assert created["visibility"] == "private"
    assert created.get("hardware") is None


def test_it_waits_on_the_free_hardware_and_trains_on_its_own_alone(bench: Bench) -> None:
    bench.course(building=0, running=300)
    with bench.client() as client:
        bench.wait(client, bench.create(client))
    assert bench.space.trained == 1
    assert bench.space.billed[HARDWARE] == pytest.approx(300)


def test_the_token_is_in_one_secret_and_nowhere_else(bench: Bench) -> None:
    with bench.client() as client:
        job = bench.create(client)
        bench.wait(client, job)
        told = job.to_json() + "".join(client.jobs.logs(job))
    space, token = bench.space, bench.hub.token
    holding = [name for name, value in space.secrets.items() if token in value]
    assert holding == ["HF_TOKEN"]
    assert json.loads(space.secrets["PARAMS"])["token"] is None
    assert token not in told
    assert token not in repr(space.variables)
    assert all(token.encode() not in content for content in space.repo.files().values())
    files = [path for path in bench.folder.rglob("*") if path.is_file()]
    assert all(token.encode() not in path.read_bytes() for path in files)


def test_a_space_is_put_to_sleep_by_the_hub_soon_after_its_timeout(bench: Bench) -> None:
    with bench.client() as client:
        bench.create(client)
    assert bench.space.sleep is not None
    assert TIMEOUT <= bench.space.sleep <= TIMEOUT + 3600


def test_autotrain_is_told_the_job_in_its_own_words(bench: Bench) -> None:
    with bench.client() as client:
        job = bench.create(client, method=Supervised(epochs=2, learning_rate=1e-4))
    secrets = bench.space.secrets
    params = json.loads(secrets["PARAMS"])
    assert (params["epochs"], params["lr"], params["trainer"]) == (2, 1e-4, "sft")
    assert secrets["TASK_ID"] == "9"
    assert secrets["MODEL"] == "alice/tiny"
    assert f"autotrain-{secrets['PROJECT_NAME']}" == job.id
    assert b"autotrain-advanced==0.8.36" in bench.space.repo.files()["Dockerfile"]


def test_without_credit_nothing_runs_and_the_same_call_goes_on_later(bench: Bench) -> None:
    poor = bench.hub.add_account(Account("alice", can_pay=False))
    with bench.client(token=poor) as client, pytest.raises(QuotaExceededError) as caught:
        bench.create(client)
    assert caught.value.status_code == 402
    assert caught.value.effect == "none"
    bench.hub.accounts[poor] = Account("alice")
    with bench.client(token=poor) as client:
        job = bench.create(client)
    assert [space.name for space in bench.spaces] == [job.id]


# HF-05: whatever is cut short is gone on with

STEPS = {
    "create": ("POST", "/api/repos/create", 1),
    "commit": ("POST", f"{SPACES}/commit/main", 0),
    "hardware": ("POST", f"{SPACES}/hardware", 0),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
def test_hf05_a_rerun_completes_the_same_space(bench: Bench, step: str, done: bool) -> None:
    method, path, after = STEPS[step]
    refused = broken(400, "no", after=done)
    bench.fault(method, path, refused, after=after)
    with bench.client() as client:
        with pytest.raises(FineTuneError):
            bench.create(client)
        assert sum(space.billed.get(HARDWARE, 0) for space in bench.spaces) == 0
        job = bench.create(client)
        bench.wait(client, job)
    assert [space.name for space in bench.spaces] == [job.id]
    assert bench.space.trained == 1
    assert bench.space.billed[HARDWARE] == pytest.approx(300)


@pytest.mark.parametrize("step", ["create", "commit"])
@pytest.mark.parametrize("action", [DropAfter(), DropBefore()], ids=["after", "before"])
def test_hf05_a_lost_answer_before_the_hardware_is_asked_again(
    bench: Bench, step: str, action: DropAfter | DropBefore
) -> None:
    method, path, after = STEPS[step]
    bench.fault(method, path, action, after=after)
    with bench.client() as client:
        job = bench.create(client)
    assert bench.space.name == job.id
    assert bench.space.requested == HARDWARE


def test_a_lost_answer_to_the_hardware_is_looked_for_and_found(bench: Bench) -> None:
    bench.fault("POST", f"{SPACES}/hardware", DropAfter())
    with bench.client() as client:
        job = bench.create(client)
    assert bench.hub.count("POST", f"{SPACES}/hardware") == 1
    assert job.id == bench.space.name


def test_hardware_that_was_not_asked_for_is_no_job(bench: Bench) -> None:
    bench.fault("POST", f"{SPACES}/hardware", DropBefore(), times=None)
    with bench.client() as client, pytest.raises(SubmissionUnknownError):
        bench.create(client)
    with bench.client() as client:
        job = client.jobs.get(bench.space.name)
    assert job.status is JobStatus.PENDING
    assert any("never asked for" in words for words in job.warnings)
    assert bench.space.billed.get(HARDWARE) is None


def test_the_same_key_gives_the_same_space_from_another_machine(bench: Bench) -> None:
    with bench.client("one") as client:
        job = bench.create(client, idempotency_key="key-1")
    with bench.client("two") as client:
        again = bench.create(client, idempotency_key="key-1")
        assert again.id == job.id
        with pytest.raises(IdempotencyConflictError):
            bench.create(client, idempotency_key="key-1", method=Supervised(epochs=9))
    assert len(bench.spaces) == 1


def test_a_name_that_is_another_jobs_is_refused(bench: Bench) -> None:
    with bench.client() as client:
        bench.create(client, options={"project_name": "mine"}, idempotency_key="one")
        with pytest.raises(ConflictError, match="project_name"):
            bench.create(client, options={"project_name": "mine"}, idempotency_key="two")
    assert bench.hub.count("POST", f"{SPACES}/hardware") == 1


def test_a_job_that_needs_trl_is_refused(bench: Bench) -> None:
    with bench.client() as client, pytest.raises(UnsupportedError):
        bench.create(client, method=Supervised(train_on="assistant"))
    assert bench.spaces == []


# HF-06: a paused Space means nothing


def test_hf06_a_paused_space_without_a_model_has_failed(bench: Bench) -> None:
    bench.course(outcome="silent", running=60)
    with bench.client() as client, pytest.raises(JobFailedError) as caught:
        bench.wait(client, bench.create(client))
    assert caught.value.job.error is not None
    assert caught.value.job.fine_tuned_model is None


def test_hf06_a_model_that_was_there_before_proves_nothing(bench: Bench) -> None:
    bench.course(outcome="silent", running=60, building=0)
    with bench.client() as client:
        job = bench.create(client)
        repo = f"alice/{job.id.removeprefix('autotrain-')}"
        old = bench.hub.repos.add("model", repo, {"model.safetensors": b"old"})
        old.commits = [replace(one, date=datetime(2025, 1, 1, tzinfo=UTC)) for one in old.commits]
        with pytest.raises(JobFailedError):
            bench.wait(client, job)


def test_a_job_that_trained_names_its_model(bench: Bench) -> None:
    with bench.client() as client:
        job = bench.wait(client, bench.create(client))
    assert job.status is JobStatus.SUCCEEDED
    assert job.raw_status == "PAUSED"
    assert job.fine_tuned_model is not None
    assert ("model", job.fine_tuned_model) in bench.hub.repos
    assert job.finished_at is not None
    assert job.warnings == ()


def test_the_reason_of_a_failure_outlives_the_container(bench: Bench) -> None:
    bench.course(outcome="failed", lines=FAILURE)
    with bench.client() as client:
        with pytest.raises(JobFailedError) as caught:
            bench.wait(client, bench.create(client))
        job = caught.value.job
        assert job.error is not None
        assert "rows are too short" in job.error.message
        assert "ValueError: rows are too short" in list(client.jobs.logs(job))


def test_a_build_that_fails_says_why(bench: Bench) -> None:
    bench.course(outcome="BUILD_ERROR", built=("step 2", "ERROR: PermissionError: no such image"))
    with bench.client() as client:
        with pytest.raises(JobFailedError) as caught:
            bench.wait(client, bench.create(client))
        job = caught.value.job
        assert job.error is not None
        assert job.error.code == "build_failed"
        assert list(client.jobs.logs(job)) == [
            "step 2",
            "ERROR: PermissionError: no such image",
        ]


def test_a_job_that_takes_too_long_ends_at_its_timeout(bench: Bench) -> None:
    bench.course(running=1e9)
    with bench.client() as client, pytest.raises(JobFailedError) as caught:
        bench.wait(client, bench.create(client))
    assert caught.value.job.error is not None
    assert caught.value.job.error.code == "timed_out"
    assert bench.space.stage == "PAUSED"
    assert bench.space.billed[HARDWARE] == pytest.approx(TIMEOUT)


def test_one_that_runs_past_its_timeout_is_told_and_goes_on(bench: Bench) -> None:
    bench.course(building=0, running=1e9)
    with bench.client() as client:
        job = bench.create(client)
        bench.hub.spaces.deaf = True
        bench.advance(TIMEOUT + 3700)
        job = client.jobs.get(job)
    assert job.status is JobStatus.RUNNING
    assert any("jobs.cancel" in words for words in job.warnings)


def test_a_build_that_never_ends_is_told(bench: Bench) -> None:
    bench.course(building=1e9)
    with bench.client() as client:
        job = bench.create(client)
        bench.advance(4000)
        job = client.jobs.get(job)
    assert job.status is JobStatus.QUEUED
    assert any("building" in words and "jobs.cancel" in words for words in job.warnings)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("BUILDING", JobStatus.QUEUED),
        ("APP_STARTING", JobStatus.QUEUED),
        ("RUNNING", JobStatus.RUNNING),
        ("ALIEN", JobStatus.UNKNOWN),
    ],
)
def test_words_of_the_hub(bench: Bench, word: str, status: JobStatus) -> None:
    with bench.client() as client:
        job = bench.create(client)
        bench.space.say(word)
        found = client.jobs.get(job)
    assert (found.status, found.raw_status) == (status, word)


# Finding them


def test_spaces_of_others_are_no_jobs_of_ours(bench: Bench) -> None:
    _foreign(bench.hub, "alice/autotrain-hers")
    _foreign(bench.hub, "alice/game")
    with bench.client() as client:
        first = bench.create(client, suffix="one")
        bench.advance(60)
        second = bench.create(client, suffix="two")
        assert [job.id for job in client.jobs.list()] == [second.id, first.id]


def test_one_of_autotrains_own_is_read_as_far_as_it_says(bench: Bench) -> None:
    space = _foreign(bench.hub, "alice/autotrain-hers")
    space.stage = "PAUSED"
    bench.advance(60)
    bench.hub.repos.add("model", "alice/hers", {"model.safetensors": b"weights"})
    with bench.client() as client:
        job = client.jobs.get("autotrain-hers")
    assert job.status is JobStatus.SUCCEEDED
    assert job.fine_tuned_model == "alice/hers"
    assert job.model == "unknown"


@pytest.mark.parametrize("name", ["nobody", "game", "autotrain-nobody"])
def test_what_is_no_job_is_not_found(bench: Bench, name: str) -> None:
    with bench.client() as client, pytest.raises(NotFoundError):
        client.jobs.get(name)


def test_a_poll_that_fails_is_no_job_that_failed(bench: Bench) -> None:
    with bench.client() as client:
        job = bench.create(client)
        bench.fault("GET", f"{SPACES}/runtime", Reply(503), times=3)
        assert bench.wait(client, job).status is JobStatus.SUCCEEDED


def _foreign(hub: Hub, name: str) -> SpaceRecord:
    api = api_of(hub, hub.token)
    api.create_repo(name, repo_type="space", space_sdk="docker", private=True)
    space: SpaceRecord = hub.spaces[name]
    return space
