"""Which model of the target stands for the one that the job was trained on."""

from __future__ import annotations

import re
from pathlib import Path

from finetune_sdk import config
from finetune_sdk.errors import (
    ConfigurationError,
    FineTuneError,
    NotFoundError,
    PermissionDeniedError,
    UnsupportedError,
)
from finetune_sdk.providers.base import CanListModels
from finetune_sdk.resources import steps
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.migrating import suggesting
from finetune_sdk.resources.migrating.source import Source
from finetune_sdk.resources.paging import pages
from finetune_sdk.resources.request import base_model
from finetune_sdk.types import Change, Checkpoint, Job, Model, names

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", re.ASCII)
_DEPTH = 8
_MOST = 1000


def mapped(
    source: Source, target: Context, said: str | Job | Checkpoint | None
) -> tuple[str, list[Change]]:
    """The target's own name of the model, and what became of the source's.

    It is the caller's, or that of `[models]`, or the same where the target can tune it.

    Raises:
        ConfigurationError: none of that tells it, or `[models]` tells several.
    """
    there = source.job.model
    if said is not None:
        model = base_model(target, said)
        told = Change(name="model", outcome="said", was=there, now=model, why="as you said")
        return model, [told, *_earlier(source, there)]
    if found := _by_table(source, target, there):
        return found[0], [found[1]]
    bottom = _bottom(source, there)
    model, change = _by_table(source, target, bottom) or _by_name(source, target, bottom)
    return model, [change, *_earlier(source, bottom)]


def _earlier(source: Source, bottom: str) -> list[Change]:
    """That the job went on from a model that was itself trained."""
    there = source.job.model
    if there == bottom and names.base_model(there) == there:
        return []
    return [
        Change(
            name="earlier_training",
            outcome="left_out",
            was=there,
            why="the job went on from a model that was itself trained; what that had learned "
            "before does not come along: migrate the job that made it first, and give its "
            "result as the model",
        )
    ]


def _by_table(source: Source, target: Context, model: str) -> tuple[str, Change] | None:
    models = {**(source.context.models if source.context else {}), **target.models}
    found = config.counterparts(model, models, there=source.names, here=target.names)
    if len(set(found.values())) > 1:
        told = ", ".join(f'[models."{name}"] says {one!r}' for name, one in found.items())
        raise ConfigurationError(
            f"several entries of `[models]` have a model of {target.owner!r} for {model!r}: "
            f"{told}; say which with `model=` (`--model`)"
        )
    for entry, here in found.items():
        outcome = "kept" if here == model else "changed"
        why = f'[models."{entry}"] says so'
        return here, Change(name="model", outcome=outcome, was=source.job.model, now=here, why=why)
    return None


def _by_name(source: Source, target: Context, model: str) -> tuple[str, Change]:
    """The model of the same name."""
    listed = _listed(target)
    why = _reason(source, target, model, listed)
    if why is None:
        raise suggesting.no_model(source, target, model, listed, size=_parameters(source, model))
    outcome = "kept" if model == source.job.model else "changed"
    return model, Change(name="model", outcome=outcome, was=source.job.model, now=model, why=why)


def _reason(source: Source, target: Context, model: str, listed: list[Model]) -> str | None:
    """Why the target can tune the model by the same name; None where it cannot."""
    able, same = source.capabilities, source.job.provider == target.opened.name
    base = [one for one in listed if one.kind == "base"]
    if any(one.id == model for one in base):
        return f"{target.owner!r} can tune it, by the same name"
    hub = able is not None and able.hub_models and target.provider.capabilities.hub_models
    if hub and _HUB_NAME.fullmatch(model):
        return "both places take models of the Hugging Face Hub"
    if same and Path(model).is_absolute() and Path(model).is_dir():
        return "the same folder on this machine"
    if same and not base and not target.provider.capabilities.hub_models:
        return "the same provider, which lists no base models"
    return None


def _listed(target: Context) -> list[Model]:
    lister = target.provider
    if not isinstance(lister, CanListModels):
        return []
    found = pages(target, lambda n, at: lister.list_models(limit=n, cursor=at), limit=_MOST)
    return list(steps.iterate(found, target.clock))


def _bottom(source: Source, model: str) -> str:
    """The base model of one that was itself trained, as far as its place can tell."""
    for _ in range(_DEPTH):
        below = _below(source, model)
        if below == model:
            break
        model = below
    return model


def _below(source: Source, model: str) -> str:
    below = names.base_model(model)
    if below != model:
        return below
    found = _known(source, model)
    # What others have made of others on the Hub is a base model like any.
    return found.base_model or model if found and found.kind == "fine_tuned" else model


def _parameters(source: Source, model: str) -> int | None:
    try:
        found = _known(source, model)
    except FineTuneError:
        return None  # It only orders what is suggested.
    return found.parameters if found is not None else None


def _known(source: Source, model: str) -> Model | None:
    context = source.context
    lister = context.provider if context else None
    if context is None or not isinstance(lister, CanListModels):
        return None
    try:
        return context.call(lambda: lister.get_model(model))
    except (NotFoundError, PermissionDeniedError, UnsupportedError):
        return None
