"""Models on this machine: those that were trained here, and base models whose weights are here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from finetune_sdk.errors import ConflictError, NotFoundError, UnsupportedError
from finetune_sdk.providers.base import CanDeploy
from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.jobs import pages, reading
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.jobs.records import Exit
from finetune_sdk.providers.local.jobs.store import LocalJobs
from finetune_sdk.providers.local.settings import NAME
from finetune_sdk.types import Deployment, DeploymentStatus, Model, Page

_GONE = (DeploymentStatus.DELETED, DeploymentStatus.DELETING)


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

        Raises:
            NotFoundError: it is not here.
        """
        job = self._job_of(model_id)
        model = _trained(job) if job else None
        found = model or next((one for one in _base(self.home) if one.id == model_id), None)
        if found is None:
            raise NotFoundError(
                f"there is no model {model_id!r} on this machine; `models.list` shows those that "
                "are there",
                provider=NAME,
            )
        return found

    def delete(self, model_id: str, deployments: CanDeploy) -> None:
        """Deletes a fine-tuned model. Its job stays, and says that the model is gone.

        Raises:
            ConflictError: a deployment serves it, or a job trains on it or has trained an adapter
                for it.
            NotFoundError: it is not here.
            UnsupportedError: it is a base model.
        """
        model = self.get(model_id)
        if model.job_id is None:
            raise UnsupportedError(
                f"{model_id!r} is a base model, which is not ours to delete; delete its files "
                "where they lie"
            )
        self._refuse_used(model, deployments)
        folder = self.jobs.find(model.job_id)
        # Marked first: from here on the job reads as one whose model was deleted, never as broken.
        (folder.path / reading.DELETED).touch(mode=0o600)
        shutil.rmtree(folder.model)
        shutil.rmtree(folder.merged, ignore_errors=True)

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

    def _refuse_used(self, model: Model, deployments: CanDeploy) -> None:
        users = [f"the deployment {one.name!r}" for one in _serving(model, deployments)]
        users += [f"the job {folder.id!r}" for folder in self._standing_on(model)]
        if users:
            raise ConflictError(
                f"the model {model.id!r} is in use by {', '.join(users)}; delete or cancel that "
                "first",
                provider=NAME,
            )

    def _standing_on(self, model: Model) -> Iterator[JobFolder]:
        for folder in self.jobs.folders():
            with suppress(ValueError, OSError):
                # An adapter that was trained on this model is nothing without it.
                needed = not folder.ended or (folder.model / "adapter_config.json").is_file()
                if needed and folder.spec().model == model.id:
                    yield folder


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
        source="trained on this machine",
    )


def _base(home: LocalHome) -> list[Model]:
    from finetune_sdk.providers.local import weights

    return weights.known(home)


def _serving(model: Model, deployments: CanDeploy) -> Iterator[Deployment]:
    cursor: str | None = None
    while True:
        page = deployments.list_deployments(limit=100, cursor=cursor)
        for one in page.items:
            used = model.id == one.model or model.job_id == one.job_id
            if used and one.status not in _GONE:
                yield one
        cursor = page.next_cursor
        if cursor is None:
            return
