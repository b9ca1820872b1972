"""What else lies at a provider, for people who leave it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from finetune_sdk.cli import render
from finetune_sdk.types import DeploymentStatus

if TYPE_CHECKING:
    from finetune_sdk.cli.session import Session
    from finetune_sdk.types import DatasetFile, Deployment, Model
    from finetune_sdk.types.export import Inventory

_SHOWN = 10
_FREE = (DeploymentStatus.PAUSED, DeploymentStatus.DELETED)


def show(session: Session, found: Inventory, place: Path, *, downloads: bool) -> None:
    """What is there besides jobs, and what it costs.

    Args:
        session: of the command.
        found: what is there.
        place: the file that has all of it.
        downloads: whether the provider gives the files of its models.
    """
    if session.json:
        render.document(found)
        return
    for words in _of_files(found.files):
        session.say(words)
    if found.models:
        session.say(f"{len(found.models)} model(s) were tuned, {_whereabouts(downloads)}:")
        _models(found.models)
    if found.deployments:
        session.say(f"{len(found.deployments)} deployment(s), {_cost(found.deployments)}:")
        _deployments(found.deployments)
    session.say(f"All of it stands in {place}.")


def _of_files(files: tuple[DatasetFile, ...]) -> Iterable[str]:
    if not files:
        return
    known = [file.bytes for file in files if file.bytes is not None]
    size = f", {render.size(sum(known))}" if len(known) == len(files) else ""
    ids = ", ".join(file.id for file in files[:_SHOWN])
    rest = f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
    yield f"{len(files)} dataset file(s) belong to none of these jobs{size}: {ids}{rest}"


def _whereabouts(downloads: bool) -> str:
    if downloads:
        return "and `finetune models download` brings their files"
    return "whose weights nobody can take along"


def _models(models: tuple[Model, ...]) -> None:
    rows = [
        (
            one.id,
            one.base_model,
            one.job_id,
            one.shutdown_date.isoformat() if one.shutdown_date else None,
        )
        for one in models
    ]
    render.table(("model", "base model", "job", "shuts down"), rows)


def _deployments(deployments: tuple[Deployment, ...]) -> None:
    rows = [(one.name, one.model, one.status.value, _hourly(one)) for one in deployments]
    render.table(("deployment", "model", "status", "US dollars an hour"), rows)


def _hourly(one: Deployment) -> str:
    return "not known" if one.cost_per_hour is None else f"{one.cost_per_hour:.2f}"


def _cost(deployments: tuple[Deployment, ...]) -> str:
    """What they cost together, as far as it is known."""
    billed = [one.cost_per_hour for one in deployments if one.status not in _FREE]
    known = sum(cost for cost in billed if cost is not None)
    at_least = "at least " if None in billed else ""
    return f"which cost {at_least}{known:.2f} US dollars an hour"
