"""Deployments as callers know them: by name, made once, ready when they answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from finetune_sdk.errors import (
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    FineTuneError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
    ResponseDecodeError,
)
from finetune_sdk.providers._openai_talk import Talk
from finetune_sdk.providers._openai_talk.records import Records
from finetune_sdk.providers._openai_wire.requests import Request
from finetune_sdk.providers._openai_wire.values import Table, text
from finetune_sdk.providers.azure_openai import wire
from finetune_sdk.providers.azure_openai.limits import IDLE
from finetune_sdk.providers.azure_openai.manager import Manager
from finetune_sdk.providers.azure_openai.options import AzureDeploymentOptions
from finetune_sdk.providers.azure_openai.settings import NAME
from finetune_sdk.transport import Clock
from finetune_sdk.types import Deployment, DeploymentSpec, DeploymentStatus, JobError

SETTLING = timedelta(minutes=15)
"""How long one that was made may not answer yet: a live test of Microsoft's own waits for ten
minutes (azure-ai-projects, read on 2026-11-22)."""

_OPERATION, _SKU = "operation", "sku"
_PROBE_SECONDS = 10.0
_DAY = "Azure deletes a deployment of this kind 24 hours after it was made; the model stays"
_GONE = (
    "it is gone: deleted by somebody{}. The model stays; `deployments.create` with the same name "
    "serves it again{}"
)
_IDLE = ", or by Azure, as it was not asked anything for 15 days"
_ITS_DAY = ", or by Azure, 24 hours after it was made"


@dataclass(frozen=True, kw_only=True)
class Hosting:
    """The deployments of a resource.

    Attributes:
        manager: makes them.
        records: those that this machine has made.
        talk: to the data plane, where they answer.
        url: of the data plane.
        hourly: US dollars for an hour of a fine-tuned model's.
    """

    manager: Manager
    records: Records
    talk: Talk
    clock: Clock
    url: str
    hourly: float
    _answered: set[str] = field(default_factory=set[str])

    def create(self, spec: DeploymentSpec) -> Deployment:
        """Makes a deployment; the one of that name where it is of the same model.

        Raises:
            ConflictError: the name is taken by another model, which is left alone.
            QuotaExceededError: the quota is full.
        """
        body = wire.body(spec)
        model = wire.wanted_model(body)
        put = self.manager.put(
            spec.name, body, unless=lambda there: _stands(self._read(there), model)
        )
        made = self._read(put.found)
        if made.name.lower() != spec.name.lower():
            raise _unreadable("is of another deployment")
        if not put.made:
            return self._warned(made, *_unlike(made, spec))
        self._answered.discard(spec.name)
        # By the name that was asked for: what is in an answer is no name of a file.
        return self._noted(made.model_copy(update={"name": spec.name}), put.operation)

    def get(self, name: str) -> Deployment:
        """The deployment as it stands; one that has gone by itself reads `deleted`.

        Raises:
            NotFoundError: there is none of that name.
        """
        found = self._found(name)
        if found is not None:
            return self._warned(self._settled(found))
        record = self.records.read(name)
        if record is None:
            raise NotFoundError(
                f"there is no deployment {name!r} in this resource; `deployments.create` makes one",
                provider=NAME,
            )
        return record.model_copy(
            update={
                "status": DeploymentStatus.DELETED,
                "raw_status": None,
                "cost_per_hour": 0.0,
                "error": JobError(code="gone", message=_gone(record)),
                "raw": {},
            }
        )

    def list(self) -> tuple[Deployment, ...]:
        """All of the resource, whoever made them; newest first."""
        found = [self._warned(self._read(one)) for one in self.manager.list()]
        return tuple(sorted(found, key=_age, reverse=True))

    def delete(self, name: str) -> None:
        """Ends a deployment and what it costs; the model stays."""
        self.manager.delete(name)
        with suppress(OSError):
            self.records.remove(name)  # It is gone, whatever is remembered of it.
        self._answered.discard(name)

    def cost(self, spec: DeploymentSpec) -> float | None:
        """US dollars for each hour that it exists."""
        options = AzureDeploymentOptions.model_validate(spec.options)
        return wire.cost(spec.model, options.sku, self.hourly)

    def _found(self, name: str) -> Deployment | None:
        found = self.manager.find(name)
        return None if found is None else self._read(found)

    def _read(self, found: Table) -> Deployment:
        made = wire.deployment_of(found, url=self.url, hourly=self.hourly)
        if made is None:
            raise _unreadable("has no name in it")
        return made

    def _noted(self, made: Deployment, operation: str | None) -> Deployment:
        kept = {_SKU: made.raw.get(_SKU), _OPERATION: operation}
        record = made.model_copy(
            update={"raw": {name: said for name, said in kept.items() if said}}
        )
        try:
            self.records.write(record)
        except ConfigurationError as error:
            # It is made and costs by the hour: whoever asked for it must hear of it.
            return self._warned(made, f"it is made, and that could not be noted: {error}")
        return self._warned(made)

    def _warned(self, made: Deployment, *more: str) -> Deployment:
        return made.model_copy(update={"warnings": (*made.warnings, *_rules(made), *more)})

    # Whether it answers

    def _settled(self, found: Deployment) -> Deployment:
        if found.status is DeploymentStatus.FAILED:
            return found.model_copy(update={"error": self._reason(found)})
        if found.status is DeploymentStatus.READY and not self._answers(found):
            return found.model_copy(update={"status": DeploymentStatus.CREATING})
        return found

    def _answers(self, found: Deployment) -> bool:
        changed = wire.changed_at(found)
        if found.name in self._answered or changed is None:
            return True
        if self.clock.now() - changed > SETTLING or self._asked(found.name):
            self._answered.add(found.name)
            return True
        return False

    def _asked(self, name: str) -> bool:
        """Asks for one token: what is Succeeded may be unknown to the data plane for minutes."""
        body = {
            "model": name,
            "messages": [{"role": "user", "content": "."}],
            "max_completion_tokens": 1,
        }
        try:
            self.talk.ask(
                Request(
                    use="read",
                    method="POST",
                    path="/chat/completions",
                    body=body,
                    seconds=_PROBE_SECONDS,
                )
            )
        except _AN_ANSWER:
            return True
        except ProviderError:
            return False
        return True

    def _reason(self, found: Deployment) -> JobError:
        """Resource Manager tells it of the operation alone, which whoever made it has noted."""
        return self._told(found.name) or JobError(
            message="Azure gave no reason; the activity log of the resource in the portal may have "
            "one. `deployments.delete` removes it"
        )

    def _told(self, name: str) -> JobError | None:
        try:
            record = self.records.read(name)
            operation = text(record.raw.get(_OPERATION)) if record else None
            return wire.failure_of(self.manager.operation(operation)) if operation else None
        except (FineTuneError, ValueError):
            return None  # That it failed is known without it, too.


_AN_ANSWER = (
    InvalidRequestError,
    AuthenticationError,
    PermissionDeniedError,
    RateLimitError,
    QuotaExceededError,
)
"""It is there, and says no to what was asked or to who asks."""


def _stands(there: Deployment, model: str) -> bool:
    """What is there is what is wanted.

    Raises:
        ConflictError: it is another model.
    """
    if there.status is DeploymentStatus.DELETING:
        return False  # It is made anew as soon as it is gone, which is waited for.
    if there.model != model:
        raise ConflictError(
            f"the name {there.name!r} is taken by a deployment of {there.model!r}, which was left "
            "alone; choose another name, or delete that one first",
            provider=NAME,
        )
    return there.status is not DeploymentStatus.FAILED


def _rules(made: Deployment) -> Iterator[str]:
    if _for_a_day(made):
        yield _DAY
    elif wire.is_tuned(made.model):
        yield IDLE


def _gone(record: Deployment) -> str:
    why = _ITS_DAY if _for_a_day(record) else _IDLE if wire.is_tuned(record.model) else ""
    return _GONE.format(why, ", and costs by the hour again" if record.cost_per_hour else "")


def _for_a_day(made: Deployment) -> bool:
    return wire.sku_of(made)[0].lower() in ("developertier", "developer")


def _unlike(there: Deployment, spec: DeploymentSpec) -> Iterator[str]:
    """What was asked for and is otherwise at the one that is there."""
    asked = AzureDeploymentOptions.model_validate(spec.options).model_dump()
    for name, theirs in wire.settings_of(there).items():
        ours = asked[name]
        if name in spec.options and str(theirs).lower() != str(ours).lower():
            yield (
                f"it was there before, and its `{name}` is {theirs!r}; delete it to make it anew"
            )


def _age(one: Deployment) -> tuple[bool, str, str]:
    return one.created_at is not None, str(one.created_at), one.name


def _unreadable(why: str) -> ResponseDecodeError:
    return ResponseDecodeError(f"{NAME}: Resource Manager's answer {why}", provider=NAME)
