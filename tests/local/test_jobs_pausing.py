"""Stopping a job and going on with it: nothing is learned twice, nothing is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from finetune_sdk.errors import ConflictError, NotFoundError
from finetune_sdk.providers.local.provider import LocalProvider
from finetune_sdk.types import Job, JobStatus
from tests.local.small_jobs import Bench, kill
from tests.support import eventually

STEPS = {"steps": "6", "checkpoint_every": "2"}


def test_a_paused_job_goes_on_and_learns_the_same(bench: Bench) -> None:
    straight = bench.ended(bench.create("straight", **STEPS))
    job = blocked(bench, at=4)
    assert bench.provider.pause_job(job.id).status is JobStatus.PAUSING
    eventually(lambda: said(bench, job)[-1].startswith("pausing"))
    go(bench, job)

    paused = bench.until(job, JobStatus.PAUSED)
    assert (paused.raw_status, paused.error) == ("paused", None)
    assert paused.progress is not None
    assert paused.progress.step == 4
    assert not paused.status.terminal
    bench.provider.resume_job(job.id)
    done = bench.ended(job)
    assert done.status is JobStatus.SUCCEEDED
    assert done.started_at == paused.started_at
    assert weights(done) == weights(straight)
    assert steps(bench, job) == [1, 2, 3, 4, 5, 6]
    assert said(bench, job) == [
        f"the job {job.id} is made",
        "runs on cpu",
        "pausing: what was learned is saved after this step",
        "paused at step 4",
        "resumed from step 4",
        "runs on cpu",
        "all steps are done",
        "the job succeeded",
    ]


def test_a_paused_job_keeps_nobody_waiting(bench: Bench) -> None:
    first = paused(bench, bench.running(bench.create("first", ending="hang")))

    assert bench.ended(bench.create("second")).status is JobStatus.SUCCEEDED
    assert bench.get(first).status is JobStatus.PAUSED
    eventually(lambda: not bench.processes())


def test_a_queued_job_is_paused_at_once_and_not_woken(bench: Bench) -> None:
    first = bench.running(bench.create("first", ending="hang"))
    second = paused(bench, bench.until(bench.create("second"), JobStatus.QUEUED))
    assert (second.started_at, second.queue_position) == (None, None)
    bench.ended(bench.provider.cancel_job(first.id))
    eventually(lambda: not bench.processes())
    bench.provider.list_jobs(limit=9, cursor=None)
    assert not bench.processes()

    assert bench.provider.resume_job(second.id).status is not JobStatus.PAUSED
    assert bench.ended(second).status is JobStatus.SUCCEEDED


def test_a_pause_that_found_nobody_in_the_queue_counts(bench: Bench) -> None:
    first = bench.running(bench.create("first", ending="hang"))
    second = bench.until(bench.create("second"), JobStatus.QUEUED)
    bench.power_cut()
    (bench.folder(second) / "pause").touch()

    assert bench.get(second).status is JobStatus.PAUSED
    assert not bench.processes()
    bench.provider.cancel_job(first.id)
    bench.provider.resume_job(second.id)
    assert bench.ended(second).status is JobStatus.SUCCEEDED


def test_pausing_twice_and_resuming_what_runs_change_nothing(bench: Bench) -> None:
    job = bench.running(bench.create(ending="hang"))
    assert bench.provider.resume_job(job.id).status is JobStatus.RUNNING
    seen = paused(bench, job)

    assert bench.provider.pause_job(job.id) == seen
    bench.provider.resume_job(job.id)
    bench.until(job, JobStatus.RUNNING)
    eventually(lambda: starts(bench, job) == 2)


def test_what_has_ended_is_neither_paused_nor_resumed(bench: Bench) -> None:
    job = bench.ended(bench.create())

    for verb in (bench.provider.pause_job, bench.provider.resume_job):
        with pytest.raises(ConflictError, match=r"has ended \(succeeded\).*jobs\.create"):
            verb(job.id)
        with pytest.raises(NotFoundError):
            verb("ftjob-0123456789abcdef")
    assert bench.get(job) == job


def test_a_resume_while_it_pauses_counts(bench: Bench) -> None:
    job = blocked(bench, at=3)
    bench.provider.pause_job(job.id)
    assert bench.provider.resume_job(job.id).status is JobStatus.PAUSING
    go(bench, job)

    # By itself: nobody has to look.
    eventually((bench.folder(job) / "exit.json").exists)
    assert bench.get(job).status is JobStatus.SUCCEEDED
    assert steps(bench, job) == [1, 2, 3, 4, 5, 6]
    assert starts(bench, job) == 2


def test_the_newest_wish_counts(bench: Bench) -> None:
    job = blocked(bench, at=3)
    bench.provider.pause_job(job.id)
    bench.provider.resume_job(job.id)
    bench.provider.pause_job(job.id)
    go(bench, job)

    assert bench.until(job, JobStatus.PAUSED).raw_status == "paused"
    assert starts(bench, job) == 1


def test_a_paused_job_is_cancelled_at_once(bench: Bench) -> None:
    job = paused(bench, bench.running(bench.create(ending="hang")))

    assert bench.provider.cancel_job(job.id).status is JobStatus.CANCELLED
    eventually(lambda: not bench.processes())


def test_cancelling_wins_over_pausing(bench: Bench) -> None:
    job = blocked(bench, at=3)
    bench.provider.pause_job(job.id)
    bench.provider.cancel_job(job.id)
    assert bench.provider.pause_job(job.id).status in (JobStatus.CANCELLING, JobStatus.CANCELLED)

    assert bench.ended(job).status is JobStatus.CANCELLED


def test_many_who_resume_at_once_start_it_once(bench: Bench) -> None:
    job = paused(bench, bench.running(bench.create(ending="hang")))

    def resume(provider: LocalProvider) -> str:
        return provider.resume_job(job.id).id

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(resume, [bench.another() for _ in range(8)]))
    assert seen == [job.id] * 8
    assert len([words for words in said(bench, job) if words.startswith("resumed")]) == 1
    bench.until(job, JobStatus.RUNNING)
    eventually(lambda: starts(bench, job) == 2)
    eventually(lambda: len(bench.processes()) == 2)


def test_a_supervisor_that_is_killed_while_its_trainer_pauses(bench: Bench) -> None:
    job = blocked(bench, at=3)
    bench.provider.pause_job(job.id)
    kill(bench.supervisor(job))
    assert bench.get(job).status is JobStatus.PAUSING
    go(bench, job)

    assert bench.until(job, JobStatus.PAUSED).raw_status == "paused"
    bench.provider.resume_job(job.id)
    assert bench.ended(job).status is JobStatus.SUCCEEDED
    assert steps(bench, job) == [1, 2, 3, 4, 5, 6]


def test_a_resume_counts_although_nobody_is_left_to_hear_it(bench: Bench) -> None:
    job = blocked(bench, at=3)
    bench.provider.pause_job(job.id)
    kill(bench.supervisor(job))
    assert bench.provider.resume_job(job.id).status is JobStatus.PAUSING
    go(bench, job)

    assert bench.ended(job).status is JobStatus.SUCCEEDED
    assert starts(bench, job) == 2


def test_loc_07_after_a_reboot_a_job_is_lost_and_goes_on_when_asked(bench: Bench) -> None:
    straight = bench.ended(bench.create("straight", **STEPS))
    job = blocked(bench, at=4)
    bench.power_cut()

    seen = bench.get(job)
    assert (seen.status, seen.raw_status) == (JobStatus.PAUSED, "lost")
    bench.provider.list_jobs(limit=9, cursor=None)
    assert not bench.processes()
    go(bench, job)
    bench.another().resume_job(job.id)
    done = bench.ended(job)
    assert weights(done) == weights(straight)
    assert steps(bench, job) == [1, 2, 3, 4, 5, 6]


def test_a_resume_of_a_trainer_without_its_supervisor_counts_later(bench: Bench) -> None:
    job = blocked(bench, at=3)
    kill(bench.supervisor(job))
    assert bench.provider.resume_job(job.id).status is JobStatus.RUNNING
    kill(bench.trainer(job))
    go(bench, job)

    assert bench.ended(job).status is JobStatus.SUCCEEDED
    assert steps(bench, job) == [1, 2, 3, 4, 5, 6]


def test_a_job_whose_state_is_gone_is_lost_and_starts_nothing(bench: Bench) -> None:
    job = blocked(bench, at=3)
    bench.provider.pause_job(job.id)
    go(bench, job)
    bench.until(job, JobStatus.PAUSED)
    eventually(lambda: not bench.processes())
    (bench.folder(job) / "state.json").unlink()

    seen = bench.get(job)
    assert (seen.status, seen.raw_status) == (JobStatus.PAUSED, "lost")
    bench.provider.list_jobs(limit=9, cursor=None)
    assert not bench.processes()
    bench.provider.resume_job(job.id)
    assert bench.ended(job).status is JobStatus.SUCCEEDED
    assert steps(bench, job) == [1, 2, 3, 4, 5, 6]


def test_who_resumes_joins_the_end_of_the_queue(bench: Bench) -> None:
    first = paused(bench, bench.running(bench.create("first", ending="hang")))
    second = bench.running(bench.create("second", ending="hang"))
    third = bench.until(bench.create("third"), JobStatus.QUEUED)
    bench.provider.resume_job(first.id)

    def places() -> list[int | None]:
        return [bench.get(job).queue_position for job in (first, second, third)]

    eventually(lambda: places() == [2, None, 1])
    listed = bench.provider.list_jobs(limit=9, cursor=None).items
    assert [job.queue_position for job in listed] == [1, None, 2]
    bench.provider.cancel_job(second.id)
    bench.ended(third)
    assert bench.until(first, JobStatus.RUNNING).queue_position is None


def blocked(bench: Bench, *, at: int) -> Job:
    """A job whose trainer waits before this step."""
    job = bench.create(block_at=str(at), **STEPS)
    eventually((bench.folder(job) / "waits").exists)
    return bench.until(job, JobStatus.RUNNING)


def go(bench: Bench, job: Job) -> None:
    (bench.folder(job) / "go").touch()


def paused(bench: Bench, job: Job) -> Job:
    bench.provider.pause_job(job.id)
    return bench.until(job, JobStatus.PAUSED)


def weights(job: Job) -> bytes:
    return Path(str(job.fine_tuned_model), "adapter_model.safetensors").read_bytes()


def steps(bench: Bench, job: Job) -> list[int]:
    return [one.step for one in bench.provider.list_metrics(job.id, limit=99, cursor=None).items]


def starts(bench: Bench, job: Job) -> int:
    return len((bench.folder(job) / "starts.jsonl").read_text().splitlines())


def said(bench: Bench, job: Job) -> list[str]:
    page = bench.provider.list_events(job.id, limit=99, cursor=None)
    return [event.message for event in reversed(page.items)]
