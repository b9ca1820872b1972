"""What comes to an end: days with a source, and what they mean for a job, in words."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Self

from pydantic import TypeAdapter, model_validator

from finetune_sdk.types._base import Value
from finetune_sdk.types.names import base_model

_AHEAD = timedelta(days=730)
"""Nobody need be warned earlier; and so a far day is how one says never."""

_OVERRIDE = "where that is wrong, say so in finetune.toml under `[sunsets]`"


class ModelSunset(Value):
    """When a model ends, and with it what was made of it.

    Attributes:
        shutdown: the first day on which it answers no more.
        source: where it is from.
        as_of: the day that it was looked up.
        replacement: the model that the provider names in its place.
    """

    shutdown: date
    source: str
    as_of: date
    replacement: str | None = None


class ProviderSunset(Value):
    """When a provider ends its fine-tuning, and when its models end.

    Attributes:
        new_jobs_end: the first day on which it takes no new job.
        source: where that day is from.
        as_of: the day that it was looked up.
        models: by name.
    """

    new_jobs_end: date | None = None
    source: str | None = None
    as_of: date | None = None
    models: Mapping[str, ModelSunset] = {}

    @model_validator(mode="after")
    def _need_source(self) -> Self:
        if self.new_jobs_end and not (self.source and self.as_of):
            raise ValueError("`new_jobs_end` stands without `as_of` and `source`")
        return self


class Sunset(Value):
    """What is known of the end of one model at one provider; None where it is not.

    Attributes:
        shutdown: the first day on which the model answers no more.
        source: where that day is from.
        as_of: the day that it was looked up.
        replacement: the model that the provider names in its place.
        new_jobs_end: the first day on which the provider takes no new job, of any model.
        new_jobs_source: where that day is from.
        new_jobs_as_of: the day that it was looked up.
    """

    shutdown: date | None = None
    source: str | None = None
    as_of: date | None = None
    replacement: str | None = None
    new_jobs_end: date | None = None
    new_jobs_source: str | None = None
    new_jobs_as_of: date | None = None


Table = dict[str, ProviderSunset]
"""Sunsets by provider."""

_table = TypeAdapter(Table)


@dataclass(frozen=True)
class Sunsets:
    """The packaged sunsets, and those that the user knows better.

    Attributes:
        own: the user's.
        vendors: the packaged ones count, too. They are of the vendors' own services; another
            server that speaks the same protocol has its own days, if any.
    """

    own: Mapping[str, ProviderSunset] = field(default_factory=dict[str, ProviderSunset])
    vendors: bool = True

    def of(self, provider: str, model: str) -> Sunset:
        """What is known of the end of a model: a base model, its alias, or one made of it."""
        known = (self.own, packaged()) if self.vendors else (self.own,)
        tables = [table[provider] for table in known if provider in table]
        name = _snapshot(base_model(model), tables)
        end = next((table.models[name] for table in tables if name in table.models), None)
        jobs = next((table for table in tables if table.new_jobs_end), ProviderSunset())
        return Sunset(
            **(end.model_dump() if end else {}),
            new_jobs_end=jobs.new_jobs_end,
            new_jobs_source=jobs.source,
            new_jobs_as_of=jobs.as_of,
        )


def read(table: object) -> Table:
    """Sunsets as a config file says them.

    Raises:
        pydantic.ValidationError: they are none.
    """
    return _table.validate_python(table)


@lru_cache(maxsize=1)
def packaged() -> Table:
    """The sunsets that come with this package."""
    text = (files("finetune_sdk.sunsets") / "table.toml").read_text(encoding="utf-8")
    return read(tomllib.loads(text))


def warnings(sunset: Sunset, provider: str, model: str, today: date) -> list[str]:
    """What the user should know before training, or still using, a model.

    Days that are more than two years away are left out.

    Args:
        sunset: what `Sunsets.of` knows.
        provider: whose model it is.
        model: the base model, or one that was made of it.
        today: the day from which days are counted.
    """
    words: list[str] = []
    if shut := _shut(sunset, today):
        other = sunset.replacement
        instead = f"; {provider} names `{other}` in its place" if other else ""
        words.append(f"`{base_model(model)}` and everything that is made of it {shut}{instead}")
    if closed := _closed(sunset, today):
        words.append(f"{provider} {closed}")
    return words


def ended(sunset: Sunset, today: date) -> str | None:
    """Why a new job cannot be made any more, in words; None where it can.

    Args:
        sunset: what `Sunsets.of` knows.
        today: the day of the job.
    """
    # The provider's own end comes first: another model would not help.
    if sunset.new_jobs_end and sunset.new_jobs_end <= today:
        return f"the provider {_closed(sunset, today)}; {_OVERRIDE}"
    if sunset.shutdown and sunset.shutdown <= today:
        return f"the model {_shut(sunset, today)}; {_OVERRIDE}"
    return None


def _snapshot(model: str, tables: Sequence[ProviderSunset]) -> str:
    """The dated name that an alias can only mean; the name itself where that is not clear."""
    known = {name for table in tables for name in table.models}
    dated = [name for name in known if name.startswith(f"{model}-20")]
    return dated[0] if model not in known and len(dated) == 1 else model


def _shut(sunset: Sunset, today: date) -> str:
    """What the model does, and by whose word; empty where nobody need know yet."""
    day = sunset.shutdown
    said = _said(day, today, since="has been shut down since {}", on="shuts down on {}")
    return said and said + _cited(sunset.source, sunset.as_of)


def _closed(sunset: Sunset, today: date) -> str:
    """What the provider does, and by whose word; empty where nobody need know yet."""
    since, on = "has taken no new jobs since {}", "takes no new jobs from {} on"
    said = _said(sunset.new_jobs_end, today, since=since, on=on)
    return said and said + _cited(sunset.new_jobs_source, sunset.new_jobs_as_of)


def _said(day: date | None, today: date, *, since: str, on: str) -> str:
    if day is None or day - today > _AHEAD:
        return ""
    days = (day - today).days
    if days <= 0:
        return since.format(day)
    return f"{on.format(day)}, {'tomorrow' if days == 1 else f'in {days} days'}"


def _cited(source: str | None, as_of: date | None) -> str:
    return f" (source: {source}, as of {as_of})" if source and as_of else ""
