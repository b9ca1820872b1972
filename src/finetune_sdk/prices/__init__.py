"""What training costs: prices with a day and a source, and what a job comes to by them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files
from typing import Annotated

from pydantic import Field, TypeAdapter

from finetune_sdk.types._base import Value
from finetune_sdk.types.cost import CostEstimate, NoEstimate
from finetune_sdk.types.dataset import TokenReport
from finetune_sdk.types.names import base_model

_INEXACT = 0.15
"""How far tokens that are not exactly counted may be off, and a little more: estimates by length
are off by up to 3 % over whole datasets of English text and code, and by more in other scripts."""

_MILLION = 1_000_000


class Price(Value):
    """The price of training one model at one provider.

    Attributes:
        training: US dollars for a million tokens that are learned from, each pass counted.
        source: where it is from.
        as_of: the day that it was looked up.
    """

    training: Annotated[float, Field(ge=0)]
    source: str
    as_of: date


Table = dict[str, dict[str, Price]]
"""Prices by provider and model."""

_table = TypeAdapter(Table)


@dataclass(frozen=True)
class Prices:
    """The packaged prices, and those that the user knows better.

    Attributes:
        own: the user's.
        vendors: the packaged ones count, too. They are of the vendors' own services, and not of
            another server that speaks the same protocol.
    """

    own: Mapping[str, Mapping[str, Price]] = field(default_factory=dict[str, dict[str, Price]])
    vendors: bool = True

    def of(self, provider: str, model: str) -> Price | None:
        """The price of training a model; None where nobody has said it."""
        base = base_model(model)
        for table in self._tables():
            price = table.get(provider, {}).get(base)
            if price is not None:
                return price
        return None

    def near(self, provider: str, model: str) -> str:
        """The name that may be meant, in words; empty where there is none like it."""
        tables = self._tables()
        known = {name for table in tables for name in table.get(provider, {})}
        if not known:
            providers = {name for table in tables for name in table}
            found = get_close_matches(provider, providers, n=1, cutoff=0.8)
        else:
            found = get_close_matches(model, known, n=1)
        return f" (did you mean {found[0]!r}?)" if found else ""

    def _tables(self) -> Sequence[Mapping[str, Mapping[str, Price]]]:
        return (self.own, packaged()) if self.vendors else (self.own,)


def read(table: object) -> Table:
    """Prices as a config file says them.

    Raises:
        pydantic.ValidationError: they are none.
    """
    return _table.validate_python(table)


@lru_cache(maxsize=1)
def packaged() -> Table:
    """The prices that come with this package."""
    text = (files("finetune_sdk.prices") / "table.toml").read_text(encoding="utf-8")
    return read(tomllib.loads(text))


def training_cost(
    prices: Prices, provider: str, model: str, *, tokens: TokenReport | None, epochs: float
) -> CostEstimate | NoEstimate:
    """What training comes to: tokens, times passes, times the price of a million.

    The formula is OpenAI's and Azure's (their guides to fine-tuning, 2026). Tokens beyond a row's
    limit are cut off and not billed; validation rows are free.

    Args:
        prices: what is known.
        provider: whose price it is.
        model: the base model, or one that was made of it.
        tokens: of the training data.
        epochs: passes over it.
    """
    price = prices.of(provider, model)
    if price is None:
        return NoEstimate(
            reason=f"the price of {model!r} at {provider!r} is not known"
            f"{prices.near(provider, model)}; say it in finetune.toml under "
            f'[prices.{provider}."{model}"], as `training`, `as_of` and `source`'
        )
    if tokens is None:
        return NoEstimate(reason="the tokens of the training data are not known")
    amount = tokens.billable * epochs * price.training / _MILLION
    off = 0.0 if tokens.exact else _INEXACT
    return CostEstimate(
        low=amount * (1 - off),
        high=amount * (1 + off),
        source=f"{tokens.billable} tokens x {epochs:g} epochs x {price.training:g} US dollars "
        f"for a million ({price.source})",
        as_of=price.as_of,
    )
