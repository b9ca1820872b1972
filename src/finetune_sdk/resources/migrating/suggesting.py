"""What can be tuned at the target, where nobody has said which model stands for the job's."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import date
from difflib import SequenceMatcher

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.resources import sizes
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.migrating.source import Source
from finetune_sdk.types import Model

_SHOWN = 10


def no_model(
    source: Source, target: Context, model: str, listed: Sequence[Model], *, size: int | None
) -> ConfigurationError:
    """The error that names models of the target, and how to say one.

    Args:
        source: the job.
        target: where it is to be made again.
        model: that the job was trained on.
        listed: the models that the target lists.
        size: parameters of `model`, where known.
    """
    lines = [
        f"nothing says which model of {target.owner!r} stands for {model!r} of "
        f"{source.job.handle!r}, and none is chosen in silence. Say it with `model=` (`--model`), "
        f"or once for all in {_file(target)}:",
        f'    [models."{model}"]',
        # With its own place in it, since the name is one of the table's from then on.
        f'    {source.names[0]} = "{model}"',
        f'    {target.owner} = "..."',
        *_known(target, model, listed, size),
    ]
    return ConfigurationError("\n".join(lines))


def words(model: Model) -> str:
    """A model with its size and its licence, as far as they are known."""
    large = sizes.parameters(model.parameters)
    facts = [
        large and f"{large} parameters",
        sizes.gigabytes(model.bytes),
        model.licence and f"licence: {model.licence}",
    ]
    told = ", ".join(fact for fact in facts if fact)
    return f"{model.id} ({told})" if told else model.id


def _file(target: Context) -> str:
    return "finetune.toml" if target.source in ("the config", "None") else target.source


def _known(target: Context, model: str, listed: Sequence[Model], size: int | None) -> Iterator[str]:
    today = target.clock.now().date()
    able = [one for one in listed if one.kind == "base" and not _ended(one, today)]
    near = sorted(able, key=lambda one: _distance(one, model, size))
    if near:
        yield f"{target.owner!r} can tune:"
        yield from (f"    {words(one)}" for one in near[:_SHOWN])
    if len(near) > _SHOWN:
        yield f"    and {len(near) - _SHOWN} more: finetune models list"
    if target.provider.capabilities.hub_models:
        yield f"{target.owner!r} takes any model of the Hugging Face Hub by its name there."


def _ended(model: Model, today: date) -> bool:
    return any(day <= today for day in (model.new_jobs_end, model.shutdown_date) if day)


def _distance(one: Model, model: str, size: int | None) -> tuple[float, float, str]:
    """Nearest in size where both are known, and then in name."""
    far = abs(math.log(one.parameters / size)) if one.parameters and size else math.inf
    alike = SequenceMatcher(None, one.id.lower(), model.lower()).ratio()
    return far, -alike, one.id
