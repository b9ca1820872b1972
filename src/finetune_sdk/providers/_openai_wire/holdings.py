"""Files, models and checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from finetune_sdk.providers._openai_wire.events import named
from finetune_sdk.providers._openai_wire.values import (
    LONG_AGO,
    Table,
    moment,
    number,
    table,
    text,
    whole,
)
from finetune_sdk.types import Checkpoint, DatasetFile, Model
from finetune_sdk.types.names import base_model

REFUSED = frozenset({"error", "failed", "deleted", "deleting"})
WAITING = frozenset({"uploaded", "pending", "running", "notrunning", "processing"})
"""States of a file. The field is deprecated: where it is missing or new, the file is tried."""


def file_of(found: Table) -> DatasetFile | None:
    """A dataset file; None where it has no id."""
    id_ = text(found.get("id"))
    if id_ is None:
        return None
    return DatasetFile(
        id=id_,
        name=text(found.get("filename")),
        bytes=whole(found.get("bytes")),
        created_at=moment(found.get("created_at")),
    )


def file_state(found: Table) -> str:
    """The word for a file's state, in lower case; empty where there is none."""
    return (text(found.get("status")) or "").lower()


def model_of(found: Table, *, provider: str) -> Model | None:
    """A model; None where it has no id."""
    id_ = text(found.get("id"))
    if id_ is None:
        return None
    base = base_model(id_)
    return Model(
        id=id_,
        provider=provider,
        kind="base" if base == id_ else "fine_tuned",
        base_model=None if base == id_ else base,
        created_at=moment(found.get("created")),
        shutdown_date=day_of(found.get("shutdown_date")),
    )


def ended_with_base(found: Sequence[Model | None]) -> list[Model | None]:
    """A listing, with the base model's end where a fine-tuned one has no word of its own."""
    ends = {one.id: one.shutdown_date for one in found if one is not None}
    return [None if one is None else _ended(one, ends) for one in found]


def _ended(model: Model, ends: Mapping[str, date | None]) -> Model:
    if model.shutdown_date is not None or model.base_model is None:
        return model
    return model.model_copy(update={"shutdown_date": ends.get(model.base_model)})


def day_of(value: object) -> date | None:
    """A day as `2027-01-14`; None where it is none."""
    try:
        return date.fromisoformat((text(value) or "")[:10])
    except ValueError:
        return None


def checkpoint_of(found: Table, *, provider: str, job_id: str) -> Checkpoint | None:
    """A checkpoint; None where it has no id, no model or no step."""
    id_, model = text(found.get("id")), text(found.get("fine_tuned_model_checkpoint"))
    step = whole(found.get("step_number"))
    if id_ is None or model is None or step is None:
        return None
    return Checkpoint(
        id=id_,
        job_id=job_id,
        provider=provider,
        model=model,
        step=step,
        created_at=moment(found.get("created_at")) or LONG_AGO,
        metrics=_numbers(table(found.get("metrics"))),
    )


def with_best(found: Sequence[Checkpoint]) -> tuple[Checkpoint, ...]:
    """The checkpoints, the one of the lowest loss on validation rows marked."""
    losses = {one.id: loss for one in found if (loss := _loss(one)) is not None}
    best = min(losses, key=losses.__getitem__, default=None)
    return tuple(one.model_copy(update={"best": one.id == best}) for one in found)


def _loss(checkpoint: Checkpoint) -> float | None:
    metrics = checkpoint.metrics
    return metrics.get("validation_full_loss", metrics.get("validation_loss"))


def _numbers(values: Table) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in values.items():
        measured = number(value)
        if measured is not None and name != "step":
            ours, split = named(name)
            found[ours if split == "train" else f"validation_{ours}"] = measured
    return found
