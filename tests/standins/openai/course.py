"""How a job goes by the clock, and the numbers that it shows meanwhile."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache
from typing import Literal


def _usual_error() -> dict[str, object]:
    return {
        "code": "server_error",
        "message": "The job failed due to an internal error.",
        "param": None,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCourse:
    """The timetable of one job, in seconds of the service's clock.

    Attributes:
        pausing: seconds that it reads `pausing` before it reads `paused`.
        error: what the job's `error` reads where it fails: any JSON.
        model_after: seconds that `fine_tuned_model` stays null after `succeeded`.
        served_after: seconds until the model answers, from when it is named.
        checkpoints_every: steps between two checkpoints; None makes none.
        result: how the result file comes.
        chatter: events of no interest at each step.
    """

    validating: float = 10.0
    queued: float = 20.0
    running: float = 600.0
    steps: int = 100
    pausing: float = 0.0
    outcome: Literal["succeeded", "failed", "cancelled"] = "succeeded"
    error: object = field(default_factory=_usual_error)
    model_after: float = 0.0
    served_after: float = 0.0
    checkpoints_every: int | None = 25
    result: Literal["plain", "base64", "none"] = "plain"
    chatter: int = 0

    @property
    def start(self) -> float:
        """Its age when it begins to run."""
        return self.validating + self.queued

    @property
    def end(self) -> float:
        """Its age when it ends by itself."""
        return self.start + self.running

    def status(self, age: float) -> str:
        if age >= self.end:
            return self.outcome
        if age >= self.start:
            return "running"
        return "queued" if age >= self.validating else "validating_files"

    def step(self, age: float) -> int:
        """Steps that are done at this age."""
        if age < self.start:
            return 0
        share = 1.0 if self.running <= 0 else min((age - self.start) / self.running, 1.0)
        # What `age` says of a step must be its age here, too, whatever floats make of it.
        return min(math.floor(share * self.steps + 1e-9), self.steps)

    def age(self, step: int) -> float:
        """The age at which a step is done."""
        return self.start + self.running * step / max(self.steps, 1)

    def checkpoints(self) -> list[int]:
        """The steps that are kept: the last three."""
        every = self.checkpoints_every
        return [] if not every else list(range(every, self.steps + 1, every))[-3:]


def invalid(course: JobCourse, error: dict[str, object]) -> JobCourse:
    """The course of a job whose file is no good: it ends where it would be queued."""
    return JobCourse(
        validating=course.validating, queued=0, running=0, steps=0, outcome="failed", error=error
    )


def metrics(step: int, *, validated: bool) -> dict[str, float]:
    """Numbers that look like those of a training, the same ones each time."""
    loss = round(0.5 + 2.0 * math.exp(-step / 25), 5)
    found = {"train_loss": loss, "train_mean_token_accuracy": round(1 / (1 + loss), 5)}
    if validated:
        found |= {"valid_loss": round(loss + 0.1, 5)}
        found |= {"valid_mean_token_accuracy": round(1 / (1.1 + loss), 5)}
    return found


def full(found: dict[str, float]) -> dict[str, float]:
    """With those over the whole validation file, which a checkpoint has."""
    over_all = {f"full_{key}": value for key, value in found.items() if key.startswith("valid_")}
    return {**found, **over_all}


@cache
def result_csv(steps: int, *, validated: bool) -> bytes:
    """What the result file says."""
    lines = ["step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy"]
    for step in range(1, steps + 1):
        cells = [f"{value}" for value in metrics(step, validated=validated).values()]
        lines.append(",".join([str(step), *cells, *[""] * (4 - len(cells))]))
    return ("\n".join(lines) + "\n").encode()
