"""A model that a job saved on the way."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from finetune_sdk.types._base import Document


class Checkpoint(Document):
    """A whole model that a job saved on the way.

    Attributes:
        model: what `model=` of a new job or of a deployment takes.
        step: optimizer steps that it has learned.
        metrics: the newest numbers that were measured before it was saved, by name; those on
            validation rows as `validation_loss` and so on.
        best: its validation loss is the lowest so far.
        bytes: size on disk, where known.
    """

    id: str
    job_id: str
    provider: str
    model: str
    step: int
    created_at: datetime
    epoch: float | None = None
    metrics: dict[str, float] = Field(default_factory=dict)
    best: bool = False
    bytes: int | None = None
