"""What a candidate's answers took: time, tokens, money."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, median

from finetune_sdk.evaluation.course import Endpoint
from finetune_sdk.evaluation.money import Cost, hourly_cost, token_cost
from finetune_sdk.prices import FREE
from finetune_sdk.types import Answer, Usage

_FREE = "neither hours nor tokens are billed here"
_SHARE = 0.95


def usage_of(answers: Sequence[Answer], endpoint: Endpoint) -> Usage:
    """What the answers took.

    Args:
        answers: all of them.
        endpoint: who gave them.
    """
    good = [one for one in answers if one.text is not None]
    seconds = sorted(one.seconds for one in good if one.seconds is not None)
    read = _mean([one.prompt_tokens for one in good])
    written = _mean([one.completion_tokens for one in good])
    cost = _cost(endpoint, read, written, good)
    return Usage(
        requests=len(answers),
        failed=len(answers) - len(good),
        cut=sum(one.cut for one in good),
        cached=sum(one.cached for one in answers),
        latency_p50=median(seconds) if seconds else None,
        latency_p95=seconds[math.ceil(_SHARE * len(seconds)) - 1] if seconds else None,
        prompt_tokens=read,
        completion_tokens=written,
        cost_per_thousand=cost.per_thousand,
        cost_source=cost.source,
    )


def _mean(values: Sequence[float | None]) -> float | None:
    """The mean; None where one is missing: it could be of any size."""
    known = [one for one in values if one is not None]
    return fmean(known) if known and len(known) == len(values) else None


def _cost(
    endpoint: Endpoint, read: float | None, written: float | None, good: Sequence[Answer]
) -> Cost:
    """Hours and tokens together; not known where one of them is not."""
    if endpoint.handle is None:
        return Cost(None, "a function answers")
    parts = [
        cost
        for cost, billed in (
            (_by_the_hour(endpoint, good), _hours(endpoint)),
            (_by_the_token(endpoint, read, written), _tokens(endpoint)),
        )
        if billed
    ]
    unknown = [one for one in parts if one.per_thousand is None]
    if unknown:
        return unknown[0]
    total = sum(one.per_thousand or 0.0 for one in parts)
    return Cost(total, "; ".join(one.source for one in parts) or _FREE)


def _by_the_token(endpoint: Endpoint, read: float | None, written: float | None) -> Cost:
    return token_cost(
        endpoint.price,
        read,
        written,
        tuned=endpoint.tuned,
        place=endpoint.provider,
        model=endpoint.model,
    )


def _by_the_hour(endpoint: Endpoint, good: Sequence[Answer]) -> Cost:
    """By the rate at which answers came when they were asked, this time or before.

    With n questions under way that take s seconds each, one is done every s / n (Little's law).
    """
    each = _mean(
        [None if one.seconds is None else one.seconds / (one.at_once or 1) for one in good]
    )
    most = max((one.at_once or 1 for one in good), default=1)
    return hourly_cost(endpoint.cost_per_hour, each, at_once=most)


def _hours(endpoint: Endpoint) -> bool:
    return endpoint.cost_per_hour != 0


def _tokens(endpoint: Endpoint) -> bool:
    return endpoint.price != FREE
