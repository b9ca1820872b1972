"""The number that a job is compared by, and what the job has cost."""

from __future__ import annotations

import math

from finetune_sdk.errors import ProviderError
from finetune_sdk.providers.base import CanEstimate, CanListMetrics
from finetune_sdk.resources import steps
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.paging import pages
from finetune_sdk.resources.sweeping.request import SweepRequest
from finetune_sdk.types import CostEstimate, Job, JobStatus, Metric, Trial


def settled(context: Context, request: SweepRequest, trial: Trial, job: Job) -> Trial:
    """The trial of a job that has ended, with what it measured and what it cost.

    Raises:
        ProviderError: it cannot be read now.
    """
    metric, trouble = None, trial.trouble
    try:
        metric, missing = last_metric(context, request, job)
        trouble = missing or trouble
    except ProviderError as error:
        if error.retryable:
            raise
        trouble = f"its metrics cannot be read: {error}"
    update = {"metric": metric, "cost": _cost(context, job), "trouble": trouble}
    return trial.model_copy(update=update)


def last_metric(
    context: Context, request: SweepRequest, job: Job
) -> tuple[Metric | None, str | None]:
    """The last number of the sweep's metric; None, and why, where the job measured none.

    Raises:
        ProviderError: they cannot be read.
    """
    if request.metric is None or job.status is not JobStatus.SUCCEEDED:
        return None, None
    teller = context.need(CanListMetrics, "jobs.metrics")
    found = pages(context, lambda n, at: teller.list_metrics(job.id, limit=n, cursor=at))
    last: Metric | None = None
    others: dict[str, None] = {}
    for one in steps.iterate(found, context.clock):
        # Of one step the later word holds; a provider that lists out of order is put right.
        named = one.name == request.metric and one.split == request.rows
        if not named:
            others[f"`{one.name}` ({one.split})"] = None
        elif last is None or one.step >= last.step:
            last = one
    what = f"`{request.metric}` ({request.rows})"
    if last is None:
        return None, f"it measured no {what}; it measured {', '.join(others) or 'nothing'}"
    if not math.isfinite(last.value):
        return None, f"its last {what} is {last.value}, which is no number"
    return last, None


def _cost(context: Context, job: Job) -> CostEstimate | None:
    provider = context.provider
    if not isinstance(provider, CanEstimate):
        return None
    spent = context.call(lambda: provider.spent(job))
    return spent if isinstance(spent, CostEstimate) else None
