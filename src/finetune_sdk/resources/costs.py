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
