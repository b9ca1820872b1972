"""One deployment as Resource Manager keeps it; all that it shows follows from the clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from tests.standins.openai.wire import Json, inner

DAY = 24 * 3600.0
UNUSED = 15 * DAY
"""How long a tuned model's deployment lives without a chat call."""


@dataclass(slots=True)
class StoredDeployment:
    """The truth about a deployment, in monotonic seconds of the clock.

    Attributes:
        asked: its `properties`, as they were given.
        born: when it was made.
        changed: when its last change began.
        ready: when that change is done.
        serves: when chat calls are answered.
        failure: what its last change ends with; None where it succeeds.
        gone: when it is deleted; None while nobody does.
        used: its last chat call.
        custom: its model is a tuned one.
    """

    id: str
    name: str
    sku: Json
    asked: Json
    born: float
    created: datetime
    changed: float
    modified: datetime
    ready: float
    serves: float
    failure: Json | None = None
    gone: float | None = None
    used: float = 0.0
    custom: bool = True
    tags: Json = field(default_factory=dict[str, object])

    def follow(self, old: Self) -> None:
        """Takes over from what it replaces: its age, and that it answers, with the same model."""
        self.id, self.name, self.used = old.id, old.name, old.used
        self.born, self.created = old.born, old.created
        if old.model == self.model and old.failure is None:
            self.serves = old.serves

    @property
    def model(self) -> str:
        return str(inner(self.asked, "model").get("name"))

    @property
    def capacity(self) -> int:
        return int(self.sku["capacity"])

    def state(self, now: float) -> str:
        if self.gone is not None:
            return "Deleting"
        if now < self.ready:
            early = now - self.changed < (self.ready - self.changed) / 10
            return "Accepted" if early else "Creating"
        return "Succeeded" if self.failure is None else "Failed"

    def serving(self, now: float) -> bool:
        """Chat calls are answered."""
        return self.state(now) == "Succeeded" and now >= self.serves

    def left(self, now: float) -> bool:
        """It is no more: deleted, unused, or at its end."""
        if self.gone is not None:
            return now >= self.gone
        if str(self.sku["name"]).lower() in ("developertier", "developer"):
            return now >= self.born + DAY
        return self.custom and now >= max(self.ready, self.used) + UNUSED

    def view(self, now: float) -> Json:
        """What the wire shows of it."""
        return {
            "id": self.id,
            "name": self.name,
            "type": "Microsoft.CognitiveServices/accounts/deployments",
            "etag": f'"{int(self.changed * 1000):08x}"',
            "sku": self.sku,
            "tags": self.tags,
            "systemData": {
                "createdBy": "standin",
                "createdByType": "Application",
                "createdAt": _stamp(self.created),
                "lastModifiedBy": "standin",
                "lastModifiedByType": "Application",
                "lastModifiedAt": _stamp(self.modified),
            },
            "properties": self._properties(now),
        }

    def _properties(self, now: float) -> Json:
        rates = (("request", 1), ("token", 1000))
        return {
            "versionUpgradeOption": "OnceNewDefaultVersionAvailable",
            **self.asked,
            "currentCapacity": self.capacity,
            "capabilities": {"chatCompletion": "true", "maxOutputToken": "16384"},
            "rateLimits": [
                {"key": key, "renewalPeriod": 60, "count": self.capacity * each}
                for key, each in rates
            ],
            "provisioningState": self.state(now),
            # A client must live with what it does not know.
            "standinExtra": {"unknown": True},
        }


@dataclass(frozen=True, slots=True)
class Operation:
    """A change that takes its time."""

    id: str
    start: float
    end: float
    started: datetime
    failure: Json | None = None

    def status(self, now: float) -> str:
        if now < self.end:
            return "InProgress"
        return "Succeeded" if self.failure is None else "Failed"

    def view(self, path: str, now: float) -> Json:
        seen: Json = {
            "id": path,
            "name": self.id,
            "status": self.status(now),
            "startTime": _stamp(self.started),
        }
        failed = seen["status"] == "Failed"
        return {**seen, "error": self.failure} if failed else seen


def _stamp(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
