"""What creating, waiting for and reaching a deployment is, for both clients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from pydantic import ValidationError

from finetune_sdk.errors import (
    ConfigurationError,
    ConflictError,
    CostLimitError,
    DeploymentFailedError,
    NotFoundError,
    WaitTimeoutError,
)
from finetune_sdk.providers.base import CanDeploy, CanPauseDeployments
from finetune_sdk.resources import lifetimes, waiting
from finetune_sdk.resources.contact import Contact, Pace
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.guard import checked_options, own_options
from finetune_sdk.resources.plain import is_a, wrong
from finetune_sdk.resources.request import base_model
from finetune_sdk.resources.steps import Quiet, ask
from finetune_sdk.types import (
    Checkpoint,
    Connection,
    Deployment,
    DeploymentSpec,
    DeploymentStatus,
    Job,
    ProviderOptions,
    parse_handle,
)

T = TypeVar("T")

POLL_BOUNDS = (0.5, 10.0)
"""Seconds between two looks at a deployment that is being made: the first, and the longest."""

BUSY_LIMIT = 900.0
"""Seconds that a change waits for a place to be done with other ones."""

BUSY_BOUNDS = (2.0, 30.0)

STOPPED = (
    DeploymentStatus.PAUSED,
    DeploymentStatus.FAILED,
    DeploymentStatus.DELETING,
    DeploymentStatus.DELETED,
)
"""Where no wait makes one ready."""


def spec(
    context: Context,
    model: Job | Checkpoint | str,
    *,
    name: str,
    options: Sequence[ProviderOptions],
    expires_at: datetime | None,
) -> DeploymentSpec:
    """What to serve, resolved.

    Raises:
        ConfigurationError: the job has made no model, or the name or an option is wrong.
    """
    source = job_of(context, model)
    given = own_options(context, options)
    kind = context.provider.capabilities.deployment_options
    try:
        return DeploymentSpec(
            name=name,
            model=base_model(context, source),
            job_id=_made_by(source),
            options=checked_options(context, given, kind, "`options`"),
            expires_at=expires_at,
        )
    except ValidationError as error:
        raise wrong(error, DeploymentSpec, "the deployment") from None


def create(
    context: Context,
    model: Job | Checkpoint | str,
    *,
    name: str,
    options: Sequence[ProviderOptions],
    limit: float | None,
    ttl: timedelta | float | None,
) -> Quiet[Deployment]:
    """Makes a deployment, as soon as its place is at no other change."""
    server = context.need(CanDeploy, "deployments.create")
    end = lifetimes.end(ttl, context.clock.now())

    def resolved() -> DeploymentSpec:
        wanted = spec(context, model, name=name, options=options, expires_at=end)
        hold_against_limit(context, server, wanted, limit)
        return wanted

    wanted = yield from ask(resolved)
    made = yield from changed(
        context,
        lambda: context.call(lambda: server.create_deployment(wanted), effect="unknown"),
    )
    return context.stamp_deployment(lifetimes.noted(made, wanted=end))


def delete(context: Context, deployment: Deployment | str) -> Quiet[None]:
    """Ends a deployment, as soon as its place is at no other change."""
    server = context.need(CanDeploy, "deployments.delete")
    name = context.deployment_name(deployment)
    yield from changed(context, lambda: context.call(lambda: server.delete_deployment(name)))


def pause(context: Context, deployment: Deployment | str) -> Quiet[Deployment]:
    """Stops a deployment, as soon as its place is at no other change."""
    server = context.need(CanPauseDeployments, "deployments.pause")
    name = context.deployment_name(deployment)
    made = yield from changed(context, lambda: context.call(lambda: server.pause_deployment(name)))
    return context.stamp_deployment(made)


def resume(context: Context, deployment: Deployment | str) -> Quiet[Deployment]:
    """Starts a deployment again, as soon as its place is at no other change."""
    server = context.need(CanPauseDeployments, "deployments.resume")
    name = context.deployment_name(deployment)
    made = yield from changed(context, lambda: context.call(lambda: server.resume_deployment(name)))
    return context.stamp_deployment(made)


def end_overdue(context: Context, deployment: Deployment) -> Quiet[Deployment | None]:
    """Ends a deployment that outlived its `ttl`; None where it has not, or is gone.

    It is looked at before each try: while its place was at other changes, somebody may have
    deleted it, and made it anew.
    """
    server = context.need(CanDeploy, "deployments.reap")
    name = context.deployment_name(deployment)

    def change() -> Deployment | None:
        try:
            there = fetch(context, name)
        except NotFoundError:
            return None
        if not lifetimes.is_over(there, context.clock.now()):
            return None
        context.call(lambda: server.delete_deployment(name))
        return there

    return (yield from changed(context, change))


def hold_against_limit(
    context: Context, server: CanDeploy, wanted: DeploymentSpec, limit: float | None
) -> None:
    """Refuses what would cost more per hour than the caller allows, or nobody knows what."""
    if limit is None:
        return
    if is_a(limit, bool) or not (is_a(limit, int, float) and limit >= 0):
        raise ConfigurationError(
            f"`max_cost_per_hour` is {limit!r:.80}; it is in US dollars, 0 or more"
        )
    cost = context.call(lambda: server.cost_per_hour(wanted))
    if cost is None:
        raise CostLimitError(
            f"{context.owner!r} cannot say what an hour of this deployment costs, so "
            "`max_cost_per_hour` cannot be held; leave it out to deploy without a limit"
        )
    if cost > limit:
        raise CostLimitError(
            f"the deployment costs {cost:.2f} US dollars an hour, over `max_cost_per_hour` "
            f"{limit:.2f}; nothing was made"
        )


def fetch(context: Context, name: str) -> Deployment:
    """The deployment as it stands, stamped."""
    server = context.need(CanDeploy, "deployments.get")
    return context.stamp_deployment(context.call(lambda: server.get_deployment(name)))


def wait(
    context: Context, deployment: Deployment | str, timeout: float | None
) -> Quiet[Deployment]:
    """Looks at the deployment until it is ready; ends with it.

    Raises:
        DeploymentFailedError: it failed, was deleted, or is paused.
    """
    name = context.deployment_name(deployment)
    # A name alone may be a slip, and nobody wants to wait for that.
    known = isinstance(deployment, Deployment)
    contact = Contact(context, f"{context.owner}:{name}", known=known)
    pace = Pace(context, timeout=timeout, interval=None, bounds=POLL_BOUNDS)
    while True:
        found = yield from contact.look(lambda: fetch(context, name))
        if found is not None:
            if found.status is DeploymentStatus.READY:
                return found
            if found.status in STOPPED:
                raise DeploymentFailedError(_reason(found), deployment=found)
        yield from pace.rest(f"the deployment {name!r} is not ready", contact.doubt)


def changed(context: Context, change: Callable[[], T]) -> Quiet[T]:
    """A change of a place that does one at a time, as soon as it is at no other one.

    Raises:
        ConflictError: it is still at others after 15 minutes, or no wait ends the conflict.
    """
    pace = Pace(context, timeout=BUSY_LIMIT, interval=None, bounds=BUSY_BOUNDS)
    while True:
        try:
            return (yield from ask(change))
        except ConflictError as error:
            if not error.retryable:
                raise
            busy = error
        try:
            yield from pace.rest("the place is at another change")
        except WaitTimeoutError:
            raise busy from None


def connect(context: Context, deployment: Deployment | str, timeout: float) -> Quiet[Connection]:
    """How to talk to the deployment, once it is ready."""
    name = (yield from wait(context, deployment, timeout)).name
    server = context.need(CanDeploy, "deployments.openai")
    return (yield from ask(lambda: context.call(lambda: server.connect(name))))


def job_of(context: Context, model: Job | Checkpoint | str) -> Job | Checkpoint | str:
    """The job where the model is a handle of one; else what it is."""
    if not isinstance(model, str):
        return model
    try:
        handle = parse_handle(model)
    except ValueError:
        return model  # A model's own name, a path for instance.
    if handle.owner == context.owner or (handle.owner and handle.id.startswith("ftjob-")):
        # Of another profile it is an error that names the client to open.
        return waiting.fetch(context, context.job_id(model))
    return model


def _made_by(model: Job | Checkpoint | str) -> str | None:
    if isinstance(model, Checkpoint):
        return model.job_id
    return model.id if isinstance(model, Job) else None


def _reason(deployment: Deployment) -> str:
    if deployment.status is DeploymentStatus.PAUSED:
        return (
            f"the deployment {deployment.handle!r} is paused and answers nobody; "
            "`deployments.resume` starts it again"
        )
    error = deployment.error
    words = error.message if error else "the provider gave no reason"
    return f"the deployment {deployment.handle!r} is {deployment.status.value}: {words}"
