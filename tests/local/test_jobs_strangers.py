"""What this user, this version or this moment cannot read."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import pytest

from finetune_sdk.errors import NotFoundError
from finetune_sdk.providers.local.jobs import slots
from finetune_sdk.providers.local.jobs.folder import JobFolder, is_held
from finetune_sdk.providers.local.provider import LocalProvider
from finetune_sdk.types import Job, JobStatus
from tests.local.small_jobs import Bench
from tests.support import eventually


def test_a_folder_of_another_user_breaks_no_other_job(bench: Bench) -> None:
    mine, theirs = settled(bench, "mine"), settled(bench, "theirs")
    with closed(bench.folder(theirs)):
        listed = {job.id: job for job in bench.provider.list_jobs(limit=9, cursor=None).items}
        assert listed[mine.id] == mine
        seen = listed[theirs.id]
        assert (seen.status, seen.raw_status, seen.error) == (
            JobStatus.UNKNOWN,
            "unreadable",
            None,
        )
        assert "Permission denied" in seen.warnings[0]
        assert bench.get(theirs) == seen
        assert slots.line(JobFolder(bench.folder(mine)).home) == []
        assert [one.kind for one in bench.provider.list_leftovers()] == []
        assert bench.ended(bench.create("third")).status is JobStatus.SUCCEEDED
        bench.provider.delete_model(mine.id)
    assert bench.get(theirs) == theirs


def test_a_job_of_a_newer_version_is_unknown_and_has_not_failed(bench: Bench) -> None:
    job = settled(bench, "one")
    spec = bench.folder(job) / "spec.json"
    spec.write_text(json.dumps(json.loads(spec.read_text()) | {"schema_version": 99}))

    seen = bench.get(job)
    assert (seen.status, seen.error) == (JobStatus.UNKNOWN, None)
    assert "newer" in seen.warnings[0]


def test_a_folder_without_its_spec_has_failed(bench: Bench) -> None:
    job = settled(bench, "one")
    (bench.folder(job) / "spec.json").unlink()

    assert bench.get(job).status is JobStatus.FAILED
    shutil.rmtree(bench.folder(job))
    with pytest.raises(NotFoundError):
        bench.get(job)


def test_the_folder_of_a_user_that_is_none_is_not_there(bench: Bench) -> None:
    with pytest.raises(NotFoundError, match="there is no folder '~nobody-of-this-name/x'"):
        LocalProvider(home=bench.home).create_job(bench.spec(model="~nobody-of-this-name/x"))


def test_a_model_that_goes_while_a_job_is_made_on_it(bench: Bench, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    make = import_module("tests.training.tiny").make_tiny_model
    make(tmp_path / "tiny")
    provider = LocalProvider(home=bench.home)
    jobs = bench.home / "local" / "jobs"
    spec = bench.spec(model=str(tmp_path / "tiny"))
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(provider.create_job, spec)
        eventually(lambda: made.done() or any(jobs.glob(".ftjob-*/created.json")))
        shutil.rmtree(tmp_path / "tiny")
        with pytest.raises(NotFoundError, match="was deleted while the job was looked at"):
            made.result()
    assert not list(jobs.iterdir())


def settled(bench: Bench, key: str) -> Job:
    job = bench.ended(bench.create(key))
    eventually(lambda: not is_held(JobFolder(bench.folder(job)).lock))
    return bench.get(job)


@contextmanager
def closed(folder: Path) -> Generator[None]:
    """Nothing in a folder can be read, as in one of another user; by root neither."""
    folder.chmod(0)
    try:
        with unprivileged() if os.geteuid() == 0 else _nothing():
            yield
    finally:
        folder.chmod(0o700)


@contextmanager
def _nothing() -> Generator[None]:
    yield


@contextmanager
def unprivileged() -> Generator[None]:
    """Takes from this thread what lets root pass by the rights of files; not from new programs."""
    if sys.platform != "linux":
        pytest.skip("root can read everything here")
    libc = ctypes.CDLL(None, use_errno=True)
    # Version 3, this thread; effective, permitted, inheritable: twice 32 bits.
    head, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(head, sets) == 0
    before = sets[0]
    # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.
    sets[0] = before & ~0b110
    assert libc.capset(head, sets) == 0
    try:
        yield
    finally:
        sets[0] = before
        assert libc.capset(head, sets) == 0
