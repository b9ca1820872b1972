"""Events and the numbers in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Literal, cast

from pydantic import JsonValue

from finetune_sdk.providers._openai_wire.values import (
    LONG_AGO,
    Table,
    deep,
    moment,
    number,
    table,
    text,
    whole,
)
from finetune_sdk.types import JobEvent, Metric

_LEVELS: Mapping[str, Literal["info", "warning", "error"]] = {
    "warn": "warning",
    "warning": "warning",
    "error": "error",
}

Split = Literal["train", "validation"]

NAMES: Mapping[str, tuple[str, Split]] = {
    "train_loss": ("loss", "train"),
    "train_accuracy": ("token_accuracy", "train"),
    "train_mean_token_accuracy": ("token_accuracy", "train"),
    "train_mean_reward": ("reward", "train"),
    "valid_loss": ("loss", "validation"),
    "valid_mean_token_accuracy": ("token_accuracy", "validation"),
    "valid_mean_reward": ("reward", "validation"),
    # These three are Azure's.
    "train_reward_mean": ("reward", "train"),
    "valid_reward_mean": ("reward", "validation"),
    "validation_mean_token_accuracy": ("token_accuracy", "validation"),
    # Measured on all rows at the end of a pass; the others are of one batch.
    "full_valid_loss": ("full_loss", "validation"),
    "full_valid_mean_token_accuracy": ("full_token_accuracy", "validation"),
}
"""Their names of numbers, and ours with the rows that they were measured on."""

_NO_NUMBERS = frozenset({"step", "total_steps"})


def event_of(found: Table) -> JobEvent | None:
    """An event; None where it has no id, and so cannot be told from another."""
    id_ = text(found.get("id"))
    if id_ is None:
        return None
    data = table(found.get("data"))
    return JobEvent(
        id=id_,
        created_at=moment(found.get("created_at")) or LONG_AGO,
        level=_LEVELS.get(text(found.get("level")) or "", "info"),
        message=text(found.get("message")) or "",
        type=text(found.get("type")) or "message",
        data={} if deep(data) else dict(cast("Mapping[str, JsonValue]", data)),
    )


def metrics_of(event: Table) -> Iterator[Metric]:
    """The numbers of an event; none where it is no measurement."""
    data = table(event.get("data"))
    step = whole(data.get("step"))
    if event.get("type") == "metrics" and step is not None:
        yield from measured(step, data, at=moment(event.get("created_at")))


def measured(step: int, values: Table, *, at: datetime | None = None) -> Iterator[Metric]:
    """The numbers of one step, under our names."""
    for name, found in values.items():
        value = number(found)
        if value is not None and name not in _NO_NUMBERS:
            ours, split = named(name)
            yield Metric(step=step, name=ours, value=value, split=split, created_at=at)


def named(name: str) -> tuple[str, Split]:
    """Our name of a number; a new one keeps theirs."""
    known = NAMES.get(name)
    if known is not None:
        return known
    return name, "validation" if "valid" in name else "train"
