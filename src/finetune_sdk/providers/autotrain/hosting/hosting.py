"""Deployments as callers know them: by name, made once, ready when they answer."""

from __future__ import annotations

import re

from finetune_sdk.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    ResponseDecodeError,
)
from finetune_sdk.providers._openai_wire.values import Table
from finetune_sdk.providers.autotrain.hosting import weights, wire
from finetune_sdk.providers.autotrain.hosting.catalog import Catalog
from finetune_sdk.providers.autotrain.hosting.service import Service
from finetune_sdk.providers.autotrain.hub import Hub
from finetune_sdk.providers.autotrain.options import AutoTrainDeploymentOptions
from finetune_sdk.providers.autotrain.settings import NAME
from finetune_sdk.transport import Clock
from finetune_sdk.transport.addresses import address
from finetune_sdk.types import Connection, Deployment, DeploymentSpec, DeploymentStatus

_HELD_SECONDS = 570
"""How long a request waits at the gate of what it wakes: a little less than `chat` itself does.
Without a word it is refused at once (hf.co/docs/inference-endpoints, autoscaling, 2026-11-26)."""

# As api-evangelist's schema of `POST /v2/endpoint/{namespace}` has it (read on 2026-11-26);
# Hugging Face itself writes it down nowhere.
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
_SAFE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PUBLIC_KEY = "none"


class Hosting:
    """The deployments of a namespace."""

    def __init__(self, hub: Hub, clock: Clock) -> None:
        """Asks nobody yet.

        Args:
            hub: of the models, and of the namespace that pays.
            clock: by which a price grows old.
        """
        self._hub = hub
        self._service = Service(hub)
        self._catalog = Catalog(self._service, clock)

    def create(self, spec: DeploymentSpec) -> Deployment:
        """Makes a deployment; the one of that name where it is the same.

        Raises:
            ConflictError: the name is taken by another one, which is left alone.
            InvalidRequestError: the name, the model or the instance is none; nothing was made.
            QuotaExceededError: the namespace may not have more, or has no credit.
            UnsupportedError: the model is an adapter that nobody has merged.
        """
        _check_name(spec.name)
        options = AutoTrainDeploymentOptions.model_validate(spec.options)
        served = weights.served(self._hub, spec.model)
        found = self._service.find(spec.name)
        if found is None:
            instance = self._catalog.checked(options)
            arguments = wire.arguments(spec, options, served, instance)
            found, made = self._service.make(spec.name, arguments)
            if made:
                return self._read(found)
        if unlike := list(wire.differences(found, options, served)):
            raise _taken(spec.name, unlike)
        return self._read(found)

    def get(self, name: str) -> Deployment:
        """The deployment as it stands.

        Raises:
            NotFoundError: there is none of that name.
        """
        return self._read(self._found(name))

    def list(self) -> tuple[Deployment, ...]:
        """All of the namespace, whoever made them; newest first."""
        return tuple(sorted(map(self._read, self._service.list()), key=_age, reverse=True))

    def delete(self, name: str) -> None:
        """Ends a deployment and what it costs; the model stays."""
        if _SAFE_NAME.fullmatch(name):
            self._service.delete(name)

    def pause(self, name: str) -> Deployment:
        """Stops a deployment, and what it costs, until it is resumed."""
        return self._read(self._service.pause(_safe(name)))

    def resume(self, name: str) -> Deployment:
        """Starts a deployment that was paused; one that runs is left as it is."""
        return self._read(self._service.resume(_safe(name)))

    def cost(self, spec: DeploymentSpec) -> float | None:
        """US dollars for an hour of all machines that it may have; None where nobody can say."""
        return self._catalog.cost(AutoTrainDeploymentOptions.model_validate(spec.options))

    def connect(self, name: str) -> Connection:
        """How to talk to a deployment that is ready.

        Raises:
            ConflictError: it is not ready.
        """
        found = self._found(name)
        made = self._read(found)
        if made.status is not DeploymentStatus.READY or made.url is None:
            raise ConflictError(
                f"{NAME}: the deployment {name!r} is {made.status.value} and answers nobody; "
                "`deployments.wait` waits until it is ready",
                provider=NAME,
            )
        base = address(made.url, word="url", example="https://x.endpoints.huggingface.cloud")
        return self._connection(f"{base}/v1", made.id, public=wire.is_public(found))

    def _connection(self, base: str, model: str, *, public: bool) -> Connection:
        headers = {"X-Scale-Up-Timeout": str(_HELD_SECONDS)}
        if public:
            return Connection(base, _PUBLIC_KEY, model, headers=headers)
        token = self._hub.credential
        return Connection(
            base,
            token.get(NAME),
            model,
            headers=headers,
            renew=lambda: token.get(NAME),
            refused=token.renew,
        )

    def _found(self, name: str) -> Table:
        found = self._service.find(_safe(name))
        if found is None:
            raise _missing(name)
        return found

    def _read(self, found: Table) -> Deployment:
        price = self._catalog.price(wire.instance_name(found))
        made = wire.deployment_of(found, price=price)
        if made is None:
            raise ResponseDecodeError(
                f"{NAME}: the answer of Inference Endpoints has no name in it", provider=NAME
            )
        return made


def _check_name(name: str) -> None:
    if _NAME.fullmatch(name):
        return
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower())[:32].strip("-")
    raise InvalidRequestError(
        f"{NAME}: `name` is {name!r}; on Inference Endpoints it has lower-case letters, digits and "
        f"hyphens within, 32 at most, such as {plain or 'recipes'!r}",
        provider=NAME,
        param="name",
    )


def _safe(name: str) -> str:
    """The name, which goes into the path of a request."""
    if not _SAFE_NAME.fullmatch(name):
        raise _missing(name)
    return name


def _missing(name: str) -> NotFoundError:
    return NotFoundError(
        f"{NAME}: there is no deployment {name!r:.80} in this namespace; `deployments.list` has "
        "those that there are",
        provider=NAME,
        status_code=404,
    )


def _taken(name: str, unlike: list[str]) -> ConflictError:
    return ConflictError(
        f"{NAME}: the name {name!r} is taken by another deployment, which was left alone: "
        f"{'; '.join(unlike)}; choose another name, or delete that one first",
        provider=NAME,
    )


def _age(one: Deployment) -> tuple[bool, str, str]:
    return one.created_at is not None, str(one.created_at), one.name
