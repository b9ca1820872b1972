"""What the trainer removes of its checkpoints, and what it must not touch."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from finetune_sdk.providers.local.jobs import checkpoints
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.training.course.keeping import Keeper
from finetune_sdk.types import DeploymentSpec
from tests.training.jobs import make_job


@pytest.fixture
def job(tmp_path: Path) -> JobFolder:
    return make_job(tmp_path, "a-base-model")


def seal(keeper: Keeper, step: int) -> Path:
    path = keeper.folder.checkpoints / f"checkpoint-{step}"
    path.mkdir(parents=True)
    (path / "model.safetensors").write_bytes(b"weights")
    model = ("model.safetensors",)
    keeper.seal(step, epoch=None, model=model, metrics={}, score=None, state={})
    return path


def steps(job: JobFolder) -> list[int]:
    return [one.manifest.step for one in checkpoints.complete(job.checkpoints)]


def test_what_is_not_the_trainers_is_left_alone(job: JobFolder, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "data").write_bytes(b"data")
    whole = seal(Keeper(job, keep=9), 1)
    half = job.checkpoints / "checkpoint-2"
    half.mkdir()
    (half / "linked").hardlink_to(theirs / "data")
    (half / "file").symlink_to(theirs / "data")
    (half / "folder").symlink_to(theirs)
    (job.checkpoints / "checkpoint-3").symlink_to(theirs)
    for name in ("notes", "checkpoint-1.damaged", "checkpoint-best"):
        (job.checkpoints / name).mkdir()
        (job.checkpoints / name / "data").write_bytes(b"data")
    partial = job.path / "model.partial"
    partial.symlink_to(theirs)

    Keeper(job, keep=9).drop_partial()
    job.drop_halves()
    assert (theirs / "data").read_bytes() == b"data"
    assert not half.exists()
    assert steps(job) == [1]
    assert {path.name for path in job.checkpoints.iterdir()} == {
        whole.name,
        "checkpoint-3",
        "notes",
        "checkpoint-1.damaged",
        "checkpoint-best",
    }
    for name in ("notes", "checkpoint-1.damaged", "checkpoint-best"):
        assert (job.checkpoints / name / "data").read_bytes() == b"data"


@pytest.mark.parametrize("name", ["manifest.json", "model.safetensors"])
def test_what_cannot_be_looked_at_is_left_alone(job: JobFolder, name: str) -> None:
    """An error of the disk says nothing about what lies there."""
    path = seal(Keeper(job, keep=9), 1)
    (path / name).rename(path / "kept")
    # To open it is an error that is neither that it is missing nor a matter of rights.
    (path / name).symlink_to(name)

    Keeper(job, keep=9).drop_partial()
    assert steps(job) == []
    assert (path / "kept").stat().st_size > 0
    (path / "kept").replace(path / name)
    assert steps(job) == [1]


@pytest.mark.parametrize("manifest", [None, b"", b"{", b"{}", b"[" * 200_000])
def test_what_is_not_whole_gives_its_room_back(job: JobFolder, manifest: bytes | None) -> None:
    half = job.checkpoints / "checkpoint-1"
    half.mkdir(parents=True)
    if manifest is not None:
        (half / "manifest.json").write_bytes(manifest)
    with (half / "optimizer.pt").open("wb", buffering=0) as file:
        file.write(b"half")
        Keeper(job, keep=1).drop_partial()
        assert os.fstat(file.fileno()).st_size == 0
    assert not half.exists()


def test_a_checkpoint_that_somebody_needs_outlives_its_turn(job: JobFolder) -> None:
    keeper = Keeper(job, keep=1)
    first = seal(keeper, 1)
    further = make_job(job.home.root.parent, first, name="ftjob-further")
    draft = make_job(job.home.root.parent, "x", name=".ftjob-draft.1")
    deployments = job.home.deployments
    (deployments / "broken").mkdir(parents=True)
    (deployments / "broken" / "spec.json").write_text("{", encoding="utf-8")
    second = seal(keeper, 2)
    spec = further.spec().model_copy(update={"model": str(second)})
    (draft.path / "spec.json").write_text(spec.to_json(), encoding="utf-8")
    third = seal(keeper, 3)
    served = DeploymentSpec(name="served", model=str(third))
    (deployments / "served").mkdir()
    (deployments / "served" / "spec.json").write_text(served.to_json(), encoding="utf-8")
    for step in (4, 5):
        seal(keeper, step)
    assert steps(job) == [1, 2, 3, 5]

    # Its end, without an adapter that stands on it, sets it free.
    (further.path / "exit.json").write_text("{}", encoding="utf-8")
    seal(keeper, 6)
    assert steps(job) == [2, 3, 6]
