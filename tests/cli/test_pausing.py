"""`finetune jobs pause|resume|recover`."""

from __future__ import annotations

import pytest

from finetune_sdk.types import Job, JobStatus
from tests.cli.account import AccountProvider
from tests.cli.conftest import Command

HANDLE = "desk:ftjob-fake-1"
CREATE = ("jobs", "create", "--model", "small", "--training-data", "train.jsonl")


@pytest.fixture
def job(finetune: Command) -> Job:
    return Job.from_json(finetune(*CREATE, "--idempotency-key", "mine", "--json").out)


def test_a_job_is_paused_and_goes_on(finetune: Command, job: Job) -> None:
    paused = finetune("jobs", "pause", HANDLE)
    assert paused.code == 0
    assert "paused" in paused.out
    assert f"Next: finetune jobs resume {HANDLE}" in paused.err
    resumed = finetune("jobs", "resume", job.id, "--json")
    assert Job.from_json(resumed.out).status is JobStatus.QUEUED
    assert finetune("jobs", "wait", HANDLE).code == 0


def test_waiting_for_a_paused_job_shows_it_and_the_way_on(finetune: Command, job: Job) -> None:
    finetune("jobs", "pause", HANDLE)
    done = finetune("jobs", "wait", HANDLE)
    assert done.code == 1
    assert "paused" in done.out
    assert done.err.rstrip().endswith(f"Next: finetune jobs resume {HANDLE}")
    assert Job.from_json(finetune("jobs", "wait", HANDLE, "--json").out).status is JobStatus.PAUSED


def test_showing_a_paused_job_names_the_way_on(finetune: Command, job: Job) -> None:
    finetune("jobs", "pause", HANDLE)
    assert f"Next: finetune jobs resume {HANDLE}" in finetune("jobs", "show", HANDLE).err


def test_following_the_log_of_a_paused_job_ends(finetune: Command, job: Job) -> None:
    finetune("jobs", "pause", HANDLE)
    done = finetune("jobs", "logs", HANDLE, "--follow")
    assert done.code == 0
    assert done.out.splitlines()[-1] == "the fake job is paused at step 0"


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_what_has_ended_is_one_clear_error(finetune: Command, job: Job, verb: str) -> None:
    finetune("jobs", "cancel", HANDLE)
    done = finetune("jobs", verb, HANDLE)
    assert done.code == 1
    assert "has cancelled" in done.err
    assert finetune("jobs", verb, "desk:ftjob-none").code == 1


def test_a_job_is_found_by_its_key(finetune: Command, account: AccountProvider, job: Job) -> None:
    done = finetune("jobs", "recover", "mine")
    assert HANDLE in done.out
    assert f"Next: finetune jobs wait {HANDLE}" in done.err
    account.clock.advance(1000)
    assert Job.from_json(finetune("jobs", "recover", "mine", "--json").out).id == job.id
    lost = finetune("jobs", "recover", "nobody's")
    assert lost.code == 1
    assert "`idempotency_key`" in lost.err
