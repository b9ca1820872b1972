"""How a fake job goes, and how a fake deployment does: timetables, and what they end with."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from finetune_sdk.types._base import Value
from finetune_sdk.types.deployment import DeploymentStatus
from finetune_sdk.types.job import JobError, JobStatus

Seconds = Annotated[float, Field(ge=0, le=1e10)]
"""At most some 300 years: dates end in the year 9999."""


SCRIPTED = JobError(code="scripted", message="the script says so")
"""Why something fails, where the script gives no other reason."""


class JobScript(Value):
    """The timetable of one fake job, in seconds of the provider's clock.

    Attributes:
        validating: seconds that its rows are validated, before it is queued.
        queued: seconds in the queue, until it runs.
        running: seconds that it runs.
        steps: optimizer steps that it counts while it runs.
        outcome: what it ends with; `failed` where `fails_at_step` or `error` is given.
        error: the reason, where it fails.
        fails_at_step: the step at which it fails; the last one by default, 0 before it runs.
        pauses_at_step: the step at which somebody else pauses it, until it is resumed.
        cancelling: seconds that a cancel takes; a job that ends meanwhile has won the race.
        cancel_too_late: it ends by itself at the moment when a cancel arrives.
        names_model_after: seconds after its success until it names its model.
        words: what the service calls a state, by ours; a word that nobody knows reads `unknown`.
        checkpoint_every: steps between two checkpoints; None saves none but those of pauses.
        final_loss: where its fake loss falls to.
        overfits_at_step: the step from which on its fake loss on validation rows rises again.
    """

    validating: Seconds = 0.0
    queued: Seconds = 30.0
    running: Seconds = 600.0
    steps: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    outcome: Literal["succeeded", "failed", "cancelled"] = "succeeded"
    error: JobError | None = None
    fails_at_step: Annotated[int, Field(ge=0)] | None = None
    pauses_at_step: Annotated[int, Field(ge=1)] | None = None
    cancelling: Seconds = 0.0
    cancel_too_late: bool = False
    names_model_after: Seconds = 0.0
    words: Mapping[JobStatus, str] = {}
    checkpoint_every: Annotated[int, Field(ge=1)] | None = 25
    final_loss: Annotated[float, Field(gt=0)] = 0.5
    overfits_at_step: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _failing(cls, data: object) -> object:
        """Who says where or why it fails need not say that it does."""
        if isinstance(data, Mapping) and "outcome" not in data:
            given: Mapping[str, object] = data  # pyright: ignore[reportUnknownVariableType]
            if any(given.get(name) is not None for name in ("fails_at_step", "error")):
                return {**given, "outcome": "failed"}
        return data  # pyright: ignore[reportUnknownVariableType]

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in ("fails_at_step", "error"):
            if self.outcome != "failed" and getattr(self, name) is not None:
                raise ValueError(f"`{name}` is given and `outcome` is {self.outcome!r}")
        for name in ("fails_at_step", "overfits_at_step"):
            if (getattr(self, name) or 0) > self.steps:
                raise ValueError(f"`{name}` is {getattr(self, name)} of {self.steps} `steps`")
        if self.pauses_at_step and self.pauses_at_step >= self.last_step:
            raise ValueError(
                f"`pauses_at_step` is {self.pauses_at_step}, and it ends at {self.last_step}"
            )
        if self.pauses_at_step and not self.running:
            raise ValueError("`pauses_at_step` is given, and `running` is 0 seconds")
        return self

    def status(self, age: float) -> JobStatus:
        """Where a job of this age stands."""
        return next((status for end, status in self._stages() if age < end), self.end)

    def step(self, age: float) -> int:
        """Optimizer steps that a job of this age has done."""
        if age < self.begins:
            return 0
        share = 1.0 if self.running == 0 else min((age - self.begins) / self.running, 1.0)
        # A sum of floats may lie a hair below the step that it is.
        return min(math.floor(share * self.steps + 1e-9), self.last_step)

    def age(self, step: int) -> float:
        """Seconds from its creation until it has done so many steps."""
        return self.begins + self.running * step / self.steps

    @property
    def begins(self) -> float:
        """Seconds from its creation until it runs."""
        return self.validating + self.queued

    @property
    def end(self) -> JobStatus:
        """What it ends with."""
        return JobStatus(self.outcome)

    @property
    def last_step(self) -> int:
        """The step that it ends with."""
        return self.steps if self.fails_at_step is None else self.fails_at_step

    @property
    def duration(self) -> float:
        """Seconds from its creation to its end."""
        return self.age(self.last_step)

    def _stages(self) -> Iterator[tuple[float, JobStatus]]:
        yield self.validating, JobStatus.VALIDATING
        yield self.begins, JobStatus.QUEUED
        yield self.duration, JobStatus.RUNNING


class DeploymentScript(Value):
    """The timetable of one fake deployment, in seconds of the provider's clock.

    Attributes:
        creating: seconds until it is ready, or has failed; as many again after a pause.
        outcome: what it comes to.
        error: the reason, where it fails now or later.
        breaks_after: seconds that it is ready until it fails after all.
    """

    creating: Seconds = 0.0
    outcome: Literal["ready", "failed"] = "ready"
    error: JobError | None = None
    breaks_after: Seconds | None = None

    def status(self, age: float) -> DeploymentStatus:
        """Where one of this age stands."""
        if age < self.creating:
            return DeploymentStatus.CREATING
        broken = self.breaks_after is not None and age >= self.creating + self.breaks_after
        return DeploymentStatus.FAILED if broken else DeploymentStatus(self.outcome)
