"""What requests cost, and when the training has paid for itself."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_sdk.evaluation.money import break_even, hourly_cost, token_cost
from finetune_sdk.prices import Price
from finetune_sdk.types.comparison import Candidate, Usage

PRICE = Price(
    input=0.4, output=1.6, tuned_input=0.8, tuned_output=3.2, source="ours", as_of=date(2026, 11, 1)
)


def costing(name: str, amount: float | None) -> Candidate:
    usage = Usage(requests=1, cost_per_thousand=amount, cost_source="a guess")
    return Candidate(name=name, kind="other", usage=usage)


def test_a_thousand_requests_cost_their_tokens() -> None:
    base = token_cost(PRICE, 500, 100)
    tuned = token_cost(PRICE, 100, 100, tuned=True)
    assert base.per_thousand == pytest.approx((500 * 0.4 + 100 * 1.6) / 1000)
    assert tuned.per_thousand == pytest.approx((100 * 0.8 + 100 * 3.2) / 1000)
    assert "100 tokens read x 0.8" in tuned.source
    assert "ours, 2026-11-01" in tuned.source


@pytest.mark.parametrize(
    ("price", "tokens", "tuned", "why"),
    [
        (None, 1, False, "say `input` and `output` under"),
        (PRICE.model_copy(update={"tuned_output": None}), 1, True, "say `tuned_input` and"),
        (PRICE, None, True, "does not count tokens"),
    ],
)
def test_costs_that_are_not_known(
    price: Price | None, tokens: float | None, tuned: bool, why: str
) -> None:
    found = token_cost(price, tokens, 1, tuned=tuned)
    assert found.per_thousand is None
    assert why in found.source


def test_an_hour_costs_by_the_rate_that_was_measured() -> None:
    found = hourly_cost(3.6, 0.5, at_once=4)
    assert found.per_thousand == pytest.approx(0.5)
    assert "at the rate measured here, 4 at once" in found.source
    assert "one after another" in hourly_cost(3.6, 0.5).source
    assert hourly_cost(None, 0.5).per_thousand is None
    assert hourly_cost(3.6, None).per_thousand is None


def test_the_training_is_paid_by_what_is_saved() -> None:
    found = break_even(5.0, costing("tuned", 0.4), costing("few_shot", 0.65))
    assert found.requests == 20_000
    assert found.saved_per_thousand == pytest.approx(0.25)
    assert (found.against, found.training_cost) == ("few_shot", 5.0)
    assert found.reason == (
        "5.00 US dollars of training, by the 0.25 that a thousand requests cost less than with "
        "few_shot"
    )


@pytest.mark.parametrize(
    ("training", "ours", "theirs", "requests", "why"),
    [
        (5.0, 0.7, 0.4, None, "never: .* cost 0.3 US dollars more than to base"),
        (5.0, 0.4, 0.4, None, "never: .* cost as much as to base"),
        (0.0, 0.7, 0.4, None, "never"),
        (None, 0.7, 0.4, None, "never"),
        (0.0, 0.4, 0.4, 0, "cost nothing"),
        (0.0, 0.4, 0.7, 0, "cost nothing"),
        (0.0, None, None, None, "requests to tuned cost is not known .a guess."),
        (0.0, 0.4, None, None, "requests to base cost is not known"),
        (None, 0.4, 0.7, None, "training cost is not known: no bill"),
        (5.0, None, 0.7, None, "requests to tuned cost is not known .a guess."),
        (5.0, 0.4, None, None, "requests to base cost is not known .a guess."),
        (5.0, 0.4, 0.4 + 1e-15, None, "never"),
    ],
)
def test_when_it_never_pays_or_nobody_can_tell(
    training: float | None,
    ours: float | None,
    theirs: float | None,
    requests: int | None,
    why: str,
) -> None:
    found = break_even(training, costing("tuned", ours), costing("base", theirs), why_not="no bill")
    assert found.requests == requests
    assert re.search(why, found.reason)


def test_nothing_to_compare_with() -> None:
    found = break_even(5.0, costing("tuned", 0.4), None)
    assert (found.requests, found.against) == (None, None)
    assert found.reason == "there is nothing to compare with"


amounts = st.integers(0, 10**8).map(lambda hundredths: hundredths / 10**4)


@given(amounts, amounts, amounts)
def test_at_break_even_both_have_cost_the_same(training: float, ours: float, theirs: float) -> None:
    found = break_even(training, costing("tuned", ours), costing("base", theirs))
    if found.requests is None:
        assert theirs <= ours
        return
    saved = (theirs - ours) / 1000
    assert found.requests * saved >= training - 1e-6
    assert (found.requests - 1) * saved <= training + 1e-6
