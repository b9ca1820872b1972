"""What a drafted job would cost."""

from __future__ import annotations

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
    return context.call(lambda: provider.estimate_cost(made.spec, rows))


def over_limit(context: Context, made: Draft, cost: CostEstimate | NoEstimate, limit: float) -> str:
    """Why the limit cannot be held; empty where it can."""
    if isinstance(cost, NoEstimate):
        return (
            f"{context.owner!r} has no estimate for {made.spec.model!r} ({cost.reason}), so "
            "`max_cost` cannot be held; leave it out to create the job without a limit"
        )
    if cost.high > limit:
        return (
            f"the job may cost up to {cost.high:.2f} US dollars (estimate: {cost.source}), over "
            f"`max_cost` {limit:.2f}"
        )
    return ""
