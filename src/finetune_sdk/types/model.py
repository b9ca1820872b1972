"""A model at a provider: what can be tuned, and what was."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from finetune_sdk.types._base import Document


class Model(Document):
    """A base model that can be tuned, or a fine-tuned one.

    Attributes:
        id: what `model=` takes.
        kind: `base` or `fine_tuned`.
        base_model: of a fine-tuned one, what it was made from.
        job_id: of a fine-tuned one, the job that made it.
        bytes: size on disk, where known.
        parameters: numbers in it that are learned, where known.
        licence: as its own files or its place say, where known.
        shutdown_date: the day on which it stops answering, and with it what is made of it.
        new_jobs_end: the day from which on no new job is taken.
        source: where its weights come from, in words.
    """

    id: str
    provider: str
    kind: Literal["base", "fine_tuned"]
    base_model: str | None = None
    job_id: str | None = None
    created_at: datetime | None = None
    bytes: int | None = None
    parameters: int | None = None
    licence: str | None = None
    shutdown_date: date | None = None
    new_jobs_end: date | None = None
    source: str | None = None
