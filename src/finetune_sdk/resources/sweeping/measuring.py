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
        metric = last_metric(context, request, job)
    except ProviderError as error:
        if error.retryable:
            raise
        trouble = f"its metrics cannot be read: {error}"
    update = {"metric": metric, "cost": _cost(context, job), "trouble": trouble}
    return trial.model_copy(update=update)


def last_metric(context: Context, request: SweepRequest, job: Job) -> Metric | None:
    """The last number of the sweep's metric; None where the job measured none, or it is no number.

    Raises:
        ProviderError: they cannot be read.
    """
    if request.metric is None or job.status is not JobStatus.SUCCEEDED:
        return None
    teller = context.need(CanListMetrics, "jobs.metrics")
    found = pages(context, lambda n, at: teller.list_metrics(job.id, limit=n, cursor=at))
    last: Metric | None = None
    for one in steps.iterate(found, context.clock):
        # Of one step the later word holds; a provider that lists out of order is put right.
        named = one.name == request.metric and one.split == request.rows
        if named and (last is None or one.step >= last.step):
            last = one
    return last if last is not None and math.isfinite(last.value) else None


def _cost(context: Context, job: Job) -> CostEstimate | None:
    provider = context.provider
    if not isinstance(provider, CanEstimate):
        return None
    spent = context.call(lambda: provider.spent(job))
    return spent if isinstance(spent, CostEstimate) else None
