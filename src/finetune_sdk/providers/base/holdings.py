"""What a provider may keep: models, deployments, dataset files, leftovers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from finetune_sdk.prices import Price
    from finetune_sdk.types import (
        Connection,
        DatasetFile,
        Deployment,
        DeploymentSpec,
        Leftover,
        Model,
        Page,
    )


class CanListModels(ABC):
    """Lists what can be tuned and what was."""

    @abstractmethod
    def list_models(self, *, limit: int, cursor: str | None) -> Page[Model]: ...

    @abstractmethod
    def get_model(self, model_id: str, /) -> Model:
        """Raises:
        NotFoundError: there is none of that id.
        """
        ...

    @abstractmethod
    def delete_model(self, model_id: str, /) -> None:
        """Deletes a fine-tuned model.

        Raises:
            ConflictError: it is in use.
            NotFoundError: there is none of that id.
            UnsupportedError: it is a base model, which is not ours to delete.
        """


class CanDownloadModels(ABC):
    """Brings a fine-tuned model's files to this machine."""

    @abstractmethod
    def download_model(self, model_id: str, folder: Path, /) -> None:
        """Fills `folder`, which is empty and the caller's, with the model's files.

        Raises:
            NotFoundError: there is none of that id.
            UnsupportedError: the provider gives the files of this model to nobody.
        """


class CanManageDatasets(ABC):
    """Lists and deletes the dataset files that it holds."""

    @abstractmethod
    def list_dataset_files(self, *, limit: int, cursor: str | None) -> Page[DatasetFile]:
        """Newest first."""

    @abstractmethod
    def get_dataset_file(self, file_id: str, /) -> DatasetFile:
        """Raises:
        NotFoundError: there is none of that id.
        """
        ...

    @abstractmethod
    def delete_dataset_file(self, file_id: str, /) -> None:
        """Deletes it. Jobs that have learned from it go on.

        Raises:
            NotFoundError: there is none of that id.
        """


class CanDeploy(ABC):
    """Serves models.

    A place that is at another change raises a `ConflictError` with `retryable=True`; whoever asked
    waits for its turn above, up to 15 minutes.
    """

    @abstractmethod
    def create_deployment(self, spec: DeploymentSpec, /) -> Deployment:
        """Starts to serve. Re-entrant by name: the same spec gives the same deployment.

        The `expires_at` of the spec is kept where the deployment is, for every process to find in
        what `get_deployment` and `list_deployments` tell. It makes no other deployment of one that
        is there (`DeploymentSpec.serves_the_same`), which goes on with its own.

        Raises:
            ConflictError: the name is taken by a deployment of something else.
        """

    @abstractmethod
    def get_deployment(self, name: str, /) -> Deployment:
        """Raises:
        NotFoundError: there is none of that name.
        """
        ...

    @abstractmethod
    def list_deployments(self, *, limit: int, cursor: str | None) -> Page[Deployment]: ...

    @abstractmethod
    def delete_deployment(self, name: str, /) -> None:
        """Ends it and what it costs. One that is gone already is no error."""

    @abstractmethod
    def cost_per_hour(self, spec: DeploymentSpec, /) -> float | None:
        """US dollars billed for each hour that it exists; 0 is free, None is not known."""

    def request_price(self, model: str, /, *, tuned: bool) -> Price | None:  # noqa: ARG002
        """What the tokens of requests cost, beside the hours; None is not known.

        Args:
            model: that is served, or the base model that it is a fine-tune of.
            tuned: it is a fine-tune. `prices.FREE` says that tokens are not billed.
        """
        return None

    @abstractmethod
    def connect(self, name: str, /) -> Connection:
        """How to talk to a deployment that is ready.

        Raises:
            ConflictError: it is not ready.
        """


class CanPauseDeployments(ABC):
    """Stops deployments and what they cost, and starts them again as they were."""

    @abstractmethod
    def pause_deployment(self, name: str, /) -> Deployment:
        """Stops it. One that is paused already is given back as it is.

        Raises:
            NotFoundError: there is none of that name.
        """

    @abstractmethod
    def resume_deployment(self, name: str, /) -> Deployment:
        """Starts it again, and what it costs. One that runs is given back as it is.

        Raises:
            NotFoundError: there is none of that name.
        """


class CanClean(ABC):
    """Shows what it keeps on this machine's disk, and deletes what nobody needs."""

    @abstractmethod
    def list_leftovers(self) -> list[Leftover]:
        """What can be deleted without losing a model or a job that has not ended."""

    @abstractmethod
    def delete_leftover(self, leftover: Leftover, /) -> None:
        """Deletes one. What has come into use since it was listed stays.

        Raises:
            ConflictError: it is in use now.
        """
