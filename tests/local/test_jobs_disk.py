"""LOC-10, a full disk: the reason is told, what was there stays whole, and it goes on later."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from finetune_sdk.errors import QuotaExceededError
from finetune_sdk.providers.local import faults, files
from finetune_sdk.types import Job, JobStatus
from tests.local.small_jobs import Bench, kill
from tests.support import eventually


@pytest.fixture
def tight(small_disk: Callable[[int], Path]) -> Generator[Bench]:
    """Jobs on a disk of their own."""
    bench = Bench(small_disk(80))
    yield bench
    (bench.home / "filler").unlink(missing_ok=True)
    bench.clear()


def fill(bench: Bench, *, leave: int = 0) -> None:
    with (bench.home / "filler").open("wb", buffering=0) as file:
        for size in (2**20, 2**12):
            try:
                while shutil.disk_usage(bench.home).free > leave and file.write(bytes(size)):
                    pass
            except OSError:
                continue


def queued(bench: Bench) -> tuple[Job, Job]:
    first = bench.running(bench.create("first", ending="hang"))
    return first, bench.until(bench.create("second"), JobStatus.QUEUED)


def test_who_waits_on_a_full_disk_says_so_and_goes_on_later(tight: Bench) -> None:
    first, second = queued(tight)
    kill(tight.supervisor(second))
    fill(tight)

    seen = tight.get(second)
    assert seen.status is JobStatus.QUEUED
    assert any("is full" in warning for warning in seen.warnings)

    (tight.home / "filler").unlink()
    tight.get(second)
    tight.provider.cancel_job(first.id)
    assert tight.ended(second).status is JobStatus.SUCCEEDED


def test_loc_10_a_full_disk_leaves_room_for_the_end(tight: Bench) -> None:
    job = tight.running(tight.create(ending="hang"))
    fill(tight)
    kill(tight.trainer(job))

    ended = tight.ended(job)
    assert ended.status is JobStatus.FAILED
    assert ended.error is not None
    assert ended.error.code == "disk_full"
    assert "FINETUNE_HOME" in ended.error.message


def test_loc_10_a_full_disk_in_a_checkpoint_keeps_the_one_before(tight: Bench) -> None:
    job = tight.create(steps="3", checkpoint_every="2", ending="no_room_for_checkpoint")
    fill(tight, leave=2**20)

    seen = tight.until(job, JobStatus.PAUSED, JobStatus.FAILED)
    assert (seen.status, seen.raw_status) == (JobStatus.PAUSED, "disk_full")
    assert seen.error is not None
    for words in ("FINETUNE_HOME", "step 2 is kept", "`jobs.resume`"):
        assert words in seen.error.message
    saved = tight.provider.list_checkpoints(job.id, limit=9, cursor=None).items
    assert [one.step for one in saved] == [2]

    (tight.home / "filler").unlink()
    (tight.folder(job) / "room").touch()
    tight.provider.resume_job(job.id)
    assert tight.ended(job).status is JobStatus.SUCCEEDED


def test_loc_10_a_full_disk_in_the_log_and_the_state_stops_nothing(tight: Bench) -> None:
    job = tight.create(block_at="2", steps="3", checkpoint_every="1")
    # Without a checkpoint there is nothing to go on from, and the job fails.
    eventually(
        lambda: len(tight.provider.list_checkpoints(job.id, limit=9, cursor=None).items) == 1
    )
    kill(tight.trainer(job), signal.SIGSTOP)
    fill(tight)
    state = (tight.folder(job) / "state.json").read_bytes()
    kill(tight.trainer(job))

    # The reserve has room for the state, though not for the event.
    seen = tight.until(job, JobStatus.PAUSED, JobStatus.FAILED)
    assert seen.raw_status == "disk_full"
    assert (tight.folder(job) / "state.json").read_bytes() != state
    (tight.folder(job) / "go").touch()
    with pytest.raises(QuotaExceededError, match="is full"):
        tight.provider.resume_job(job.id)
    assert tight.get(job) == seen

    (tight.home / "filler").unlink()
    tight.provider.resume_job(job.id)
    assert tight.ended(job).status is JobStatus.SUCCEEDED
    assert len(tight.provider.list_metrics(job.id, limit=9, cursor=None).items) == 3


def test_loc_10_a_line_that_a_full_disk_cut_spoils_no_other(tight: Bench) -> None:
    path = tight.home / "lines.jsonl"
    files.append_line(path, "first")
    fill(tight)
    with pytest.raises(OSError, match="No space"):
        files.append_line(path, "x" * 2**13)
    (tight.home / "filler").unlink()
    files.append_line(path, "last")

    lines = list(files.read_lines(path))
    assert (lines[0], lines[-1]) == ("first", "last")


def test_a_disk_that_takes_no_more_files_is_full(small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(4)
    assert not faults.is_full(disk)
    subprocess.run(["mount", "-o", "remount,nr_inodes=4", str(disk)], check=True)
    for number in range(3):
        (disk / str(number)).touch()
    with pytest.raises(OSError, match="No space"):
        (disk / "more").touch()

    assert faults.is_full(disk)
    (disk / "0").unlink()
    assert not faults.is_full(disk)


def test_loc_10_a_model_that_does_not_fit_leaves_nothing(
    bench: Bench, small_disk: Callable[[int], Path]
) -> None:
    job = bench.ended(bench.create())
    (Path(str(job.fine_tuned_model)) / "big.safetensors").write_bytes(bytes(2 * 2**20))
    target = small_disk(1) / "model"

    with pytest.raises(QuotaExceededError, match="nothing of it is left") as caught:
        bench.provider.download_model(job.id, target)
    assert str(target) in str(caught.value)
    assert list(target.iterdir()) == []
