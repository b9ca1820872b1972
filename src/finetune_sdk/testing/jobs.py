"""A fake job: what its script and the clock make of it at any moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from finetune_sdk.testing.clock import VirtualClock
from finetune_sdk.testing.script import JobScript, fake_loss
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
    cancelled_at: datetime | None = None
    word: str | None = None
    _pauses: list[_Pause] = field(default_factory=list[_Pause])

    # What is done to it.

    def pause(self) -> None:
        if not self.status.terminal and not self._paused:
            self._pauses.append(_Pause(self.age, self.clock.now()))

    def resume(self) -> None:
        if self._paused and self.cancelled_at is None:
            self._pauses[-1].ended = self.clock.now()

    def cancel(self) -> None:
        if not self.status.terminal:
            self.cancelled_at = self.clock.now()

    # Where it stands.

    @property
    def age(self) -> float:
        """Seconds since its creation that it did not stand still."""
        stands = self._pauses[-1].began if self._paused else None
        end = stands or self.cancelled_at or self.clock.now()
        return (end - self.created_at).total_seconds() - sum(one.seconds for one in self._pauses)

    @property
    def status(self) -> JobStatus:
        if self.word is not None:
            return _KNOWN.get(self.word.lower(), JobStatus.UNKNOWN)
        if self.cancelled_at is not None:
            return JobStatus.CANCELLED
        return JobStatus.PAUSED if self._paused else self.script.status(self.age)

    @property
    def step(self) -> int:
        return self.script.step(self.age)

    @property
    def finished_at(self) -> datetime:
        # A word of the test's may end it before its script does.
        return self.cancelled_at or min(self._moment(self.script.duration), self.clock.now())

    @property
    def model_name(self) -> str:
        """What comes out of it, under a name that nobody takes for a model."""
        return f"fake:{self.spec.model}:{self.spec.suffix or 'model'}:{self.id}"

    @property
    def _paused(self) -> bool:
        return bool(self._pauses) and self._pauses[-1].ended is None

    def _moment(self, age: float) -> datetime:
        """When it was so old."""
        still = sum(one.seconds for one in self._pauses if one.age < age)
        return self.created_at + timedelta(seconds=age + still)

    # What it tells.

    def job(self) -> Job:
        """It as the provider tells it now."""
        spec, status, step = self.spec, self.status, self.step
        failed = JobError(code="scripted", message="the script says so")
        progress = JobProgress(step=step, steps=self.script.steps, loss=fake_loss(step))
        return Job(
            id=self.id,
            provider=self.provider,
            status=status,
            raw_status=self.word or status.value,
            model=spec.model,
            method=spec.method,
            fine_tuned_model=self.model_name if status is JobStatus.SUCCEEDED else None,
            training_file=spec.training_file,
            validation_file=spec.validation_file,
            created_at=self.created_at,
            finished_at=self.finished_at if status.terminal else None,
            suffix=spec.suffix,
            seed=spec.seed,
            metadata=spec.metadata,
            progress=progress if step else None,
            error=(self.script.error or failed) if status is JobStatus.FAILED else None,
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
        told = sorted(self._told(), key=lambda one: one[0])
        return [
            JobEvent(id=f"ev-{self.id}-{number}", created_at=at, message=message)
            for number, (at, message) in enumerate(told)
        ]

    def metrics(self) -> Iterator[Metric]:
        """Its losses, oldest first; on validation rows at each checkpoint, where there are any."""
        saved = (
            {one.step for one in self.checkpoints()} if self.spec.validation_file else set[int]()
        )
        for step in range(1, self.step + 1):
            yield Metric(step=step, name="loss", value=fake_loss(step), unit="fake")
            if step in saved:
                value = _validation_loss(step)
                yield Metric(step=step, name="loss", value=value, split="validation", unit="fake")

    def checkpoints(self) -> list[Checkpoint]:
        """What it saved, newest first: as its script says, and at each pause."""
        every = self.script.checkpoint_every
        steps = set(range(every, self.step + 1, every)) if every else set[int]()
        steps |= {self.script.step(one.age) for one in self._pauses}
        newest = sorted(steps - {0}, reverse=True)
        return [self._checkpoint(step, best=step == newest[0]) for step in newest]

    def _checkpoint(self, step: int, *, best: bool) -> Checkpoint:
        validated = self.spec.validation_file is not None
        metrics = {"loss": fake_loss(step)}
        if validated:
            metrics["validation_loss"] = _validation_loss(step)
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

    def _told(self) -> Iterator[tuple[datetime, str]]:
        yield self.created_at, "the fake job is created: nothing will be trained"
        if self.age >= self.script.queued:
            yield self._moment(self.script.queued), "the fake job runs"
        for one in self._pauses:
            yield one.began, f"the fake job is paused at step {self.script.step(one.age)}"
            if one.ended is not None:
                yield one.ended, "the fake job goes on"
        if self.status.terminal:
            yield self.finished_at, f"the fake job has {self.status.value}"


def _validation_loss(step: int) -> float:
    return fake_loss(step) + 0.1
