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


def test_requests_to_a_fine_tune_have_prices_of_their_own() -> None:
    price = Prices().of("openai", f"ft:{MODEL}:acme::abc", "tuned_input")
    assert price is not None
    assert (price.tuned_input, price.tuned_output) == (3.0, 12.0)
    assert Prices().of("openai", MODEL, "input") is None


def test_a_price_of_requests_alone_leaves_that_of_training_as_it_is(tmp_path: Path) -> None:
    text = (
        f'[prices.openai."{MODEL}"]\ninput = 2\noutput = 8\nas_of = 2026-11-01\nsource = "ours"\n'
        '[prices.openai."new"]\ninput = 2\noutput = 8\nas_of = 2026-11-01\nsource = "ours"\n'
    )
    prices = load_file(config(tmp_path, text)).prices
    requests, training = prices.of("openai", MODEL, "input"), prices.of("openai", MODEL)
    assert requests is not None
    assert requests.source == "ours"
    assert training == packaged()["openai"][MODEL]
    cost = training_cost(prices, "openai", "new", tokens=tokens(1), epochs=1)
    assert isinstance(cost, NoEstimate)
    assert "`training`" in cost.reason
    assert "did you mean 'new'" not in cost.reason


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("input = 2", "`input` and `output` are said together"),
        ("training = 2\ntuned_output = 2", "`tuned_input` and `tuned_output` are said together"),
        ("", "no price is said"),
    ],
)
def test_half_a_price_is_none(tmp_path: Path, lines: str, why: str) -> None:
    text = f'[prices.openai."m"]\n{lines}\nas_of = 2026-11-01\nsource = "ours"\n'
    with pytest.raises(ConfigurationError, match=f"`prices.openai.m` is wrong.*{why}"):
        load_file(config(tmp_path, text))
