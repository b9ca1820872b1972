"""One Inference Endpoint: what was asked, how it goes, and what it costs."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.standins.hub.repo import stamp
from tests.standins.openai.wire import Json

BILLED = ("initializing", "running", "updating")
REACHED = ("running", "scaledToZero")
MESSAGES = {
    "pending": "Endpoint waiting to be scheduled",
    "initializing": "Endpoint is initializing",
    "running": "Endpoint is ready",
    "paused": "Endpoint is paused",
    "scaledToZero": "Endpoint is scaled to zero",
}


@dataclass(frozen=True, slots=True)
class Compute:
    """One kind of machine.

    Attributes:
        price: US dollars an hour.
        count: accelerators in it.
        most: accelerators of the kind that a namespace may have.
    """

    type: str = "nvidia-l4"
    size: str = "x1"
    price: float = 0.8
    count: int = 1
    accelerator: str = "gpu"
    status: str = "available"
    most: int = 8
    vendor: str = "aws"
    region: str = "us-east-1"

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.vendor, self.region, self.type, self.size

    def view(self, used: int) -> Json:
        return {
            "id": "-".join(self.key),
            "accelerator": self.accelerator,
            "instanceType": self.type,
            "instanceSize": self.size,
            "architecture": self.type.replace("-", " ").title(),
            "numAccelerators": self.count,
            "numCpus": 7 * self.count,
            "memoryGb": 30.0 * self.count,
            "gpuMemoryGb": 24 * self.count if self.accelerator == "gpu" else None,
            "pricePerHour": self.price,
            "status": self.status,
            "quota": {"maxAccelerators": self.most, "usedAccelerators": used},
        }


COMPUTES = (
    Compute(),
    Compute(size="x4", price=3.8, count=4),
    Compute(region="eu-west-1", price=0.9),
    Compute("nvidia-a10g", "x1", 1.0),
    Compute("nvidia-t4", "x1", 0.5, status="deprecated"),
    Compute("nvidia-a100", "x1", 2.5, status="not_available"),
    Compute("nvidia-h200", "x8", 40.0, 8, most=4),
    Compute("intel-spr", "x4", 0.268, accelerator="cpu"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointCourse:
    """How an endpoint starts, in seconds of the Hub's clock.

    Attributes:
        outcome: the state that it comes to.
        message: what its status says then; None is what it says of that state.
    """

    pending: float = 5.0
    initializing: float = 120.0
    outcome: str = "running"
    message: str | None = None


@dataclass(slots=True)
class EndpointRecord:
    """An endpoint, seen from inside. Times are seconds of the Hub's clock.

    Attributes:
        spec: the body of the request, with its secrets.
        compute: what it runs on.
        at: the time until which it is told here.
        since: when it came into its state.
        asked: when it was asked for something last.
        billed: seconds that are to be paid for so far, of one machine.
        word: what its state reads, whatever it is; None tells the truth.
    """

    name: str
    namespace: str
    spec: Json
    compute: Compute
    course: EndpointCourse
    url: str
    owner: str
    date: datetime
    born: float
    at: float
    since: float
    asked: float
    state: str = "pending"
    billed: float = 0.0
    starts: int = 1
    word: str | None = None
    chats: list[Json] = field(default_factory=list[Json])

    @property
    def scaling(self) -> Any:
        return self.spec["compute"]["scaling"]

    @property
    def idle(self) -> float | None:
        """Seconds without a request until it sleeps."""
        minutes = self.scaling.get("scaleToZeroTimeout")
        return None if self.scaling["minReplica"] or not minutes else minutes * 60.0

    @property
    def served_as(self) -> str:
        """What vLLM takes as the name of the model."""
        args = list(self.spec["model"].get("args", ()))
        said = args.index("--served-model-name") + 1 if "--served-model-name" in args else None
        return str(args[said]) if said else "/repository"

    def start(self, now: float) -> None:
        """It begins anew."""
        self.enter("pending", now)
        self.starts += 1

    def enter(self, state: str, at: float) -> None:
        """Another state, from then on."""
        if self.state in BILLED:
            self.billed += at - self.at
        self.state, self.at, self.since = state, at, at
        if state == "running":
            self.asked = at

    def catch_up(self, now: float) -> None:
        """What time has made of it."""
        while (due := self._next()) is not None and due[0] <= now:
            self.enter(due[1], due[0])
        if self.state in BILLED:
            self.billed += now - self.at
        self.at = now

    def view(self) -> Json:
        """What the wire tells of it. A secret is never in it."""
        shown = copy.deepcopy(self.spec)
        shown["model"] = {"task": "text-generation", "env": {}, **shown["model"], "secrets": {}}
        owner = {"id": "0" * 24, "name": self.owner}
        word = self.word or self.state
        told: Json = {
            "createdAt": stamp(self.date),
            "createdBy": owner,
            "updatedAt": stamp(self.date + timedelta(seconds=self.since - self.born)),
            "updatedBy": owner,
            "private": None,
            "state": word,
            "message": self._message(word),
            "readyReplica": int(self.state == "running"),
            "targetReplica": int(self.state in BILLED),
        }
        if self.state in REACHED:
            told["url"] = self.url
        return {"healthRoute": "/health", "tags": [], **shown, "status": told}

    def _message(self, word: str) -> str:
        if word == self.course.outcome and self.course.message is not None:
            return self.course.message
        return MESSAGES.get(word, word)

    def _next(self) -> tuple[float, str] | None:
        """When it changes by itself, and into what."""
        if self.state == "pending":
            return self.since + self.course.pending, "initializing"
        if self.state == "initializing":
            return self.since + self.course.initializing, self.course.outcome
        if self.state == "running" and self.idle is not None:
            return self.asked + self.idle, "scaledToZero"
        return None
