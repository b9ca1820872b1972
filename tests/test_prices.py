"""Prices: data with a day and a source, and the user's own before them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from finetune_sdk.config import load_file
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.prices import Prices, packaged, training_cost
from finetune_sdk.types import CostEstimate, NoEstimate, TokenReport

MODEL = "gpt-4.1-2025-04-14"


def tokens(count: int, *, exact: bool = True) -> TokenReport:
    return TokenReport(counter="x", exact=exact, rows=1, total=count, billable=count)


def test_every_packaged_price_has_a_day_and_a_source() -> None:
    prices = [price for models in packaged().values() for price in models.values()]
    assert prices
    assert all(price.source and price.as_of <= date(2026, 12, 31) for price in prices)


def test_a_million_tokens_cost_the_price() -> None:
    cost = training_cost(Prices(), "openai", MODEL, tokens=tokens(1_000_000), epochs=3)
    assert isinstance(cost, CostEstimate)
    assert cost.low == cost.high == pytest.approx(75.0)


@pytest.mark.parametrize("model", [f"ft:{MODEL}:acme::abc", f"{MODEL}.ft-0123"])
def test_a_model_made_of_another_costs_what_its_base_does(model: str) -> None:
    assert Prices().of("openai", model) == Prices().of("openai", MODEL)


def test_what_is_billed_is_not_what_is_cut_off() -> None:
    report = TokenReport(counter="x", exact=True, rows=1, total=9, billable=4, limit=4)
    cost = training_cost(Prices(), "openai", MODEL, tokens=report, epochs=1)
    assert isinstance(cost, CostEstimate)
    assert cost.high == pytest.approx(4 * 25 / 1e6)


def test_tokens_that_are_estimated_give_a_range() -> None:
    cost = training_cost(Prices(), "openai", MODEL, tokens=tokens(1000, exact=False), epochs=1)
    assert isinstance(cost, CostEstimate)
    assert cost.low < 1000 * 25 / 1e6 < cost.high


@pytest.mark.parametrize(("provider", "model"), [("openai", "gpt-9"), ("nobody", MODEL)])
def test_what_has_no_price_says_where_to_put_one(provider: str, model: str) -> None:
    cost = training_cost(Prices(), provider, model, tokens=tokens(1), epochs=1)
    assert isinstance(cost, NoEstimate)
    assert f'[prices.{provider}."{model}"]' in cost.reason


def test_tokens_that_nobody_counted_have_no_cost() -> None:
    cost = training_cost(Prices(), "openai", MODEL, tokens=None, epochs=1)
    assert isinstance(cost, NoEstimate)


def config(path: Path, text: str) -> Path:
    file = path / "finetune.toml"
    file.write_text(text)
    return file


def test_a_config_file_says_prices_of_ones_own(tmp_path: Path) -> None:
    file = config(
        tmp_path,
        f'[prices.openai."{MODEL}"]\ntraining = 4.0\nas_of = 2026-11-01\nsource = "ours"\n',
    )
    price = load_file(file).prices.of("openai", MODEL)
    assert price is not None
    assert (price.training, price.source) == (4.0, "ours")


@pytest.mark.parametrize(
    "line", ["training = -1", 'training = "much"', "train = 4", "training = nan"]
)
def test_a_wrong_price_is_told_with_its_place(tmp_path: Path, line: str) -> None:
    text = f'[prices.openai."m"]\n{line}\nas_of = 2026-11-01\nsource = "ours"\n'
    with pytest.raises(ConfigurationError, match=r"`prices\.openai\.m\.train"):
        load_file(config(tmp_path, text))
