"""One running job per accelerator; the others wait their turn, whatever happens."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from finetune_sdk.providers.local.jobs import slots
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.types import JobStatus
from tests.local.small_jobs import Bench, kill
from tests.support import eventually


def test_the_second_job_waits_for_the_first(bench: Bench) -> None:
    first = bench.running(bench.create("first", ending="hang"))
    second = bench.create("second")
    assert bench.get(second).status is JobStatus.QUEUED
    eventually(lambda: len(_said(bench, second.id, "queued")) == 1)
    assert bench.get(second).status is JobStatus.QUEUED

    bench.provider.cancel_job(first.id)
    second = bench.ended(second)
    first = bench.get(first)
    assert second.status is JobStatus.SUCCEEDED
    assert second.started_at is not None
    assert first.finished_at is not None
    assert second.started_at >= first.finished_at


@pytest.mark.parametrize("both", [False, True])
def test_loc_19_the_second_starts_when_the_first_is_killed(bench: Bench, both: bool) -> None:
    """One slot, as one GPU is: the trainer dies alone, or its supervisor before it."""
    first = bench.running(bench.create("first", ending="hang"))
    second = bench.until(bench.create("second", ending="hang"), JobStatus.QUEUED)
    third = bench.until(bench.create("third"), JobStatus.QUEUED)
    assert [bench.get(job).queue_position for job in (first, second, third)] == [None, 1, 2]
    if both:
        kill(bench.supervisor(first))
    kill(bench.trainer(first))

    bench.until(second, JobStatus.RUNNING)
    assert [bench.get(job).queue_position for job in (second, third)] == [None, 1]


def test_the_machine_is_busy_until_an_orphaned_trainer_is_gone(bench: Bench) -> None:
    first = bench.running(bench.create("first", ending="hang"))
    kill(bench.supervisor(first))
    second = bench.create("second")
    eventually(lambda: len(_said(bench, second.id, "queued")) == 1)
    assert bench.get(second).status is JobStatus.QUEUED

    kill(bench.trainer(first))
    assert bench.ended(second).status is JobStatus.SUCCEEDED


def test_a_daemon_that_a_trainer_leaves_does_not_keep_the_machine(bench: Bench) -> None:
    bench.ended(bench.create("first", ending="leave_a_daemon"))
    second = bench.create("second")

    assert bench.ended(second).status is JobStatus.SUCCEEDED
    eventually(lambda: len(bench.processes()) == 1)
    kill(bench.processes()[0])


def test_jobs_run_in_the_order_of_their_making(bench: Bench) -> None:
    blocker = bench.running(bench.create("blocker", ending="hang"))
    waiting = [bench.create(f"job {number}") for number in range(4)]
    bench.provider.cancel_job(blocker.id)

    started = [bench.ended(job).started_at for job in waiting]
    assert started == sorted(time for time in started if time is not None)


def test_a_queued_job_can_be_cancelled(bench: Bench) -> None:
    first = bench.running(bench.create("first", ending="hang"))
    second = bench.create("second")
    assert bench.provider.cancel_job(second.id).status in (
        JobStatus.CANCELLING,
        JobStatus.CANCELLED,
    )

    second = bench.ended(second)
    assert second.status is JobStatus.CANCELLED
    assert second.started_at is None
    assert not (bench.folder(second) / "starts.jsonl").exists()
    assert bench.get(first).status is JobStatus.RUNNING


def test_what_was_queued_when_the_machine_went_down_goes_on(bench: Bench) -> None:
    running = bench.running(bench.create("running", ending="hang"))
    queued = [bench.create(f"queued {number}") for number in range(2)]
    bench.power_cut()

    # As after a reboot: whoever lists wakes all that were queued, and only those.
    listed = bench.provider.list_jobs(limit=1, cursor=None).items
    assert [job.id for job in listed] == [queued[-1].id]
    for job in queued:
        assert bench.ended(job).status is JobStatus.SUCCEEDED
        assert len((bench.folder(job) / "starts.jsonl").read_text().splitlines()) == 1
    assert bench.get(running).raw_status == "lost"


def test_a_new_job_wakes_those_that_wait(bench: Bench) -> None:
    bench.running(bench.create("running", ending="hang"))
    queued = bench.create("queued")
    bench.power_cut()
    newest = bench.create("newest")

    eventually(lambda: (bench.folder(newest) / "exit.json").exists())
    assert (bench.folder(queued) / "exit.json").exists()


def test_a_queued_job_runs_with_the_python_it_was_made_with(bench: Bench) -> None:
    bench.running(bench.create("running", ending="hang"))
    jobs = [bench.until(bench.create(f"queued {n}"), JobStatus.QUEUED) for n in range(2)]
    bench.power_cut()
    maker, used = bench.home / "python", bench.home / "used"
    maker.write_text(f'#!/bin/sh\n: > "{used}"\nexec "{sys.executable}" "$@"\n')
    maker.chmod(0o755)
    for job, python in zip(jobs, (maker, bench.home / "no python any more"), strict=True):
        folder = JobFolder(bench.folder(job))
        made = folder.read("created") or {}
        assert made["python"] == sys.executable
        folder.write("created", {**made, "python": str(python)})

    for job in jobs:
        assert bench.ended(job).status is JobStatus.SUCCEEDED
    assert used.exists()


def test_what_was_queued_and_then_cancelled_does_not_start(bench: Bench) -> None:
    bench.running(bench.create("running", ending="hang"))
    queued = bench.create("queued")
    bench.power_cut()
    bench.provider.cancel_job(queued.id)

    assert bench.get(queued).status is JobStatus.CANCELLED
    assert not bench.processes()


@pytest.mark.parametrize(
    ("devices", "shown", "names"),
    [
        ((), None, ["cpu"]),
        ((), "0,1", ["cpu"]),
        (("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"), None, ["gpu-0", "gpu-1"]),
        (("nvidia0", "nvidia1"), "1", ["gpu-1"]),
        (("nvidia0",), "", ["cpu"]),
        (("nvidia0",), "-1", ["cpu"]),
        (("nvidia0",), "MIG-GPU-a/1/0", ["gpu-MIG-GPU-a_1_0"]),
    ],
)
def test_a_slot_is_a_gpu_that_may_be_seen_or_the_cpu(
    tmp_path: Path, devices: tuple[str, ...], shown: str | None, names: list[str]
) -> None:
    for device in devices:
        (tmp_path / device).touch()
    environ = {} if shown is None else {"CUDA_VISIBLE_DEVICES": shown}

    found = slots.of_machine(environ, devices=tmp_path)
    assert [slot.name for slot in found] == names
    assert all("CUDA_VISIBLE_DEVICES" in s.environment() for s in found if s.name != "cpu")


def _said(bench: Bench, job_id: str, kind: str) -> list[str]:
    page = bench.provider.list_events(job_id, limit=100, cursor=None)
    return [event.message for event in page.items if event.type == kind]
