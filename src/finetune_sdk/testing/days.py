"""Sunsets as a test says them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from finetune_sdk.sunsets import ModelSunset, ProviderSunset, Sunsets
from finetune_sdk.testing.clock import START

_SOURCE = "the test"


def days(models: Mapping[str, date] | None, new_jobs_end: date | None) -> Sunsets:
    """The sunsets of a fake.

    Args:
        models: by base model, the first day on which it answers no more.
        new_jobs_end: the first day on which no new job is taken.
    """
    said = START.date()
    table = ProviderSunset(
        new_jobs_end=new_jobs_end,
        source=_SOURCE,
        as_of=said,
        models={
            name: ModelSunset(shutdown=day, source=_SOURCE, as_of=said)
            for name, day in (models or {}).items()
        },
    )
    return Sunsets({"fake": table}, vendors=False)
