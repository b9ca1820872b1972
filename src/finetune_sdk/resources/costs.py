"""What a drafted job would cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from finetune_sdk.providers.base import CanEstimate
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.drafting import Draft
from finetune_sdk.types import CostEstimate, Inspection, NoEstimate


def cost_of(
    context: Context, made: Draft, found: Inspection | None = None
) -> CostEstimate | NoEstimate:
    """US dollars, low to high, or why nobody can tell.

    Args:
        found: what the provider found out about the job; None where it was not asked.
    """
    provider = context.provider
    if not isinstance(provider, CanEstimate):
        return NoEstimate(reason=f"the provider {provider.name!r} tells no prices")
    rows = replace(made.rows(), inspection=found)
    return context.call(lambda: provider.estimate_cost(made.held, rows))


def dollars(amount: float) -> str:
    """An amount as people read it: to the cent, small ones to two digits."""
    return f"{amount:.2f}" if amount >= 1 or amount == 0 else f"{amount:.2g}"


def doubts(cost: CostEstimate | NoEstimate) -> Iterator[str]:
    """What is not sure about a price, for the warnings of a plan."""
    if isinstance(cost, CostEstimate) and "unverified" in cost.source:
        yield (
            "the price is unverified, and `max_cost` is held against it; say it in finetune.toml "
            "under `[prices]`"
        )


def over_limit(context: Context, made: Draft, cost: CostEstimate | NoEstimate, limit: float) -> str:
    """Why the limit cannot be held; empty where it can."""
    if isinstance(cost, NoEstimate):
        return (
            f"{context.owner!r} has no estimate for {made.spec.model!r} ({cost.reason}), so "
            "`max_cost` cannot be held; leave it out to create the job without a limit"
        )
    if cost.high > limit:
        return (
            f"the job may cost up to {dollars(cost.high)} US dollars (estimate: {cost.source}), "
            f"over `max_cost` {dollars(limit)}"
        )
    return ""
