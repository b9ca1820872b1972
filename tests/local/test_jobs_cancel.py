"""Cancelling frees the machine, whatever the trainer does."""

from __future__ import annotations

import inspect

from finetune_sdk.providers.local.jobs.supervisor import Limits
from finetune_sdk.providers.local.provider import LocalProvider
from finetune_sdk.types import JobStatus
from tests.local.small_jobs import Bench
from tests.support import eventually


def test_a_running_job_is_cancelled(bench: Bench) -> None:
    job = bench.running(bench.create(ending="hang"))
    assert bench.provider.cancel_job(job.id).status is JobStatus.CANCELLING

    job = bench.ended(job)
    assert job.status is JobStatus.CANCELLED
    assert job.error is None
    assert job.finished_at is not None
    eventually(lambda: not bench.processes())


def test_loc_16_a_deaf_trainer_and_its_children_are_killed(bench: Bench) -> None:
    bench.grace = 0.5
    bench.provider = bench.another()
    job = bench.create(ending="ignore_sigterm")
    eventually(lambda: (bench.folder(job) / "deaf.json").exists())
    eventually(lambda: len(bench.processes()) == 3)
    bench.provider.cancel_job(job.id)

    assert bench.ended(job).status is JobStatus.CANCELLED
    eventually(lambda: not bench.processes())


def test_loc_16_nobody_has_to_wait_a_minute_for_it() -> None:
    given = inspect.signature(LocalProvider).parameters["cancel_grace"].default

    assert given == Limits.grace
    assert given < 60


def test_cancelling_what_has_ended_changes_nothing(bench: Bench) -> None:
    job = bench.ended(bench.create())

    assert bench.provider.cancel_job(job.id) == job
    assert bench.get(job) == job


def test_cancelling_twice_is_once(bench: Bench) -> None:
    job = bench.running(bench.create(ending="hang"))
    bench.provider.cancel_job(job.id)
    bench.provider.cancel_job(job.id)

    assert bench.ended(job).status is JobStatus.CANCELLED
    events = bench.provider.list_events(job.id, limit=100, cursor=None).items
    assert [event.type for event in events].count("cancelled") == 1


def test_a_cancelled_job_may_be_asked_for_again_by_its_key(bench: Bench) -> None:
    job = bench.running(bench.create(ending="hang"))
    bench.provider.cancel_job(job.id)
    job = bench.ended(job)

    assert bench.create(ending="hang") == job
