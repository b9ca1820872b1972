"""The models that jobs leave behind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from finetune_sdk.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    UnsupportedError,
)
from finetune_sdk.providers.local import files
from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.jobs import checkpoints
from finetune_sdk.providers.local.models import weights
from finetune_sdk.providers.local.provider import LocalProvider
from finetune_sdk.types import (
    Deployment,
    DeploymentSpec,
    DeploymentStatus,
    Job,
    JobStatus,
    Model,
    Page,
    Reward,
)
from tests.local.small_jobs import TRAINER, Bench
from tests.support import eventually


def test_a_job_that_succeeded_leaves_a_model(bench: Bench) -> None:
    job = bench.ended(bench.create())
    bench.ended(bench.create("failed", ending="fail"))
    bench.create("running", ending="hang")

    trained = [model for model in _models(bench) if model.kind == "fine_tuned"]
    assert [model.id for model in trained] == [job.fine_tuned_model]
    assert trained[0].base_model == "a-base-model"
    assert trained[0].job_id == job.id
    assert trained[0].created_at == job.finished_at
    assert trained[0].bytes == 64 + len("{}")


def test_a_model_is_found_by_its_folder_and_by_its_job(bench: Bench) -> None:
    job = bench.ended(bench.create())
    assert job.fine_tuned_model is not None

    assert bench.provider.get_model(job.id) == bench.provider.get_model(job.fine_tuned_model)


@pytest.mark.parametrize("model_id", ["nobody/knows", "ftjob-0123456789abcdef", "", "/etc"])
def test_an_unknown_model_is_not_found(bench: Bench, model_id: str) -> None:
    with pytest.raises(NotFoundError):
        bench.provider.get_model(model_id)
    with pytest.raises(NotFoundError):
        bench.provider.delete_model(model_id)


def test_a_deleted_model_is_gone_and_its_job_says_so(bench: Bench) -> None:
    job = bench.ended(bench.create())
    assert job.fine_tuned_model is not None
    bench.provider.delete_model(job.id)

    assert not Path(job.fine_tuned_model).exists()
    seen = bench.get(job)
    assert seen.status is JobStatus.SUCCEEDED
    assert seen.fine_tuned_model == job.fine_tuned_model
    assert any("was deleted" in warning for warning in seen.warnings)
    assert all(model.kind == "base" for model in _models(bench))
    with pytest.raises(NotFoundError):
        bench.provider.delete_model(job.fine_tuned_model)


def test_a_model_that_is_served_is_not_deleted(bench: Bench) -> None:
    job = bench.ended(bench.create())
    provider = Serving(bench.home, job)

    with pytest.raises(ConflictError, match="'recipes'"):
        provider.delete_model(job.id)
    assert bench.get(job) == job


def test_a_model_that_a_job_trains_on_is_not_deleted(bench: Bench) -> None:
    job = bench.ended(bench.create())
    assert job.fine_tuned_model is not None
    second = bench.create("second", model=job.fine_tuned_model, ending="hang")

    with pytest.raises(ConflictError, match=second.id):
        bench.provider.delete_model(job.fine_tuned_model)
    bench.ended(bench.provider.cancel_job(second.id))
    bench.provider.delete_model(job.fine_tuned_model)


def test_a_model_that_a_job_is_being_made_on_is_not_deleted(bench: Bench) -> None:
    job = bench.ended(bench.create())
    spec = bench.spec("second", model=str(job.fine_tuned_model))
    draft = bench.home / "local" / "jobs" / ".ftjob-0123456789abcdef.half"
    draft.mkdir()
    (draft / "spec.json").write_text(spec.to_json())

    with pytest.raises(ConflictError, match=re.escape(draft.name)):
        bench.provider.delete_model(job.id)
    (draft / "spec.json").unlink()
    bench.provider.delete_model(job.id)


def test_a_model_that_was_deleted_half_way_can_be_deleted(bench: Bench) -> None:
    job = bench.ended(bench.create())
    (bench.folder(job) / "model.deleted").touch()
    assert any("was deleted" in warning for warning in bench.get(job).warnings)
    bench.provider.delete_model(job.id)

    assert not Path(str(job.fine_tuned_model)).exists()
    assert not list((bench.home / "local" / "models").iterdir())
    with pytest.raises(NotFoundError):
        bench.provider.delete_model(job.id)


def test_a_model_that_was_moved_elsewhere_is_only_unlinked(bench: Bench, tmp_path: Path) -> None:
    job = bench.ended(bench.create())
    model = Path(str(job.fine_tuned_model))
    moved = model.rename(tmp_path / "elsewhere")
    model.symlink_to(moved)
    bench.provider.delete_model(job.id)

    assert not model.is_symlink()
    assert len(_contents(moved)) == 2


def test_a_model_that_an_adapter_stands_on_is_not_deleted(bench: Bench) -> None:
    job = bench.ended(bench.create())
    assert job.fine_tuned_model is not None
    second = bench.ended(bench.create("second", model=job.fine_tuned_model))

    with pytest.raises(ConflictError, match=second.id):
        bench.provider.delete_model(job.id)
    bench.provider.delete_model(second.id)
    bench.provider.delete_model(job.id)


def test_the_merged_copy_of_a_model_goes_with_it(bench: Bench) -> None:
    job = bench.ended(bench.create())
    assert job.fine_tuned_model is not None
    merged = Path(job.fine_tuned_model).with_name("merged")
    merged.mkdir()
    bench.provider.delete_model(job.id)
    assert not merged.exists()


def test_a_base_model_is_listed_and_not_ours_to_delete(bench: Bench) -> None:
    _convert(LocalHome.of(bench.home), "org/name")
    assert bench.provider.get_model("org/name").kind == "base"

    with pytest.raises(UnsupportedError, match="org/name"):
        bench.provider.delete_model("org/name")
    assert "org/name" in [model.id for model in _models(bench)]


def test_models_come_on_pages(bench: Bench) -> None:
    first, second = (bench.ended(bench.create(key)) for key in ("first", "second"))

    page = bench.provider.list_models(limit=1, cursor=None)
    assert [model.job_id for model in page.items] == [second.id]
    page = bench.provider.list_models(limit=1, cursor=page.next_cursor)
    assert [model.job_id for model in page.items] == [first.id]


def _models(bench: Bench) -> tuple[Model, ...]:
    return bench.provider.list_models(limit=100, cursor=None).items


def _convert(home: LocalHome, model: str) -> None:
    folder = home.models / model.replace("/", "--")
    folder.mkdir(parents=True)
    files.write_json(folder / weights.SOURCE, {"package": "weights", "version": "1"})


class Serving(LocalProvider):
    """A provider that serves one job's model, without a server."""

    def __init__(self, home: Path, job: Job) -> None:
        super().__init__(home=home, trainer=TRAINER)
        self._job = job

    def list_deployments(self, *, limit: int, cursor: str | None) -> Page[Deployment]:
        deployment = Deployment(
            id="recipes",
            name="recipes",
            provider="local",
            status=DeploymentStatus.READY,
            model=self._job.fine_tuned_model or "",
        )
        return Page((deployment,))


def test_a_checkpoint_is_a_model_as_well(bench: Bench) -> None:
    job = bench.ended(bench.create(steps="3", checkpoint_every="1"))
    newest, oldest = _checkpoint(bench, job, 3), _checkpoint(bench, job, 1)

    model = bench.provider.get_model(newest)
    assert (model.kind, model.job_id, model.base_model) == ("fine_tuned", job.id, "a-base-model")
    assert "step 3" in str(model.source)
    second = bench.create("second", model=newest, ending="hang")
    with pytest.raises(ConflictError, match=second.id):
        bench.provider.delete_model(newest)
    # The model itself is another one.
    bench.provider.delete_model(job.id)
    bench.provider.delete_model(oldest)
    with pytest.raises(NotFoundError):
        bench.provider.get_model(oldest)
    assert [model.kind for model in _models(bench)] == ["base"] * len(_models(bench))


def test_a_checkpoint_that_its_job_may_need_is_not_deleted(bench: Bench) -> None:
    job = bench.running(bench.create(steps="2", checkpoint_every="1", ending="hang"))

    with pytest.raises(ConflictError, match="has not ended"):
        bench.provider.delete_model(_checkpoint(bench, job, 2))


def test_a_model_is_downloaded_whole(bench: Bench, tmp_path: Path) -> None:
    job = bench.ended(bench.create(steps="2", checkpoint_every="1"))
    model = Path(str(job.fine_tuned_model))
    saved = _checkpoint(bench, job, 2)
    bench.provider.download_model(job.id, tmp_path / "new" / "model")
    (tmp_path / "empty").mkdir()
    bench.provider.download_model(saved, tmp_path / "empty")

    assert _contents(tmp_path / "new" / "model") == _contents(model)
    # A checkpoint's weights, and nothing of what its trainer goes on with.
    assert set(_contents(tmp_path / "empty")) == {
        "adapter_config.json",
        "adapter_model.safetensors",
    }
    with pytest.raises(InvalidRequestError, match="not empty"):
        bench.provider.download_model(job.id, tmp_path / "empty")
    with pytest.raises(NotFoundError):
        bench.provider.download_model("nobody/knows", tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_a_base_model_is_not_copied(bench: Bench, tmp_path: Path) -> None:
    _convert(LocalHome.of(bench.home), "org/name")

    with pytest.raises(UnsupportedError, match="on this machine already"):
        bench.provider.download_model("org/name", tmp_path / "model")


def test_a_reward_model_says_what_it_is_and_is_not_deployed(bench: Bench) -> None:
    spec = bench.spec(checkpoint_every="1").model_copy(update={"method": Reward()})
    job = bench.ended(bench.provider.create_job(spec))
    saved = _checkpoint(bench, job, 1)

    for model in (str(job.fine_tuned_model), saved):
        assert "cannot be deployed" in str(bench.provider.get_model(model).source)
        with pytest.raises(UnsupportedError, match="scores answers"):
            bench.provider.create_deployment(DeploymentSpec(name="judge", model=model))
    assert not (bench.home / "local" / "deployments").exists()


def _checkpoint(bench: Bench, job: Job, step: int) -> str:
    """The folder of a checkpoint, once it is there."""
    path = bench.folder(job) / "checkpoints" / f"checkpoint-{step}"
    eventually(lambda: checkpoints.read(path) is not None)
    return str(path)


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}
