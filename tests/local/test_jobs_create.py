"""Making a job: once, or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from finetune_sdk import datasets
from finetune_sdk.datasets import Dataset
from finetune_sdk.errors import (
    ConfigurationError,
    ConflictError,
    DatasetError,
    FineTuneError,
    IdempotencyConflictError,
    NotFoundError,
    QuotaExceededError,
    ServerError,
)
from finetune_sdk.providers.local.provider import LocalProvider
from finetune_sdk.types import DatasetFile, JobSpec, JobStatus
from tests.local.small_jobs import ROWS, TRAINER, Bench
from tests.support import eventually

ROOT = Path(__file__).parents[2]


def test_the_same_key_makes_one_job(bench: Bench) -> None:
    first = bench.create(ending="hang")
    again = bench.create(ending="hang")

    assert again.id == first.id
    assert _made(bench.home) == [first.id]
    # A child of the one bears its name until it has become the trainer.
    eventually(lambda: len(bench.processes(lambda line: "supervisor" in line)) == 1)


def test_the_same_key_with_another_call_is_a_conflict(bench: Bench) -> None:
    job = bench.create(ending="hang")

    with pytest.raises(IdempotencyConflictError, match=job.id):
        bench.create(ending="ok")
    assert bench.get(job).metadata == {"ending": "hang"}


def test_the_same_rows_under_another_name_are_the_same_call(bench: Bench) -> None:
    spec = bench.spec(ending="hang")
    job = bench.provider.create_job(spec)
    file = spec.training_file.model_copy(update={"name": "other.jsonl", "rows": None})

    again = bench.provider.create_job(spec.model_copy(update={"training_file": file}))
    assert again.id == job.id


def test_loc_01_twenty_processes_at_once_make_one_job(bench: Bench) -> None:
    words = [sys.executable, "-m", "tests.local.callers", "many", str(bench.home)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)

    assert done.stderr == ""
    ids = done.stdout.split()
    assert len(ids) == 20
    assert _made(bench.home) == sorted(set(ids))
    assert len(set(ids)) == 1
    starts = bench.home / "local" / "jobs" / ids[0] / "starts.jsonl"
    eventually(starts.exists)
    assert len(starts.read_text().splitlines()) == 1


def test_a_supervisor_that_does_not_start_is_an_error_and_the_job_goes_on_later(
    bench: Bench,
) -> None:
    broken = bench.another(PYTHONHOME="/no/such/python")
    with pytest.raises(ServerError, match="supervisor did not start") as caught:
        broken.create_job(bench.spec())
    assert caught.value.effect == "done"
    made = _made(bench.home)
    assert len(made) == 1
    seen = broken.get_job(made[0])
    assert seen.status is JobStatus.QUEUED
    assert any("cannot go on" in warning for warning in seen.warnings)

    assert bench.ended(bench.provider.get_job(made[0])).status is JobStatus.SUCCEEDED


def test_a_key_whose_folder_is_broken_is_a_conflict(bench: Bench) -> None:
    job = bench.ended(bench.create())
    (bench.folder(job) / "spec.json").write_text("{}")

    with pytest.raises(ConflictError, match="cannot be read"):
        bench.create()


def test_rows_are_kept_once_by_their_content(bench: Bench) -> None:
    first = bench.upload()
    again = bench.provider.upload_dataset(datasets.load(list(ROWS)), key="other")

    assert again.id == first.id
    assert first.rows == len(ROWS)
    kept = bench.home / "local" / "files" / f"{first.id}.jsonl"
    assert first.bytes == kept.stat().st_size
    assert [entry.name for entry in kept.parent.iterdir()] == [kept.name]


def test_rows_that_cannot_be_read_leave_nothing(bench: Bench) -> None:
    bench.home.mkdir()
    source = bench.home / "rows.jsonl"
    source.write_text('{"messages": []}\nno json\n')

    with pytest.raises(DatasetError, match=r"rows\.jsonl:2"):
        bench.provider.upload_dataset(datasets.load(source), key="rows")
    assert list((bench.home / "local" / "files").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (
            {"training_file": DatasetFile(id="file-0123456789abcdef01234567")},
            NotFoundError,
            "file-0123456789abcdef01234567",
        ),
        ({"training_file": DatasetFile(id="../../etc/passwd")}, NotFoundError, "no dataset file"),
        ({"validation_file": DatasetFile(id="file-x")}, NotFoundError, "file-x"),
        ({"options": {"threds": 1}}, ConfigurationError, "`threds`"),
        ({"options": {"threads": 0}}, ConfigurationError, "`threads` of `local` is 0"),
    ],
)
def test_what_cannot_work_is_refused_and_nothing_is_made(
    bench: Bench, change: dict[str, object], error: type[FineTuneError], words: str
) -> None:
    spec = JobSpec.model_validate({**bench.spec().model_dump(), **change})

    with pytest.raises(error, match=words):
        bench.provider.create_job(spec)
    assert _made(bench.home) == []


def test_a_base_model_that_is_nowhere_is_refused_and_nothing_is_made(bench: Bench) -> None:
    spec = bench.spec(model="./no/such/model")

    with pytest.raises(NotFoundError, match="no/such/model"):
        LocalProvider(home=bench.home).create_job(spec)
    assert _made(bench.home) == []


def test_a_full_disk_is_said_before_anything_is_made(
    bench: Bench, small_disk: Callable[[int], Path]
) -> None:
    provider = LocalProvider(home=small_disk(1), trainer=TRAINER)
    file = provider.upload_dataset(datasets.load(ROWS), key="rows")

    with pytest.raises(QuotaExceededError, match="FINETUNE_HOME"):
        provider.create_job(bench.spec().model_copy(update={"training_file": file}))
    assert provider.list_jobs(limit=1, cursor=None).items == ()


def test_rows_that_do_not_fit_leave_nothing(small_disk: Callable[[int], Path]) -> None:
    home = small_disk(1)
    provider = LocalProvider(home=home, trainer=TRAINER)

    with pytest.raises(QuotaExceededError, match="FINETUNE_HOME"):
        provider.upload_dataset(_many_rows(2 * 2**20), key="rows")
    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_a_disk_that_the_job_fills_is_the_jobs_end(small_disk: Callable[[int], Path]) -> None:
    bench = Bench(small_disk(80))
    job = bench.create(ending="fill_disk")

    try:
        assert bench.ended(job).status is JobStatus.FAILED
    finally:
        bench.clear()


def test_loc_18_a_folder_that_is_not_ours_is_one_clear_error(bench: Bench) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    words = [sys.executable, "-m", "tests.local.callers", "stranger", str(bench.home)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)

    assert done.stderr == ""
    kinds = [line.partition(":")[0] for line in done.stdout.splitlines()]
    assert kinds == ["PermissionDeniedError"] * 4
    assert done.stdout.count("FINETUNE_HOME") == 4


def test_loc_18_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    home = tmp_path / "read only"
    home.mkdir(mode=0o555)
    words = [sys.executable, "-m", "tests.local.callers", "reader", str(home)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)

    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout.count("FINETUNE_HOME") == len(done.stdout.splitlines()) == 1
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("name", ["x" * 220, "group-writable"])
def test_loc_18_folders_of_any_kind_work(tmp_path: Path, name: str) -> None:
    home = tmp_path / name / "with spaces"
    home.mkdir(parents=True)
    home.chmod(0o770)
    bench = Bench(home)
    try:
        job = bench.running(bench.create(ending="hang"))
        bench.provider.pause_job(job.id)
        bench.until(job, JobStatus.PAUSED)
        bench.provider.resume_job(job.id)
        bench.until(job, JobStatus.RUNNING)
    finally:
        bench.clear()
    # What we make is for its owner alone, whatever the folder is.
    assert (home / "local").stat().st_mode & 0o077 == 0


def test_a_home_that_is_a_file_is_one_clear_error(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    provider = LocalProvider(home=tmp_path / "file", trainer=TRAINER)

    with pytest.raises(ConfigurationError, match="FINETUNE_HOME"):
        provider.upload_dataset(datasets.load(ROWS), key="rows")
    with pytest.raises(ConfigurationError, match="FINETUNE_HOME"):
        provider.list_jobs(limit=1, cursor=None)


def _made(home: Path) -> list[str]:
    jobs = home / "local" / "jobs"
    return sorted(path.name for path in jobs.iterdir()) if jobs.exists() else []


def _many_rows(size: int) -> Dataset:
    def rows() -> Iterator[dict[str, object]]:
        text = "x" * 1000
        for _ in range(size // len(text)):
            yield {"messages": [{"role": "assistant", "content": text}]}

    return datasets.load(rows())
