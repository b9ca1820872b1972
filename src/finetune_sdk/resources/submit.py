"""The way of a create: draft, cost limit, upload, and then the step that spends."""

from __future__ import annotations

from finetune_sdk.datasets import Dataset
from finetune_sdk.errors import CostLimitError
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.costs import cost_of, over_limit
from finetune_sdk.resources.drafting import Draft, draft
from finetune_sdk.resources.local_rows import refuse_changed
from finetune_sdk.resources.request import JobRequest
from finetune_sdk.types import DatasetFile, Job


def submit(context: Context, request: JobRequest) -> Job:
    """Makes the job; nothing is sent before everything that can be known is checked."""
    made = draft(context, request)
    _hold_against_limit(context, request.max_cost, made)
    key = made.spec.key
    spec = made.spec.model_copy(
        update={
            "training_file": _upload(context, made.training, key),
            "validation_file": made.validation and _upload(context, made.validation, key),
        }
    )
    refuse_changed(made.stamps)
    job = context.call(lambda: context.provider.create_job(spec), effect="unknown")
    warnings = (*made.warnings, *made.row_warnings(), *job.warnings)
    return context.stamp(job.model_copy(update={"warnings": warnings}))


def _upload(context: Context, rows: Dataset | DatasetFile, key: str) -> DatasetFile:
    if isinstance(rows, DatasetFile):
        return rows
    return context.call(lambda: context.provider.upload_dataset(rows, key=key))


def _hold_against_limit(context: Context, limit: float | None, made: Draft) -> None:
    if limit is None:
        return
    if reason := over_limit(context, made, cost_of(context, made), limit):
        raise CostLimitError(f"{reason}; nothing was sent")
