"""A deployment of a model: one that is there already, or one that goes when all is asked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from finetune_sdk.errors import CostLimitError, FineTuneError
from finetune_sdk.providers.base import CanDeploy
from finetune_sdk.resources import serving, steps
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.paging import pages
from finetune_sdk.resources.request import base_model
from finetune_sdk.types import Checkpoint, Deployment, DeploymentStatus, Job, ProviderOptions

LIFE = timedelta(hours=12)
"""What a deployment that was made for a comparison is given to live, should nobody delete it."""

READY_SECONDS = 3600.0


@contextmanager
def served(
    context: Context,
    model: Job | Checkpoint | str,
    *,
    options: Sequence[ProviderOptions],
    limit: float | None,
    warn: Callable[[str], None],
) -> Generator[Deployment]:
    """A deployment that is ready. One that is made for this is deleted afterwards.

    Args:
        context: whose provider serves it.
        model: what to serve.
        options: of a deployment that has to be made.
        limit: US dollars an hour; None allows what is free.
        warn: is told where it could not be deleted.

    Raises:
        CostLimitError: it would be billed by the hour, and `limit` does not allow it.
    """
    wanted = base_model(context, serving.job_of(context, model))
    name = f"compare-{hashlib.sha256(wanted.encode()).hexdigest()[:12]}"
    there = _there(context, wanted)
    if there is not None and there.name != name:
        yield there
        return
    made = _made(context, model, name, options, limit)
    try:
        yield steps.run(serving.wait(context, made, READY_SECONDS), context.clock)
    finally:
        _delete(context, made, warn)


def _there(context: Context, model: str) -> Deployment | None:
    server = context.need(CanDeploy, "deployments.create")
    found = pages(context, lambda n, at: server.list_deployments(limit=n, cursor=at))
    ready = (
        one
        for one in steps.iterate(found, context.clock)
        if one.model == model and one.status is DeploymentStatus.READY
    )
    one = next(ready, None)
    return None if one is None else context.stamp_deployment(one)


def _made(
    context: Context,
    model: Job | Checkpoint | str,
    name: str,
    options: Sequence[ProviderOptions],
    limit: float | None,
) -> Deployment:
    server = context.need(CanDeploy, "deployments.create")
    if limit is None:
        wanted = serving.spec(context, model, name=name, options=options, expires_at=None)
        _refuse_billed(context, context.call(lambda: server.cost_per_hour(wanted)), wanted.model)
    making = serving.create(context, model, name=name, options=options, limit=limit, ttl=LIFE)
    return steps.run(making, context.clock)


def _refuse_billed(context: Context, cost: float | None, model: str) -> None:
    if cost == 0:
        return
    price = "an unknown price" if cost is None else f"{cost:.2f} US dollars"
    raise CostLimitError(
        f"{model!r} has no deployment at {context.owner!r} that is ready, and one that is made for "
        f"the comparison is billed by the hour, at {price}; say what an hour may cost, by "
        "`max_cost_per_hour` (`--max-cost-per-hour`), or name a deployment that is there"
    )


def _delete(context: Context, made: Deployment, warn: Callable[[str], None]) -> None:
    try:
        steps.run(serving.delete(context, made), context.clock)
    except FineTuneError as error:
        warn(
            f"the deployment {made.handle!r}, made for this comparison, could not be deleted and "
            f"may go on to cost: {error}; delete it: finetune deployments delete {made.handle}"
        )
