"""What requests cost, and when the training has paid for itself."""

from __future__ import annotations

import math
from dataclasses import dataclass

from finetune_sdk.prices import Price
from finetune_sdk.types.comparison import BreakEven, Candidate
from finetune_sdk.types.names import base_model

_MILLION = 1_000_000
_HOUR = 3600


@dataclass(frozen=True)
class Cost:
    """What a thousand requests cost.

    Attributes:
        per_thousand: US dollars; None where it is not known.
        source: how it was reckoned, or why it is not known.
    """

    per_thousand: float | None
    source: str


def token_cost(
    price: Price | None,
    prompt_tokens: float | None,
    completion_tokens: float | None,
    *,
    tuned: bool = False,
    place: str | None = None,
    model: str | None = None,
) -> Cost:
    """What requests cost where tokens are billed.

    Args:
        price: of the base model; None where nobody has said it.
        prompt_tokens: read for a request, on average; None where nobody counted.
        completion_tokens: written for a request, on average.
        tuned: the model that answers is a fine-tune.
        place: whose price it is.
        model: that answers.
    """
    rates = _rates(price, tuned=tuned)
    if price is None or rates is None:
        keys = "`tuned_input` and `tuned_output`" if tuned else "`input` and `output`"
        return Cost(None, f"nobody has said its price; say {keys} under {_table(place, model)}")
    if prompt_tokens is None or completion_tokens is None:
        return Cost(None, "the server does not count tokens")
    amount = (prompt_tokens * rates[0] + completion_tokens * rates[1]) / _MILLION
    return Cost(
        amount * 1000,
        f"{prompt_tokens:.4g} tokens read x {rates[0]:g} and {completion_tokens:.4g} written x "
        f"{rates[1]:g} US dollars for a million ({price.source}, {price.as_of})",
    )


def _table(place: str | None, model: str | None) -> str:
    if place is None or model is None:
        return "[prices]"
    return f'[prices.{place}."{base_model(model)}"]'


def _rates(price: Price | None, *, tuned: bool) -> tuple[float, float] | None:
    if price is None:
        return None
    both = (price.tuned_input, price.tuned_output) if tuned else (price.input, price.output)
    read, written = both
    return None if read is None or written is None else (read, written)


def hourly_cost(
    cost_per_hour: float | None, seconds_per_request: float | None, *, at_once: int = 1
) -> Cost:
    """What requests cost where the hour is billed, kept as busy as it was here.

    Args:
        cost_per_hour: US dollars; None where it is not known.
        seconds_per_request: from the first request to the last answer, by the number of requests.
        at_once: requests that were under way at one time.
    """
    if cost_per_hour is None:
        return Cost(None, "nobody has said what an hour costs")
    if seconds_per_request is None:
        return Cost(None, "no answer's time was measured")
    how = "one after another" if at_once == 1 else f"{at_once} at once"
    return Cost(
        cost_per_hour * seconds_per_request / _HOUR * 1000,
        f"{cost_per_hour:g} US dollars an hour x {seconds_per_request:.3g} s a request, at the "
        f"rate measured here, {how}; an hour that is less busy costs the same",
    )


def break_even(
    training_cost: float | None,
    tuned: Candidate,
    other: Candidate | None,
    *,
    why_not: str | None = None,
    alone: str = "there is nothing to compare with",
) -> BreakEven:
    """After how many requests the training has paid for itself.

    Args:
        training_cost: US dollars; None where it is not known.
        tuned: the fine-tuned model.
        other: what would be used otherwise; None where there is nothing.
        why_not: why the cost of the training is not known.
        alone: why there is no other.
    """
    saved = _saved(tuned, other)
    requests, reason = (
        (None, alone) if other is None else _paid(training_cost, saved, tuned, other, why_not)
    )
    return BreakEven(
        requests=requests,
        against=other.name if other else None,
        training_cost=training_cost,
        saved_per_thousand=saved,
        reason=reason,
    )


def _saved(tuned: Candidate, other: Candidate | None) -> float | None:
    ours = tuned.usage.cost_per_thousand
    theirs = other.usage.cost_per_thousand if other else None
    # Less than that is an error of rounding.
    return None if ours is None or theirs is None else round(theirs - ours, 12)


def _paid(
    training: float | None,
    saved: float | None,
    tuned: Candidate,
    other: Candidate,
    why_not: str | None,
) -> tuple[int | None, str]:
    if saved is not None and (saved < 0 or (saved == 0 and training != 0)):
        return None, _never(saved, tuned, other)
    if training is None:
        return None, f"what the training cost is not known{f': {why_not}' if why_not else ''}"
    if saved is None:
        return None, _unknown(tuned, other)
    if training == 0:
        return 0, "the training cost nothing"
    return (
        math.ceil(training / saved * 1000),
        f"{_dollars(training)} US dollars of training, by the {_dollars(saved)} that a thousand "
        f"requests cost less than with {other.name}",
    )


def _never(saved: float, tuned: Candidate, other: Candidate) -> str:
    more = f"cost {_dollars(-saved)} US dollars more than" if saved else "cost as much as"
    return (
        f"never: a thousand requests to {tuned.name} {more} to {other.name}; what is left to "
        "pay for is how good the answers are"
    )


def _unknown(tuned: Candidate, other: Candidate) -> str:
    one = tuned if tuned.usage.cost_per_thousand is None else other
    return f"what requests to {one.name} cost is not known ({one.usage.cost_source})"


def _dollars(amount: float) -> str:
    return f"{amount:.2f}" if amount >= 1 or amount == 0 else f"{amount:.2g}"
