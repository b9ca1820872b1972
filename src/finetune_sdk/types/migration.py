"""A job that is made again at another place."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import JsonValue

from finetune_sdk.types._base import Document, Value
from finetune_sdk.types.job import Job
from finetune_sdk.types.plan import Plan


class Change(Value):
    """One word of a job, there and here.

    Attributes:
        name: `model`, `rows`, `epochs`, `seed`.
        outcome: `kept` as it was; `changed`, into what `now` says; `left_out`, since it has no
            counterpart, or `said` by the caller.
        was: there; None where nothing was said.
        now: here; None where it is left to the provider.
        why: in words.
    """

    name: str
    outcome: Literal["kept", "changed", "left_out", "said"]
    was: JsonValue = None
    now: JsonValue = None
    why: str


class Migration(Document):
    """A job that is made again at another place.

    Attributes:
        source: the job's handle there.
        target: the profile, or the provider, here.
        changes: every word of the job, and what became of it.
        plan: what creating it does and costs.
        job: that was made; None where it was only planned.
        folder: the export that the rows were taken from.
    """

    source: str
    target: str
    migrated_at: datetime
    changes: tuple[Change, ...]
    plan: Plan
    job: Job | None = None
    folder: str
