"""Models on this machine: those that were trained here, and base models whose weights are here."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from finetune_sdk.errors import ConflictError, NotFoundError, UnsupportedError
from finetune_sdk.providers.base import CanDeploy
from finetune_sdk.providers.local import faults
from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.jobs import checkpoints, pages, reading
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.jobs.records import Exit
from finetune_sdk.providers.local.jobs.store import LocalJobs
from finetune_sdk.providers.local.models import copying
from finetune_sdk.providers.local.models.usage import Users
from finetune_sdk.providers.local.settings import NAME
from finetune_sdk.types import JobSpec, Model, Page

_TRAINERS = frozenset({checkpoints.MANIFEST, "trainer_state.json"})


@dataclass(frozen=True)
class LocalModels:
    """The models of a state folder. A fine-tuned one's id is its folder."""

    home: LocalHome
    jobs: LocalJobs

    def list(self, *, limit: int, cursor: str | None) -> Page[Model]:
        """Fine-tuned models first, newest first; then base models."""
        return pages.of_sequence(self._all(), limit=limit, cursor=cursor)

    def get(self, model_id: str) -> Model:
        """A model by its folder, the id of the job that made it, or a base model's name.

        A checkpoint's folder is one as well.

        Raises:
            NotFoundError: it is not here.
        """
        job = self._job_of(model_id)
        model = _trained(job) if job else self._checkpoint(model_id)
        found = model or next((one for one in _base(self.home) if one.id == model_id), None)
        if found is None:
            raise NotFoundError(
                f"there is no model {model_id!r} on this machine; `models.list` shows those that "
                "are there",
                provider=NAME,
            )
        return found

    def delete(self, model_id: str, deployments: CanDeploy) -> None:
        """Deletes a fine-tuned model or a checkpoint. The job of a model says that it is gone.

        Raises:
            ConflictError: a deployment serves it, a job trains on it or has trained an adapter
                for it, or it is a checkpoint of a job that has not ended.
            NotFoundError: it is not here.
            UnsupportedError: it is a base model.
        """
        half = self._job_of(model_id)
        if half is not None and _is_half_deleted(half):
            self._remove(half)
            return
        model = self.get(model_id)
        if model.job_id is None:
            raise _base_model(model_id, "ours to delete; delete its files where they lie")
        self._refuse_used(model, deployments)
        folder = self.jobs.find(model.job_id)
        if Path(model.id) != folder.model:
            _delete_checkpoint(folder, Path(model.id))
            return
        # Marked first: from here on the job reads as one whose model was deleted, never as broken.
        (folder.path / reading.DELETED).touch(mode=0o600)
        self._remove(folder)

    def download(self, model_id: str, target: Path) -> None:
        """Copies the files of a fine-tuned model, or a checkpoint's weights, to an empty folder.

        Raises:
            InvalidRequestError: the folder is not empty.
            NotFoundError: the model is not here.
            QuotaExceededError: the folder's disk is full; nothing is left in it.
            UnsupportedError: it is a base model.
        """
        model = self.get(model_id)
        if model.job_id is None:
            raise _base_model(model_id, "copied; its files are on this machine already")
        source = Path(model.id)
        with faults.copied(target):
            copying.fill(target, source, _weights_of(source))

    def _all(self) -> Sequence[Model]:
        folders = sorted(self.jobs.folders(), key=reading.age, reverse=True)
        trained = (_trained(folder) for folder in folders)
        return [*(model for model in trained if model), *_base(self.home)]

    def _job_of(self, model_id: str) -> JobFolder | None:
        folder = Path(model_id).parent
        ours = folder.parent == self.home.jobs and JobFolder(folder).model == Path(model_id)
        with suppress(NotFoundError):
            return self.jobs.find(folder.name if ours else model_id)
        return None

    def _checkpoint(self, model_id: str) -> Model | None:
        path = Path(model_id)
        folder = JobFolder(path.parent.parent)
        if path.parent != folder.checkpoints or folder.path.parent != self.home.jobs:
            return None
        saved = checkpoints.read(path)
        return None if saved is None else _saved(folder, saved)

    def _remove(self, folder: JobFolder) -> None:
        for path in (folder.model, folder.merged):
            if path.is_symlink():
                path.unlink(missing_ok=True)
            elif path.is_dir():
                copying.remove(path, self.home.make(self.home.models))

    def _refuse_used(self, model: Model, deployments: CanDeploy) -> None:
        # A job that is just being made counts as well.
        jobs = [*self.jobs.folders(), *self.jobs.drafts()]
        users = Users.of(jobs, deployments).needing(model.id)
        if users:
            raise ConflictError(
                f"the model {model.id!r} is in use by {', '.join(users)}; delete or cancel that "
                "first",
                provider=NAME,
            )


def _is_half_deleted(folder: JobFolder) -> bool:
    """Who deleted the model was killed before it was gone."""
    marked = (folder.path / reading.DELETED).exists()
    return marked and (folder.model.is_symlink() or folder.model.exists())


def _base_model(model_id: str, words: str) -> UnsupportedError:
    return UnsupportedError(f"{model_id!r} is a base model, which is not {words}")


def _delete_checkpoint(folder: JobFolder, path: Path) -> None:
    if not folder.ended:
        raise ConflictError(
            f"the job {folder.id!r} has not ended and may go on from this checkpoint; cancel the "
            "job first, or wait for its end",
            provider=NAME,
        )
    checkpoints.remove(path)


def _weights_of(source: Path) -> list[str]:
    saved = checkpoints.read(source)
    if saved is None:
        return sorted(str(f.relative_to(source)) for f in source.rglob("*") if f.is_file())
    # What a trainer goes on with is of no use elsewhere, and is not safetensors.
    return sorted(name for name in saved.manifest.files if not _is_trainers(name))


def _is_trainers(name: str) -> bool:
    return name in _TRAINERS or name.endswith((".pt", ".pth", ".bin"))


def _trained(folder: JobFolder) -> Model | None:
    try:
        end, spec = Exit.of(folder), folder.spec()
    except (ValueError, OSError):
        return None
    deleted = (folder.path / reading.DELETED).exists()
    if end is None or end.status != "succeeded" or deleted:
        return None
    if not reading.is_complete(folder.model):
        return None
    return Model(
        id=str(folder.model),
        provider=NAME,
        kind="fine_tuned",
        base_model=spec.model,
        job_id=folder.id,
        created_at=end.finished_at,
        bytes=sum(file.stat().st_size for file in folder.model.rglob("*") if file.is_file()),
        source=f"trained on this machine{_nature(spec)}",
    )


def _saved(folder: JobFolder, saved: checkpoints.Saved) -> Model | None:
    try:
        spec = folder.spec()
    except (ValueError, OSError):
        return None
    return Model(
        id=str(saved.path),
        provider=NAME,
        kind="fine_tuned",
        base_model=spec.model,
        job_id=folder.id,
        created_at=saved.manifest.created_at,
        bytes=saved.bytes,
        source=f"saved on this machine at step {saved.manifest.step}{_nature(spec)}",
    )


def _nature(spec: JobSpec) -> str:
    if spec.method.type != "reward":
        return ""
    return "; a reward model, which scores answers and writes none: it cannot be deployed"


def _base(home: LocalHome) -> list[Model]:
    from finetune_sdk.providers.local.models import weights

    return weights.known(home)
