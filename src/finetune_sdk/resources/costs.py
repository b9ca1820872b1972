"""What a drafted job would cost."""

from __future__ import annotations

from finetune_sdk.providers.base import CanEstimate
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.drafting import Draft
from finetune_sdk.types import CostEstimate, NoEstimate


def cost_of(context: Context, made: Draft) -> CostEstimate | NoEstimate:
    """US dollars, low to high, or why nobody can tell."""
    provider = context.provider
    if not isinstance(provider, CanEstimate):
        return NoEstimate(reason=f"the provider {provider.name!r} tells no prices")
    return context.call(lambda: provider.estimate_cost(made.spec, made.rows()))
