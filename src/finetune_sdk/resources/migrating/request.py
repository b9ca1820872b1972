"""The words of `jobs.migrate`."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.resources.plain import is_a
from finetune_sdk.resources.request import Rows
from finetune_sdk.types import Checkpoint, Job, ProviderOptions


@dataclass(frozen=True, kw_only=True)
class MigrationRequest:
    """The words of `jobs.migrate`, documented there."""

    model: str | Job | Checkpoint | None = None
    training_data: Rows | None = None
    validation_data: Rows | None = None
    hyperparameters: Mapping[str, object] | None = None
    suffix: str | None = None
    seed: int | None = None
    metadata: Mapping[str, str] | None = None
    max_cost: float | None = None
    options: Sequence[ProviderOptions] = ()
    idempotency_key: str | None = None
    allow: Collection[str] = ()
    strict: bool = True
    folder: str | os.PathLike[str] | None = None
    plan_only: bool = False
    trust_programs: bool = False


_TEXT = ((str, type(None)), "a text")
_SWITCH = ((bool,), "True or False")

_TAKES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "hyperparameters": ((Mapping, type(None)), "a mapping of names to values"),
    "suffix": _TEXT,
    "seed": ((int, type(None)), "a whole number"),
    "metadata": ((Mapping, type(None)), "a mapping of names to texts"),
    "idempotency_key": _TEXT,
    "folder": ((str, os.PathLike, type(None)), "a path"),
    "strict": _SWITCH,
    "plan_only": _SWITCH,
    "trust_programs": _SWITCH,
}
"""The words that nothing else looks at before they are worked with."""


def check(request: MigrationRequest) -> None:
    """The words are of the kinds that they are documented with.

    Raises:
        ConfigurationError: one is not.
    """
    for name, (kinds, words) in _TAKES.items():
        value = getattr(request, name)
        if not is_a(value, *kinds) or (name == "seed" and is_a(value, bool)):
            raise ConfigurationError(f"`{name}` is {value!r:.80}; it takes {words}")
    for name in request.hyperparameters or ():
        if not is_a(name, str):
            raise ConfigurationError(f"`hyperparameters` has {name!r:.80}; its names are texts")
    for pair in (request.metadata or {}).items():
        if not all(is_a(one, str) for one in pair):
            raise ConfigurationError(
                f"`metadata` has {pair[0]!r:.80}: {pair[1]!r:.80}; its names and values are texts"
            )
