"""How a fake job goes: a timetable, and what it ends with."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from finetune_sdk.types._base import Value
from finetune_sdk.types.job import JobError, JobStatus


class JobScript(Value):
    """The timetable of one fake job, in seconds of the provider's clock.

    Attributes:
        queued: seconds until it runs.
        running: seconds that it runs.
        steps: optimizer steps that it counts while it runs.
        outcome: what it ends with.
        error: the reason, where it fails.
        fails_at_step: the step at which it fails; the last one by default.
        checkpoint_every: steps between two checkpoints; None saves none but those of pauses.
    """

    queued: Annotated[float, Field(ge=0)] = 30.0
    running: Annotated[float, Field(ge=0)] = 600.0
    steps: Annotated[int, Field(ge=1)] = 100
    outcome: Literal["succeeded", "failed"] = "succeeded"
    error: JobError | None = None
    fails_at_step: Annotated[int, Field(ge=1)] | None = None
    checkpoint_every: Annotated[int, Field(ge=1)] | None = 25

    def status(self, age: float) -> JobStatus:
        """Where a job of this age stands."""
        if age < self.queued:
            return JobStatus.QUEUED
        if age < self.duration:
            return JobStatus.RUNNING
        return JobStatus(self.outcome)

    def step(self, age: float) -> int:
        """Optimizer steps that a job of this age has done."""
        if age < self.queued:
            return 0
        share = 1.0 if self.running == 0 else min((age - self.queued) / self.running, 1.0)
        return min(math.floor(share * self.steps), self.last_step)

    def age(self, step: int) -> float:
        """Seconds from its creation until it has done so many steps."""
        return self.queued + self.running * step / self.steps

    @property
    def last_step(self) -> int:
        """The step that it ends with."""
        if self.outcome == "failed" and self.fails_at_step is not None:
            return min(self.fails_at_step, self.steps)
        return self.steps

    @property
    def duration(self) -> float:
        """Seconds from its creation to its end."""
        return self.age(self.last_step)


def fake_loss(step: int) -> float:
    """A number that falls like a loss and is none: nothing was trained."""
    return 0.5 + 2.0 * math.exp(-step / 25)
