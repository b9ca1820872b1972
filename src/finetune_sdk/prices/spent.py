"""What a job that has ended has cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finetune_sdk.prices import Prices
from finetune_sdk.types.cost import CostEstimate, NoEstimate

if TYPE_CHECKING:
    from finetune_sdk.types.job import Job

_MILLION = 1_000_000
_HOUR = 3600.0


def by_tokens(prices: Prices, provider: str, job: Job) -> CostEstimate | NoEstimate:
    """What the tokens that a job says it has trained on come to.

    OpenAI calls `trained_tokens` the billable ones, each pass counted (its API reference, 2026).
    """
    if job.trained_tokens is None:
        return NoEstimate(reason="the job does not say on how many tokens it was trained")
    price = prices.of(provider, job.model)
    if price is None or price.training is None:
        return NoEstimate(reason=f"the price of training {job.model!r} is not known")
    amount = job.trained_tokens * price.training / _MILLION
    source = (
        f"{job.trained_tokens} tokens x {price.training:g} US dollars for a million "
        f"({price.source})"
    )
    return CostEstimate(low=amount, high=amount, source=source, as_of=price.as_of)


def by_time(job: Job, price_per_hour: float, source: str) -> CostEstimate | NoEstimate:
    """What the time from a job's start to its end comes to, at so many US dollars an hour."""
    if job.started_at is None or job.finished_at is None:
        return NoEstimate(reason="the job does not say when it started and ended")
    hours = (job.finished_at - job.started_at).total_seconds() / _HOUR
    amount = max(hours, 0.0) * price_per_hour
    return CostEstimate(low=amount, high=amount, source=f"{hours:.2f} hours, {source}")
