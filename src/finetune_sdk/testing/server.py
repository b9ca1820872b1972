"""Deployments of the fake: how they stand at any moment, and the way to them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from finetune_sdk.errors import ConflictError, NotFoundError, ServerError
from finetune_sdk.testing.answers import Answers, Chat, Replies
from finetune_sdk.testing.clock import VirtualClock
from finetune_sdk.testing.script import SCRIPTED, DeploymentScript
from finetune_sdk.types import Connection, Deployment, DeploymentSpec, DeploymentStatus


@dataclass
class _Served:
    """One deployment.

    Attributes:
        number: of those that were made here.
        began: when it was started, first or again after a pause.
    """

    number: int
    spec: DeploymentSpec
    script: DeploymentScript
    created_at: datetime
    began: datetime
    cost_per_hour: float | None
    paused: bool = False

    def deployment(self, now: datetime) -> Deployment:
        spec, status = self.spec, self.status(now)
        return Deployment(
            id=spec.name,
            name=spec.name,
            provider="fake",
            status=status,
            raw_status=status.value,
            model=spec.model,
            job_id=spec.job_id,
            created_at=self.created_at,
            expires_at=spec.expires_at,
            cost_per_hour=self.cost_per_hour,
            error=self.script.error or SCRIPTED if status is DeploymentStatus.FAILED else None,
        )

    def status(self, now: datetime) -> DeploymentStatus:
        if self.paused:
            return DeploymentStatus.PAUSED
        return self.script.status((now - self.began).total_seconds())


class FakeServer:
    """The deployments of one FakeProvider."""

    def __init__(self, replies: Replies | None, clock: VirtualClock, chat: Chat) -> None:
        self._clock = clock
        self._made: dict[str, _Served] = {}
        self._numbers = itertools.count()
        self._answers = Answers(replies, clock, self._hear)
        self._chat = chat

    def create(
        self, spec: DeploymentSpec, script: DeploymentScript, cost_per_hour: float | None
    ) -> Deployment:
        now = self._clock.now()
        number = next(self._numbers)
        new = _Served(number, spec, script, now, now, cost_per_hour)
        made = self._made.setdefault(spec.name, new)
        if not made.spec.serves_the_same(spec):
            raise ConflictError(
                f"the name {spec.name!r} is taken by a deployment of {made.spec.model!r}; "
                "delete it or choose another name",
                provider="fake",
            )
        return made.deployment(now)

    def has(self, name: str) -> bool:
        return name in self._made

    def get(self, name: str) -> Deployment:
        return self._found(name).deployment(self._clock.now())

    def all(self) -> list[tuple[int, Deployment]]:
        """Each with its number."""
        now = self._clock.now()
        return [(made.number, made.deployment(now)) for made in self._made.values()]

    def pause(self, name: str) -> Deployment:
        self._found(name).paused = True
        return self.get(name)

    def resume(self, name: str) -> Deployment:
        made = self._found(name)
        if made.paused:
            made.paused, made.began = False, self._clock.now()
        return self.get(name)

    def delete(self, name: str) -> None:
        self._made.pop(name, None)

    def connect(self, name: str) -> Connection:
        status = self.get(name).status
        if status is not DeploymentStatus.READY:
            raise ConflictError(f"the deployment {name!r} is {status.value}", provider="fake")
        return Connection(
            base_url="http://fake.invalid/v1",
            api_key="fake-key",
            model=name,
            transport=self._answers.transport(),
        )

    def _found(self, name: str) -> _Served:
        if name not in self._made:
            raise NotFoundError(f"no deployment {name!r}", provider="fake", status_code=404)
        return self._made[name]

    def _hear(self, name: str, body: Mapping[str, object]) -> None:
        """A request to one of them; who is connected need not be heard for ever."""
        self._chat(name, body)
        status = self.get(name).status
        if status is not DeploymentStatus.READY:
            raise ServerError(
                f"the deployment {name!r} is {status.value}", provider="fake", status_code=503
            )
