"""Who needs a model that lies on this machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from finetune_sdk.providers.base import CanDeploy
from finetune_sdk.providers.local import files
from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.types import Deployment, DeploymentSpec, DeploymentStatus

_GONE = (DeploymentStatus.DELETED, DeploymentStatus.DELETING)


@dataclass(frozen=True)
class User:
    """Somebody who needs a model.

    Attributes:
        words: who it is.
        model: what it is named by there.
        live: it reads the model, or will; else it is an adapter that is nothing without it.
    """

    words: str
    model: str
    live: bool


@dataclass(frozen=True)
class Users:
    """All who need a model, at one moment."""

    all: tuple[User, ...]

    @classmethod
    def of(cls, jobs: Iterable[JobFolder], deployments: CanDeploy) -> Users:
        """Those among these jobs, and all deployments."""
        return cls((*_serving(deployments), *_standing(jobs)))

    @classmethod
    def at(cls, home: LocalHome) -> Users:
        """All in a state folder, jobs that are just being made too: by what was asked for alone."""
        jobs = (path for name in ("ftjob-*", ".ftjob-*") for path in home.jobs.glob(name))
        return cls((*_asked_for(home), *_standing(map(JobFolder, jobs))))

    def needing(self, *models: str | Path) -> list[str]:
        """Who needs one of these, in words."""
        return [user.words for user in self.all if _is_among(user.model, models)]

    def reading(self, *models: str | Path) -> list[str]:
        """Who reads one of these or its copies, or will: also by an adapter that stands on it."""
        live = [user for user in self.all if user.live]
        return [
            user.words
            for user in live
            if any(_is_among(name, models) for name in (user.model, _base(user.model)) if name)
        ]


def _serving(deployments: CanDeploy) -> Iterator[User]:
    cursor: str | None = None
    while True:
        page = deployments.list_deployments(limit=100, cursor=cursor)
        for one in page.items:
            if one.status not in _GONE:
                yield _server(one)
        cursor = page.next_cursor
        if cursor is None:
            return


def _server(deployment: Deployment) -> User:
    return User(f"the deployment {deployment.name!r}", deployment.model, live=True)


def _asked_for(home: LocalHome) -> Iterator[User]:
    for path in home.deployments.glob("*/spec.json"):
        with suppress(ValueError, OSError):
            spec = DeploymentSpec.from_json(path.read_bytes())
            yield User(f"the deployment {spec.name!r}", spec.model, live=True)


def _standing(jobs: Iterable[JobFolder]) -> Iterator[User]:
    for folder in jobs:
        with suppress(ValueError, OSError):
            live = not folder.ended
            # An adapter that was trained on a model is nothing without it.
            if live or _is_adapter(folder):
                yield User(f"the job {folder.id!r}", folder.spec().model, live=live)


def _is_adapter(folder: JobFolder) -> bool:
    made = (folder.model, *folder.checkpoints.glob("*"))
    return any((model / "adapter_config.json").is_file() for model in made)


def _base(model: str) -> str | None:
    try:
        config = files.read_json(Path(model, "adapter_config.json")) or {}
    except (OSError, ValueError):
        return None
    base = config.get("base_model_name_or_path")
    return base if isinstance(base, str) else None


def _is_among(model: str, others: Iterable[str | Path]) -> bool:
    return any(model == str(other) or _same(Path(model), Path(other)) for other in others)


def _same(one: Path, other: Path) -> bool:
    # A state folder may be reached by two names.
    return one.is_absolute() and other.is_absolute() and one.resolve() == other.resolve()
