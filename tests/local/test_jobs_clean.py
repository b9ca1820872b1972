"""What takes room and nobody needs is shown, and goes when it is asked for; nothing else goes."""

from __future__ import annotations

import json
import os
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from finetune_sdk import datasets
from finetune_sdk.errors import ConflictError, NotFoundError
from finetune_sdk.providers.local.jobs.folder import JobFolder, release, take
from finetune_sdk.types import JobStatus, Leftover
from tests.local.small_jobs import Bench
from tests.local.test_jobs_models import Serving
from tests.support import eventually


def test_nothing_is_listed_where_nothing_is(bench: Bench) -> None:
    assert bench.provider.list_leftovers() == []
    assert not bench.home.exists()


def test_a_job_that_has_not_ended_keeps_all_it_has(bench: Bench) -> None:
    bench.running(bench.create(ending="hang", checkpoint_every="1"))
    job = bench.create("second")
    _make_old(bench.home)
    bench.provider.pause_job(job.id)
    bench.until(job, JobStatus.PAUSED)
    bench.power_cut()

    assert bench.provider.list_leftovers() == []


def test_checkpoints_of_a_job_that_ended_can_go_and_its_model_stays(bench: Bench) -> None:
    job = bench.ended(bench.create(steps="3", checkpoint_every="1"))
    found = _only(bench, "checkpoints")

    assert found.path == str(bench.folder(job) / "checkpoints")
    assert job.id in found.words
    assert "at step 1, 2, 3" in found.words
    assert not found.regenerated
    assert found.bytes > 3000
    bench.provider.delete_leftover(found)
    assert bench.provider.list_leftovers() == []
    assert bench.get(job) == job
    assert bench.provider.list_checkpoints(job.id, limit=9, cursor=None).items == ()
    # Once more is no error.
    bench.provider.delete_leftover(found)


def test_a_checkpoint_that_is_used_stays(bench: Bench) -> None:
    job = bench.ended(bench.create(steps="2", checkpoint_every="1"))
    listed = _only(bench, "checkpoints")
    first = bench.folder(job) / "checkpoints" / "checkpoint-1"
    second = bench.create("second", model=str(first), ending="hang")

    assert _only(bench, "checkpoints").words.endswith("at step 2")
    bench.provider.delete_leftover(listed)
    saved = bench.provider.list_checkpoints(job.id, limit=9, cursor=None).items
    assert [one.step for one in saved] == [1]
    with pytest.raises(ConflictError, match="in use"):
        bench.provider.delete_leftover(listed)
    bench.ended(bench.provider.cancel_job(second.id))
    assert _only(bench, "checkpoints").words.endswith("at step 1")


def test_a_job_that_came_to_nothing_can_go_as_a_whole(bench: Bench) -> None:
    failed = bench.ended(bench.create("failed", ending="fail"))
    saved = bench.ended(bench.create("saved", ending="nan", checkpoint_every="1"))
    bench.ended(bench.create("good"))

    found = _only(bench, "job folder")
    assert found.path == str(bench.folder(failed))
    assert "failed [row_too_long]" in found.words
    bench.provider.delete_leftover(found)
    with pytest.raises(NotFoundError):
        bench.get(failed)
    assert len(list(bench.folder(failed).parent.iterdir())) == 2
    # Where there is a checkpoint, that goes first, and only when it is asked for.
    bench.provider.delete_leftover(_only(bench, "checkpoints"))
    assert _only(bench, "job folder").path == str(bench.folder(saved))


def test_rows_that_no_job_refers_to_can_go(bench: Bench) -> None:
    job = bench.ended(bench.create())
    other = bench.provider.upload_dataset(datasets.load([_row("other")]), key="other")
    young = bench.provider.list_leftovers()
    _make_old(bench.home)

    assert young == []
    found = _only(bench, "dataset file")
    assert Path(found.path).stem == other.id
    assert found.bytes == other.bytes
    bench.provider.delete_leftover(found)
    assert [path.stem for path in (bench.home / "local" / "files").iterdir()] == [
        str(job.training_file and job.training_file.id)
    ]


def test_rows_stay_while_a_job_cannot_be_read(bench: Bench) -> None:
    job = bench.ended(bench.create())
    bench.provider.upload_dataset(datasets.load([_row("other")]), key="other")
    _make_old(bench.home)
    (bench.folder(job) / "spec.json").write_text("{")

    assert bench.provider.list_leftovers() == []


def test_a_merged_copy_can_go_unless_it_is_served(bench: Bench) -> None:
    job = bench.ended(bench.create())
    merged = bench.folder(job) / "merged"
    merged.mkdir()
    (merged / "model.safetensors").write_bytes(bytes(100))
    found = _only(bench, "merged copy")

    assert (found.path, found.bytes, found.regenerated) == (str(merged), 100, True)
    serving = Serving(bench.home, job)
    assert serving.list_leftovers() == []
    with pytest.raises(ConflictError):
        serving.delete_leftover(found)
    assert merged.exists()
    bench.provider.delete_leftover(found)
    assert not merged.exists()
    assert bench.get(job) == job


def test_a_merged_copy_that_an_adapter_was_trained_on_stays(bench: Bench) -> None:
    merged = bench.folder(bench.ended(bench.create())) / "merged"
    merged.mkdir()
    (merged / "model.safetensors").write_bytes(bytes(100))
    child = bench.ended(bench.create("second"))
    config = bench.folder(child) / "model" / "adapter_config.json"
    config.write_text(json.dumps({"base_model_name_or_path": str(merged)}))
    assert bench.provider.list_leftovers() == []

    config.write_text(json.dumps({"base_model_name_or_path": "somewhere else"}))
    assert _only(bench, "merged copy").path == str(merged)


def test_a_merged_copy_of_a_checkpoint_stays_while_it_may_be_served(bench: Bench) -> None:
    job = bench.ended(bench.create(checkpoint_every="1"))
    merged = bench.home / "local" / "models" / "merged-0123456789abcdef"
    merged.mkdir(parents=True)
    saved = job.model_copy(
        update={"fine_tuned_model": str(bench.folder(job) / "checkpoints" / "checkpoint-1")}
    )

    serving = Serving(bench.home, saved)
    assert [one.kind for one in serving.list_leftovers()] == ["checkpoints"]
    assert "at step 2" in serving.list_leftovers()[0].words
    bench.provider.delete_leftover(_only(bench, "merged copy"))
    assert not merged.exists()


def test_a_converted_model_can_go_where_its_package_is(bench: Bench) -> None:
    models = bench.home / "local" / "models"
    for name, package in (("org--here", "pydantic"), ("org--gone", "no-such-package")):
        (models / name).mkdir(parents=True)
        (models / name / "source.json").write_text(json.dumps({"package": package}))
    found = _only(bench, "converted model")

    assert found.path == str(models / "org--here")
    assert f"pydantic {version('pydantic')}" in found.words
    assert found.regenerated
    # An adapter that stands on it needs it as well.
    adapter = bench.home / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text('{"base_model_name_or_path": "org/here"}')
    job = bench.running(bench.create(model=str(adapter), ending="hang"))
    with pytest.raises(ConflictError):
        bench.provider.delete_leftover(found)
    bench.ended(bench.provider.cancel_job(job.id))
    bench.provider.delete_leftover(found)
    assert [path.name for path in models.iterdir()] == ["org--gone"]


def test_what_a_killed_writer_left_can_go_after_an_hour(bench: Bench) -> None:
    bench.upload()
    local = bench.home / "local"
    halves = [
        local / "jobs" / ".ftjob-0123456789abcdef.half",
        local / "files" / ".upload-half",
        local / "models" / ".partial-half",
    ]
    for half in halves:
        half.parent.mkdir(exist_ok=True)
        half.mkdir()
    assert bench.provider.list_leftovers() == []
    _make_old(*halves)

    found = bench.provider.list_leftovers()
    assert [(one.kind, one.path) for one in found] == [("half-written", str(h)) for h in halves]
    for one in found:
        bench.provider.delete_leftover(one)
    assert not any(half.exists() for half in halves)


def test_nothing_goes_that_was_not_listed(bench: Bench) -> None:
    job = bench.ended(bench.create(checkpoint_every="1"))
    mine = bench.home / "mine"
    mine.write_text("keep me")
    listed = _only(bench, "checkpoints")

    for path in (mine, bench.folder(job), Path(str(job.fine_tuned_model)), bench.home):
        for kind in ("checkpoints", "job folder", "dataset file", "half-written"):
            with pytest.raises(ConflictError):
                bench.provider.delete_leftover(
                    listed.model_copy(update={"path": str(path), "kind": kind})
                )
    assert mine.read_text() == "keep me"
    assert bench.get(job) == job


def test_a_job_that_somebody_holds_is_left_alone(bench: Bench) -> None:
    job = bench.ended(bench.create("failed", ending="fail"))
    eventually(lambda: not bench.processes())
    listed = _only(bench, "job folder")
    lock = take(JobFolder(bench.folder(job)).lock)
    assert lock is not None

    with pytest.raises(ConflictError):
        bench.provider.delete_leftover(listed)
    release(lock)
    assert bench.get(job) == job
    bench.provider.delete_leftover(listed)
    assert not bench.folder(job).exists()


def _only(bench: Bench, kind: str) -> Leftover:
    found = [one for one in bench.provider.list_leftovers() if one.kind == kind]
    assert len(found) == 1
    return found[0]


def _row(text: str) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": text}]}


def _make_old(*paths: Path) -> None:
    then = time.time() - 2 * 3600
    for path in paths:
        for part in (path, *path.rglob("*")):
            os.utime(part, (then, then), follow_symlinks=False)
