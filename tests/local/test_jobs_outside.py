"""What ends a run from outside takes nothing of what a checkpoint has kept."""

from __future__ import annotations

import signal

import pytest

from finetune_sdk.types import Checkpoint, Job, JobStatus
from tests.local.small_jobs import Bench, kill
from tests.support import eventually

ENDED = (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.PAUSED)


def test_loc_05_a_killed_trainer_with_a_checkpoint_pauses_its_job(bench: Bench) -> None:
    job = bench.create(steps="5", checkpoint_every="2", block_at="4")
    eventually(lambda: _steps(bench, job) == [2])
    kill(bench.trainer(job))

    seen = bench.until(job, *ENDED)
    assert (seen.status, seen.raw_status) == (JobStatus.PAUSED, "killed_out_of_memory_likely")
    assert seen.error is not None
    assert seen.error.code == "killed_out_of_memory_likely"
    for words in ("`micro_batch_size`", "up to step 2 is kept", "`jobs.resume`"):
        assert words in seen.error.message
    last = bench.provider.list_events(job.id, limit=1, cursor=None).items[0]
    assert (last.type, last.level, last.message) == ("paused", "warning", seen.error.message)

    (bench.folder(job) / "go").touch()
    bench.provider.resume_job(job.id)
    done = bench.ended(job)
    assert (done.status, done.error) == (JobStatus.SUCCEEDED, None)
    assert _steps(bench, job) == [4, 2]


def test_loc_05_without_a_checkpoint_there_is_nothing_to_go_on_with(bench: Bench) -> None:
    job = bench.running(bench.create(ending="hang"))
    kill(bench.trainer(job))

    job = bench.until(job, *ENDED)
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error.code == "killed_out_of_memory_likely"
    assert "jobs.resume" not in job.error.message


@pytest.mark.parametrize(("every", "status"), [("0", JobStatus.FAILED), ("1", JobStatus.PAUSED)])
@pytest.mark.parametrize("ending", ["over_the_limit", "without_memory"])
def test_loc_05_memory_that_is_not_enough(
    bench: Bench, ending: str, every: str, status: JobStatus
) -> None:
    """One trainer breaks RLIMIT_AS and only has a traceback to say so; the other knows it."""
    job = bench.until(bench.create(ending=ending, checkpoint_every=every), *ENDED)

    assert job.status is status
    assert job.error is not None
    assert job.error.code == "out_of_memory"
    assert "memory" in job.error.message


def test_what_a_run_did_itself_fails_it_and_leaves_its_checkpoints(bench: Bench) -> None:
    job = bench.until(bench.create(ending="nan", checkpoint_every="1", steps="3"), *ENDED)

    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error.code == "nan_loss"
    assert _steps(bench, job) == [3, 2, 1]


def test_a_trainer_that_somebody_else_ends_saves_and_pauses(bench: Bench) -> None:
    job = bench.create(ending="hang", steps="3")
    eventually(lambda: len(bench.provider.list_metrics(job.id, limit=9, cursor=None).items) == 3)
    kill(bench.trainer(job), signal.SIGTERM)

    job = bench.until(job, *ENDED)
    assert (job.status, job.raw_status) == (JobStatus.PAUSED, "trainer_ended_from_outside")
    assert _steps(bench, job) == [3]


def test_a_checkpoint_that_was_cut_short_does_not_count(bench: Bench) -> None:
    job = bench.create(ending="killed_in_checkpoint", checkpoint_every="2", steps="3")

    assert bench.until(job, *ENDED).status is JobStatus.PAUSED
    assert _steps(bench, job) == [2]
    assert [path.name for path in (bench.folder(job) / "checkpoints").iterdir()] == ["checkpoint-2"]


def test_a_failure_that_no_supervisor_saw_is_told(bench: Bench) -> None:
    job = bench.create(ending="without_memory", checkpoint_every="1", block_at="2")
    bench.running(job)
    kill(bench.supervisor(job))
    (bench.folder(job) / "go").touch()

    job = bench.until(job, *ENDED)
    assert (job.status, job.raw_status) == (JobStatus.PAUSED, "out_of_memory")
    assert job.error is not None
    # Told once, and forgotten when it goes on.
    assert bench.get(job) == job
    seen = bench.provider.resume_job(job.id)
    assert seen.error is None
    bench.until(job, JobStatus.PAUSED)


def test_checkpoints_are_listed_newest_first_while_the_job_runs(bench: Bench) -> None:
    job = bench.create(steps="9", checkpoint_every="2", block_at="8")
    eventually(lambda: len(_checkpoints(bench, job)) == 3)
    assert bench.get(job).status is JobStatus.RUNNING
    found = _checkpoints(bench, job)

    newest = found[0]
    assert [one.step for one in found] == [6, 4, 2]
    assert [one.best for one in found] == [False, False, True]
    assert newest.id == f"{job.id}/checkpoint-6"
    assert (newest.job_id, newest.provider) == (job.id, "local")
    assert newest.model == str(bench.folder(job) / "checkpoints" / "checkpoint-6")
    assert newest.metrics == {"loss": 1 / 6}
    assert newest.epoch == 0.6
    assert newest.bytes is not None
    assert newest.bytes > 1000
    (bench.folder(job) / "checkpoints" / "checkpoint-6" / "optimizer.pt").unlink()
    assert [one.step for one in _checkpoints(bench, job)] == [4, 2]

    page = bench.provider.list_checkpoints(job.id, limit=1, cursor=None)
    page = bench.provider.list_checkpoints(job.id, limit=1, cursor=page.next_cursor)
    assert [one.step for one in page.items] == [2]
    assert page.next_cursor is None


def _checkpoints(bench: Bench, job: Job) -> tuple[Checkpoint, ...]:
    return bench.provider.list_checkpoints(job.id, limit=99, cursor=None).items


def _steps(bench: Bench, job: Job) -> list[int]:
    return [one.step for one in _checkpoints(bench, job)]
