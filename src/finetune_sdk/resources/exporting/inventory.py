"""What else lies at a provider than jobs: it costs, or is lost, when somebody leaves."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from pydantic import ValidationError

from finetune_sdk.errors import ConfigurationError, FineTuneError
from finetune_sdk.resources import downloads
from finetune_sdk.resources.exporting.parts import is_final
from finetune_sdk.resources.exporting.reading import read
from finetune_sdk.transport import redact
from finetune_sdk.types import Gap, Job, Model
from finetune_sdk.types.export import Inventory

if TYPE_CHECKING:
    from finetune_sdk.providers.base import FineTuneProvider
    from finetune_sdk.resources.datasets import Datasets
    from finetune_sdk.resources.deployments import Deployments
    from finetune_sdk.resources.models import Models

NAME = "inventory.json"

T = TypeVar("T")


class Account(Protocol):
    """The verbs of a client that tell what is there."""

    datasets: Datasets
    models: Models
    deployments: Deployments

    @property
    def provider(self) -> FineTuneProvider: ...

    @property
    def profile(self) -> str: ...


@dataclass
class Stock:
    """Counts jobs as they are exported, and tells at the end what else is there.

    Attributes:
        gaps: what could not be had so far; jobs among it.
    """

    gaps: list[Gap] = field(default_factory=list[Gap])
    _jobs: list[str] = field(default_factory=list[str], init=False)
    _files: set[str] = field(default_factory=set[str], init=False)
    _makers: dict[str, str] = field(default_factory=dict[str, str], init=False)

    def count(self, job: Job) -> None:
        """A job that is out: its rows and its model are told with it."""
        self._jobs.append(job.handle)
        self._files.update(one.id for one in (job.training_file, job.validation_file) if one)
        if job.fine_tuned_model is not None:
            self._makers[job.fine_tuned_model] = job.id

    def miss(self, job: Job, error: FineTuneError) -> None:
        """A job that could not be had; another run may have it."""
        self.gaps.append(_gap(f"the job {job.handle}", error, again=True))

    def tell(self, account: Account) -> Inventory:
        """What lies there now. What the provider does not list is a gap, and no error."""
        files = self._listed("dataset files", account.datasets.list)
        models = self._listed("models", account.models.list)
        deployments = self._listed("deployments", account.deployments.list)
        return Inventory(
            profile=account.profile,
            provider=account.provider.name,
            taken_at=account.provider.clock.now(),
            jobs=tuple(self._jobs),
            files=tuple(file for file in files if file.id not in self._files),
            models=tuple(self._made(model) for model in models if model.kind == "fine_tuned"),
            # In the provider's own words stands what nobody needs for leaving.
            deployments=tuple(one.model_copy(update={"raw": {}}) for one in deployments),
            gaps=tuple(self.gaps),
        )

    def _made(self, model: Model) -> Model:
        maker = model.job_id or self._makers.get(model.id)
        return model.model_copy(update={"job_id": maker})

    def _listed(self, what: str, list_: Callable[[], Iterable[T]]) -> list[T]:
        found: list[T] = []
        try:
            found.extend(list_())
        except FineTuneError as error:
            self.gaps.append(_gap(what, error, again=not is_final(error)))
        return found


def _gap(what: str, error: FineTuneError, *, again: bool) -> Gap:
    return Gap(what=what, why=redact(str(error)), again=again)


def check_place(folder: str | os.PathLike[str], profile: str) -> Path:
    """Where the inventory of a profile goes, in the folder.

    Raises:
        ConfigurationError: something else is there; nothing has been sent for it.
    """
    path = downloads.place_of(folder) / NAME
    try:
        there = Inventory.from_json(read(path))
    except FileNotFoundError:
        return path
    except (OSError, ValidationError) as error:
        reason = getattr(error, "strerror", None) or "it is none"
        raise ConfigurationError(
            f"{str(path)!r} cannot be read as an inventory ({reason}); move it away, or name "
            "another folder"
        ) from None
    if there.profile != profile:
        raise ConfigurationError(
            f"{str(path)!r} is the inventory of {there.profile!r}; name another folder for that "
            f"of {profile!r}"
        )
    return path
