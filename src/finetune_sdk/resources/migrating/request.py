"""The words of `jobs.migrate`."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

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
