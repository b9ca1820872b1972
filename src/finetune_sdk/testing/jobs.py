"""A fake job: what its script and the clock make of it at any moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from finetune_sdk.testing import curve
from finetune_sdk.testing.clock import VirtualClock
from finetune_sdk.testing.script import SCRIPTED, JobScript
from finetune_sdk.types import (
    Checkpoint,
    Job,
    JobError,
    JobEvent,
    JobProgress,
    JobSpec,
    JobStatus,
    Metric,
    Model,
)

_Told = tuple[datetime, str, Literal["info", "warning", "error"]]
"""When, what, and how loud."""

_KNOWN = {status.value: status for status in JobStatus}


@dataclass
class _Pause:
    """From `began` to `ended` the job stood still, `age` seconds old."""

    age: float
    began: datetime
    ended: datetime | None = None

    @property
    def seconds(self) -> float:
        return (self.ended - self.began).total_seconds() if self.ended else 0.0


@dataclass
class FakeJob:
    """One job of a FakeProvider.

    Attributes:
        provider: the name of the provider whose job it is.
        word: what the job's status reads instead of what is so.
    """

    spec: JobSpec
    id: str
    provider: str
    script: JobScript
    clock: VirtualClock
    created_at: datetime
    word: str | None = None
    _cancel_asked: datetime | None = None
    _hurried: datetime | None = None
    _script_paused: bool = False
    _pauses: list[_Pause] = field(default_factory=list[_Pause])

    # What is done to it.

    def pause(self) -> None:
        ending = self.status.terminal or self._cancel_asked is not None
        if not ending and not self._paused:
            self._pauses.append(_Pause(self.age, self.clock.now()))

    def resume(self) -> None:
        if self._paused and self._cancel_asked is None:
            self._pauses[-1].ended = self.clock.now()

    def cancel(self) -> None:
        if self.status.terminal or self._cancel_asked is not None:
            return
        if self.script.cancel_too_late and not self._paused:
            self._hurried = self.clock.now()
        else:
            self._cancel_asked = self.clock.now()

    # Where it stands.

    @property
    def age(self) -> float:
        """Seconds since its creation that it did not stand still."""
        self._follow_script()
        return self._elapsed()

    @property
    def status(self) -> JobStatus:
        return self._told_as(self._status)[0]

    @property
    def step(self) -> int:
        return self.script.step(self.age)

    @property
    def cancelled_at(self) -> datetime | None:
        """When a cancel ends it; None where it ends by itself before that."""
        if self._cancel_asked is None:
            return None
        end = self._cancel_asked + timedelta(seconds=self.script.cancelling)
        outrun = not self._paused and self._moment(self.script.duration) <= end
        return None if outrun else end

    @property
    def finished_at(self) -> datetime:
        # A word of the test's may end it before its script does.
        return min(self.cancelled_at or self._moment(self.script.duration), self.clock.now())

    @property
    def model_name(self) -> str:
        """What comes out of it, under a name that nobody takes for a model."""
        return f"fake:{self.spec.model}:{self.spec.suffix or 'model'}:{self.id}"

    @property
    def _status(self) -> JobStatus:
        """Where it stands in our words, whatever the service calls it."""
        self._follow_script()
        end = self.cancelled_at
        if end is not None and end <= self.clock.now():
            return JobStatus.CANCELLED
        reached = JobStatus.PAUSED if self._paused else self.script.status(self.age)
        cancelling = self._cancel_asked is not None and not reached.terminal
        return JobStatus.CANCELLING if cancelling else reached

    @property
    def _paused(self) -> bool:
        return bool(self._pauses) and self._pauses[-1].ended is None

    def _elapsed(self) -> float:
        if self._hurried is not None:
            return self.script.duration
        stands = self._pauses[-1].began if self._paused else None
        end = stands or min(self.cancelled_at or self.clock.now(), self.clock.now())
        return (end - self.created_at).total_seconds() - sum(one.seconds for one in self._pauses)

    def _told_as(self, status: JobStatus) -> tuple[JobStatus, str]:
        """What the service calls a state, and how that is read."""
        word = self.word or self.script.words.get(status)
        if word is None:
            return status, status.value
        return _KNOWN.get(word.lower(), JobStatus.UNKNOWN), word

    def _follow_script(self) -> None:
        """Somebody else has paused it, where the script says so and its time has come."""
        step = self.script.pauses_at_step
        if step is None or self._script_paused or self._paused or self._cancel_asked is not None:
            return
        age = self.script.age(step)
        if age <= self._elapsed() and age < self.script.duration:
            self._script_paused = True
            self._pauses.append(_Pause(age, self._moment(age)))

    def _moment(self, age: float) -> datetime:
        """When it was so old."""
        still = sum(one.seconds for one in self._pauses if one.age < age)
        usual = self.created_at + timedelta(seconds=age + still)
        return usual if self._hurried is None else min(usual, self._hurried)

    # What it tells.

    def job(self) -> Job:
        """It as the provider tells it now."""
        spec, step = self.spec, self.step
        status, word = self._told_as(self._status)
        progress = JobProgress(step=step, steps=self.script.steps, loss=self._loss(step))
        return Job(
            id=self.id,
            provider=self.provider,
            status=status,
            raw_status=word,
            model=spec.model,
            method=spec.method,
            fine_tuned_model=self.model_name if self._names_model(status) else None,
            training_file=spec.training_file,
            validation_file=spec.validation_file,
            created_at=self.created_at,
            finished_at=self.finished_at if status.terminal else None,
            suffix=spec.suffix,
            seed=spec.seed,
            metadata=spec.metadata,
            progress=progress if step else None,
            error=self._error if status is JobStatus.FAILED else None,
        )

    def model(self) -> Model:
        """What came out of it."""
        return Model(
            id=self.model_name,
            provider=self.provider,
            kind="fine_tuned",
            base_model=self.spec.model,
            job_id=self.id,
            created_at=self.finished_at,
        )

    def events(self) -> list[JobEvent]:
        """What it said, oldest first."""
        self._follow_script()
        told = sorted(self._told(), key=lambda one: one[0])
        return [
            JobEvent(id=f"ev-{self.id}-{number}", created_at=at, message=message, level=level)
            for number, (at, message, level) in enumerate(told)
        ]

    def metrics(self, after: int = 0) -> Iterator[tuple[int, Metric]]:
        """Its losses, oldest first; on validation rows at each checkpoint, where there are any.

        Args:
            after: numbers up to it are left out; those of a step are twice it, and one more.
        """
        validated = set(self._saved()) if self.spec.validation_file else set[int]()
        for step in range(max(after // 2, 1), self.step + 1):
            yield 2 * step, self._metric(step, self._loss(step), "train")
            if step in validated:
                yield 2 * step + 1, self._metric(step, self._validation_loss(step), "validation")

    def _metric(self, step: int, value: float, split: Literal["train", "validation"]) -> Metric:
        return Metric(step=step, name="loss", value=value, split=split, unit=curve.UNIT)

    def checkpoints(self) -> list[Checkpoint]:
        """What it saved, newest first: as its script says, and at each pause."""
        saved = self._saved()
        best = min(saved, key=self._validation_loss, default=None)
        return [self._checkpoint(step, best=step == best) for step in reversed(saved)]

    def _checkpoint(self, step: int, *, best: bool) -> Checkpoint:
        validated = self.spec.validation_file is not None
        metrics = {"loss": self._loss(step)}
        if validated:
            metrics["validation_loss"] = self._validation_loss(step)
        return Checkpoint(
            id=f"ckpt-{self.id}-{step}",
            job_id=self.id,
            provider=self.provider,
            model=f"{self.model_name}:step-{step}",
            step=step,
            created_at=self._moment(self.script.age(step)),
            metrics=metrics,
            best=best and validated,
        )

    def _told(self) -> Iterator[_Told]:
        yield self.created_at, "the fake job is created: nothing will be trained", "info"
        if self.age >= self.script.begins:
            yield self._moment(self.script.begins), "the fake job runs", "info"
        for one in self._pauses:
            step = self.script.step(one.age)
            yield one.began, f"the fake job is paused at step {step}", "info"
            if one.ended is not None:
                yield one.ended, "the fake job goes on", "info"
        if self.status is JobStatus.FAILED:
            why = f"at step {self.step}: {self._error.message}"
            yield self.finished_at, f"the fake job has failed {why}", "error"
        elif self.status.terminal:
            yield self.finished_at, f"the fake job has {self.status.value}", "info"

    def _saved(self) -> list[int]:
        """The steps of its checkpoints."""
        every = self.script.checkpoint_every
        steps = set(range(every, self.step + 1, every)) if every else set[int]()
        return sorted((steps | {self.script.step(one.age) for one in self._pauses}) - {0})

    def _names_model(self, status: JobStatus) -> bool:
        delay = timedelta(seconds=self.script.names_model_after)
        return status is JobStatus.SUCCEEDED and self.clock.now() >= self.finished_at + delay

    def _loss(self, step: int) -> float:
        return curve.training_loss(self.script, self.spec.seed, step)

    def _validation_loss(self, step: int) -> float:
        return curve.validation_loss(self.script, self.spec.seed, step)

    @property
    def _error(self) -> JobError:
        return self.script.error or SCRIPTED
