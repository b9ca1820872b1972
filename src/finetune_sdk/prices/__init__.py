"""What training and requests cost: prices with a day and a source, and what a job comes to."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from finetune_sdk.types._base import Value
from finetune_sdk.types.cost import CostEstimate, NoEstimate
from finetune_sdk.types.dataset import TokenReport
from finetune_sdk.types.names import base_model

_INEXACT = 0.15
"""How far tokens that are not exactly counted may be off, and a little more: estimates by length
are off by up to 3 % over whole datasets of English text and code, and by more in other scripts."""

_MILLION = 1_000_000


Dollars = Annotated[float, Field(ge=0)]

Kind = Literal["training", "input", "tuned_input"]
"""What a price may be of: training, requests to the base model, requests to a fine-tune of it."""


class Price(Value):
    """The prices of one model at one provider, in US dollars for a million tokens.

    Attributes:
        training: tokens that are learned from, each pass counted.
        input: tokens that the base model reads; `output` is said with it.
        output: tokens that the base model writes.
        tuned_input: tokens that a fine-tune of it reads; `tuned_output` is said with it.
        tuned_output: tokens that a fine-tune of it writes.
        source: where they are from.
        as_of: the day that they were looked up.
    """

    training: Dollars | None = None
    input: Dollars | None = None
    output: Dollars | None = None
    tuned_input: Dollars | None = None
    tuned_output: Dollars | None = None
    source: str
    as_of: date

    @model_validator(mode="after")
    def _says_something_whole(self) -> Self:
        pairs = (("input", "output"), ("tuned_input", "tuned_output"))
        for one, other in pairs:
            if (getattr(self, one) is None) != (getattr(self, other) is None):
                raise ValueError(f"`{one}` and `{other}` are said together")
        if self.training is None and self.input is None and self.tuned_input is None:
            raise ValueError("no price is said")
        return self


Table = dict[str, dict[str, Price]]
"""Prices by provider and model."""

_table = TypeAdapter(Table)


FREE = Price(
    input=0,
    output=0,
    tuned_input=0,
    tuned_output=0,
    source="tokens are not billed here",
    as_of=date(2026, 11, 26),
)
"""Of places that bill hours, or nothing."""


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

    def of(self, provider: str, model: str, kind: Kind = "training") -> Price | None:
        """The prices of a model that say this one; None where nobody has said it."""
        base = base_model(model)
        for table in self._tables():
            price = table.get(provider, {}).get(base)
            if price is not None and getattr(price, kind) is not None:
                return price
        return None

    def near(self, provider: str, model: str, kind: Kind = "training") -> str:
        """The name that may be meant, in words; empty where there is none like it."""
        prices = [item for table in self._tables() for item in table.get(provider, {}).items()]
        known = {name for name, price in prices if getattr(price, kind) is not None}
        if not known:
            providers = {name for table in self._tables() for name in table}
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
    if price is None or price.training is None:
        return NoEstimate(
            reason=f"the price of training {model!r} at {provider!r} is not known"
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
