"""Rows token by token, as a job would learn them."""

from __future__ import annotations

from finetune_sdk.datasets import Dataset
from finetune_sdk.providers.base import CanTokenize
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.drafting import draft
from finetune_sdk.resources.request import JobRequest
from finetune_sdk.types import Method, TokenPiece


def tokens(
    context: Context, dataset: Dataset, model: str, method: Method
) -> list[tuple[TokenPiece, ...]]:
    """Drafts the job that would learn from the rows, and has them shown as it would read them.

    Raises:
        UnsupportedError: the provider does not show them.
    """
    provider = context.need(CanTokenize, "datasets.tokens")
    made = draft(context, JobRequest(model=model, training_data=dataset, method=method))
    training = made.rows().training
    rows = [] if training is None else [row for _, row in training.numbered()]
    return context.call(lambda: provider.tokenize_rows(rows, spec=made.spec))
