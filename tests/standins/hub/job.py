"""One job: what was asked, how it goes, and what it says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from finetune_sdk.transport import Clock
from tests.standins.hub.accounts import hex24
from tests.standins.hub.repo import stamp
from tests.standins.openai.wire import Json

if TYPE_CHECKING:
    from tests.standins.hub.hub import Hub
    from tests.standins.hub.running import Process

USUAL_TIMEOUT = 1800
"""Seconds that a job may run that says nothing of it."""
SHOWN = ("command", "arguments", "environment", "flavor", "labels", "volumes")
SHOWN_ALSO = ("dockerImage", "spaceId", "arch", "expose")
OVERTIME = "Job timed out"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCourse:
    """The timetable of one job, in seconds of the Hub's clock.

    Attributes:
        outcome: the stage that it ends in by itself.
        message: what its status says then.
        lines: what it says, spread over its running.
        finish: what it does at its end, where it ends by itself: push a model, for instance.
    """

    scheduling: float = 5.0
    running: float = 30.0
    outcome: str = "COMPLETED"
    message: str | None = None
    lines: tuple[str, ...] = ()
    finish: Callable[[Hub, JobRecord], None] | None = field(default=None, repr=False)


@dataclass(slots=True)
class JobRecord:
    """A job, seen from inside. Times are those of the Hub's clock, in its seconds.

    Attributes:
        spec: the body of the request, with its secrets.
        born: when it was created.
        started: when it began, or will begin, to run.
        said: its lines, and when it says them.
        word: what its stage reads, whatever it is; None tells the truth.
        process: what really runs it; None where only its course does.
        over: is set when it has ended.
    """

    id: str
    namespace: str
    spec: Json
    course: JobCourse
    clock: Clock
    born: float
    date: datetime
    started: float | None = None
    ended: float | None = None
    stage: str = "SCHEDULING"
    message: str | None = None
    said: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    word: str | None = None
    process: Process | None = None
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def billed(self) -> float:
        """Seconds that are to be paid for so far; take the job anew from `hub.jobs` first."""
        return 0.0 if self.started is None else self._until - self.started

    @property
    def labels(self) -> dict[str, str]:
        return self.spec.get("labels") or {}

    @property
    def argv(self) -> list[str]:
        return [*self.spec.get("command", ()), *self.spec.get("arguments", ())]

    @property
    def timeout(self) -> float:
        return self.spec.get("timeoutSeconds") or USUAL_TIMEOUT

    @property
    def _until(self) -> float:
        return self.clock.monotonic() if self.ended is None else self.ended

    def end(self, at: float, stage: str, message: str | None = None) -> None:
        """It is over."""
        self.ended, self.stage, self.message = at, stage, message
        self.over.set()

    def lines(self) -> list[Json]:
        """What it has said, as the wire tells it."""
        if self.started is None:
            return []
        head = f"===== Job started at {self._wall(self.started):%Y-%m-%d %H:%M:%S} ====="
        told = [(self.started, head), *((at, text) for at, text in self.said if at <= self._until)]
        return [{"data": text, "timestamp": stamp(self._wall(at))} for at, text in told]

    def view(self) -> Json:
        """What the wire tells of it. A secret is never in it."""
        shown: dict[str, Any] = {name: self.spec.get(name) for name in SHOWN}
        shown |= {name: self.spec[name] for name in SHOWN_ALSO if name in self.spec}
        owner = {"id": hex24(self.namespace), "name": self.namespace, "type": "user"}
        return {
            **shown,
            "id": self.id,
            "createdAt": stamp(self.date),
            "startedAt": self._stamp(self.started),
            "finishedAt": self._stamp(self.ended),
            "environment": shown["environment"] or {},
            "secrets": {},
            "retry": self.spec.get("attempts", 1) - 1,
            "status": {"stage": self.word or self.stage, "message": self.message},
            "durations": self._durations(),
            "owner": owner,
            "initiator": owner,
        }

    def _durations(self) -> Json:
        started, until = self.started, self._until
        return {
            "schedulingSecs": None if started is None else int(started - self.born),
            "runningSecs": None if started is None else int(until - started),
            "totalSecs": int(until - self.born),
        }

    def _stamp(self, at: float | None) -> str | None:
        return None if at is None else stamp(self._wall(at))

    def _wall(self, at: float) -> datetime:
        return self.date + timedelta(seconds=at - self.born)
