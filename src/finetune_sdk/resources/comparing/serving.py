"""A deployment of a model: one that is there already, or one that goes when all is asked."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from finetune_sdk.errors import (
    ConfigurationError,
    ConflictError,
    CostLimitError,
    FineTuneError,
    UnsupportedError,
)
from finetune_sdk.providers.base import CanDeploy
from finetune_sdk.resources import serving, steps
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.paging import pages
from finetune_sdk.resources.request import base_model
from finetune_sdk.submission.locks import Locks
from finetune_sdk.transport import redact
from finetune_sdk.types import (
    Checkpoint,
    Deployment,
    DeploymentStatus,
    Job,
    ProviderOptions,
    names,
)

LIFE = timedelta(hours=12)
"""What a deployment that was made for a comparison is given to live, should nobody delete it."""

READY_SECONDS = 3600.0

_LOG = logging.getLogger("finetune_sdk")
_MADE = (
    "the deployment %r is made for the comparison, at %s an hour, and deleted when all is asked; "
    "should this be killed: finetune deployments delete %s"
)
_LEFT = (
    "the deployment {0!r}, made for a comparison, could not be deleted and may go on to cost: {1}; "
    "delete it: finetune deployments delete {0}"
)
_NOTHING_MADE = (ConfigurationError, ConflictError, CostLimitError, UnsupportedError)
"""What a create raises where a deployment of that name is somebody else's, or none."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """What serves a model, or will.

    Attributes:
        handle: of the deployment.
        model: that it serves.
        tuned: it is a fine-tuned one.
        cost_per_hour: US dollars; None is not known.
        get: gives the deployment, ready; makes it where there is none.
        own: what tells it from any other of the model: which one it is, or the options that it is
            made with for a comparison; None where there are none.
    """

    handle: str
    model: str
    tuned: bool
    cost_per_hour: float | None
    get: Callable[[], Deployment]
    own: str | None = None


def by(deployment: Deployment) -> Served:
    """A deployment that is there and ready."""
    return Served(
        handle=deployment.handle,
        model=deployment.model,
        tuned=deployment.job_id is not None or _is_tuned(deployment.model),
        cost_per_hour=deployment.cost_per_hour,
        get=lambda: deployment,
        own=f"{deployment.handle} {deployment.created_at}",
    )


def waited_for(context: Context, deployment: Deployment | str) -> Deployment:
    """A deployment that is there, once it is ready."""
    return steps.run(serving.wait(context, deployment, READY_SECONDS), context.clock)


@contextmanager
def served(
    context: Context,
    model: Job | Checkpoint | str,
    *,
    options: Sequence[ProviderOptions],
    limit: float | None,
    warn: Callable[[str], None],
) -> Generator[Served]:
    """What serves a model: a deployment that is ready, or one that is made once it is needed.

    What is made for this is deleted afterwards, and so is what an earlier comparison has left.

    Args:
        context: whose provider serves it.
        model: what to serve.
        options: of a deployment that has to be made.
        limit: US dollars an hour; None allows what is free.
        warn: is told where it could not be deleted.
    """
    wanted = base_model(context, serving.job_of(context, model))
    plain = f"compare-{hashlib.sha256(wanted.encode()).hexdigest()[:12]}"
    there = _there(context, wanted)
    if there is not None and not there.name.startswith(plain):
        yield by(there)
        return
    with _named(context, plain) as name:
        making = _Making(context, model, name, options, limit)
        left = there is not None and there.name == name
        try:
            yield Served(
                handle=f"{context.owner}:{name}",
                model=wanted,
                tuned=not isinstance(model, str) or _is_tuned(wanted),
                cost_per_hour=making.cost(),
                get=making.get,
                own=str([one.model_dump(exclude_unset=True) for one in options])
                if options
                else None,
            )
        finally:
            if making.begun or left:
                _delete(context, f"{context.owner}:{name}", warn)


@contextmanager
def _named(context: Context, plain: str) -> Generator[str]:
    """The name of what is made: the same each time, so that what was left is found.

    While another comparison of this machine uses it, it is one of our own.
    """
    if context.provider.ephemeral:
        yield plain
        return
    locks = Locks(context.home / "evaluations" / "locks")
    with locks.held(context.owner, plain, wait=False) as got:
        yield plain if got else f"{plain}-{secrets.token_hex(3)}"


@dataclass
class _Making:
    """A deployment that is made when it is needed.

    Attributes:
        begun: something may be there.
    """

    context: Context
    model: Job | Checkpoint | str
    name: str
    options: Sequence[ProviderOptions]
    limit: float | None
    begun: bool = False

    def cost(self) -> float | None:
        """US dollars an hour."""
        server = self.context.need(CanDeploy, "deployments.create")
        wanted = serving.spec(
            self.context, self.model, name=self.name, options=self.options, expires_at=None
        )
        return self.context.call(lambda: server.cost_per_hour(wanted))

    def get(self) -> Deployment:
        """Makes it, and waits until it is ready.

        Raises:
            CostLimitError: it would be billed by the hour, and `limit` does not allow it.
        """
        context, cost = self.context, self.cost()
        if self.limit is None:
            _refuse_billed(context, cost, self.name)
        if cost and self.limit is not None and cost <= self.limit:
            _LOG.warning(_MADE, self.name, _price(cost), f"{context.owner}:{self.name}")
        making = serving.create(
            context,
            self.model,
            name=self.name,
            options=self.options,
            limit=self.limit,
            ttl=LIFE,
        )
        try:
            made = steps.run(making, context.clock)
        except _NOTHING_MADE:
            raise
        except BaseException:
            self.begun = True
            raise
        self.begun = True
        return waited_for(context, made)


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


def _is_tuned(model: str) -> bool:
    return names.base_model(model) != model


def _price(cost: float | None) -> str:
    return "an unknown price" if cost is None else f"{cost:.2f} US dollars"


def _refuse_billed(context: Context, cost: float | None, name: str) -> None:
    if cost == 0:
        return
    price = _price(cost)
    raise CostLimitError(
        f"no deployment at {context.owner!r} that is ready serves the model; {name!r}, made for "
        f"the comparison, is billed by the hour, at {price}; say what an hour may cost, by "
        "`max_cost_per_hour` (`--max-cost-per-hour`), or name a deployment that is there"
    )


def _delete(context: Context, handle: str, warn: Callable[[str], None]) -> None:
    try:
        steps.run(serving.delete(context, handle), context.clock)
    except BaseException as error:
        told = _LEFT.format(handle, redact(str(error)) or type(error).__name__)
        # The comparison itself may fail, and its warnings with it.
        _LOG.warning(told)
        warn(told)
        if not isinstance(error, FineTuneError):
            raise
