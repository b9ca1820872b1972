"""What creating, waiting for and reaching a deployment is, for both clients."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import ValidationError

from finetune_sdk.errors import CostLimitError, DeploymentFailedError
from finetune_sdk.providers.base import CanDeploy
from finetune_sdk.resources import waiting
from finetune_sdk.resources.contact import Contact, Pace
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.guard import checked_options, own_options
from finetune_sdk.resources.plain import wrong
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

POLL_BOUNDS = (0.5, 10.0)
"""Seconds between two looks at a deployment that is being made: the first, and the longest."""

ENDED = (DeploymentStatus.FAILED, DeploymentStatus.DELETING, DeploymentStatus.DELETED)


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


def hold_against_limit(
    context: Context, server: CanDeploy, wanted: DeploymentSpec, limit: float | None
) -> None:
    """Refuses what would cost more per hour than the caller allows, or nobody knows what."""
    if limit is None:
        return
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


def wait(context: Context, name: str, timeout: float | None) -> Quiet[Deployment]:
    """Looks at the deployment until it is ready; ends with it."""
    contact = Contact(context, f"{context.owner}:{name}")
    pace = Pace(context, timeout=timeout, interval=None, bounds=POLL_BOUNDS)
    while True:
        deployment = yield from contact.look(lambda: fetch(context, name))
        if deployment is not None:
            if deployment.status is DeploymentStatus.READY:
                return deployment
            if deployment.status in ENDED:
                raise DeploymentFailedError(_reason(deployment), deployment=deployment)
        yield from pace.rest(f"the deployment {name!r} is not ready")


def connect(context: Context, name: str, timeout: float) -> Quiet[Connection]:
    """How to talk to the deployment, once it is ready."""
    yield from wait(context, name, timeout)
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
    return waiting.fetch(context, handle.id) if handle.owner == context.owner else model


def _made_by(model: Job | Checkpoint | str) -> str | None:
    if isinstance(model, Checkpoint):
        return model.job_id
    return model.id if isinstance(model, Job) else None


def _reason(deployment: Deployment) -> str:
    error = deployment.error
    words = error.message if error else "the provider gave no reason"
    return f"the deployment {deployment.handle!r} is {deployment.status.value}: {words}"
