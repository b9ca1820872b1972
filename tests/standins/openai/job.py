"""One job as the service keeps it; all that it shows follows from the clock."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.standins.openai.course import JobCourse, full, metrics
from tests.standins.openai.wire import Json, inner

ORGANIZATION = "org-standin"
NO_ERROR = {"code": None, "message": None, "param": None}
"""What the live service says where the specification says null."""


@dataclass(slots=True)
class Pause:
    """From when to when, and how old the job was."""

    age: float
    start: float
    end: float | None = None

    def length(self, until: float) -> float:
        return max((until if self.end is None else self.end) - self.start, 0.0)


@dataclass(slots=True)
class StoredJob:
    """The truth about a job.

    Attributes:
        asked: the body that created it, with the model's full name.
        born: the monotonic clock at its creation; its age counts from here.
        created: the wall clock at its creation.
        tokens: what it will have trained on.
        notes: events that its course does not foresee, by their place in the row of all.
    """

    number: int
    asked: Json
    course: JobCourse
    born: float
    created: float
    tokens: int = 0
    result_id: str | None = None
    cancelled: float | None = None
    pauses: list[Pause] = field(default_factory=list[Pause])
    notes: dict[int, tuple[float, str]] = field(default_factory=dict[int, tuple[float, str]])
    result_made: bool = False

    @property
    def id(self) -> str:
        return f"ftjob-{self.number:024d}"

    @property
    def model(self) -> str:
        """The name of what it makes."""
        suffix = self.asked.get("suffix") or ""
        base = str(self.asked["model"]).removeprefix("ft:").partition(":")[0]
        return f"ft:{base}:standin:{suffix}:{self.number:08d}"

    @property
    def metadata(self) -> dict[str, str]:
        return self.asked.get("metadata") or {}

    @property
    def validated(self) -> bool:
        """It has a validation file."""
        return self.asked.get("validation_file") is not None

    @property
    def paused(self) -> Pause | None:
        return self.pauses[-1] if self.pauses and self.pauses[-1].end is None else None

    def age(self, now: float) -> float:
        """Seconds that it went on; it does not while it is paused."""
        until = now if self.cancelled is None else self.cancelled
        # Rounded: what is a whole second by the clock is one here, whatever floats make of it.
        return round(until - self.born - sum(p.length(until) for p in self.pauses), 6)

    def time(self, age: float, until: float) -> int:
        """The wall clock when it was of this age."""
        pauses = sum(pause.length(until) for pause in self.pauses if pause.age < age)
        return int(self.created + age + pauses)

    def pause(self, now: float) -> None:
        self.pauses.append(Pause(self.age(now), now))

    def resume(self, now: float) -> None:
        if (pause := self.paused) is not None:
            pause.end = now

    def cancel(self, now: float) -> None:
        self.resume(now)
        self.cancelled = now

    def status(self, now: float) -> str:
        if self.cancelled is not None:
            return "cancelled"
        if (pause := self.paused) is not None:
            return "pausing" if now - pause.start < self.course.pausing else "paused"
        return self.course.status(self.age(now))

    def ended(self, now: float) -> bool:
        return self.status(now) in ("succeeded", "failed", "cancelled")

    def finished_at(self, now: float) -> int | None:
        if not self.ended(now):
            return None
        if self.cancelled is not None:
            return int(self.created + self.cancelled - self.born)
        return self.time(self.course.end, now)

    def named(self, now: float) -> bool:
        """Its model has a name by now."""
        late = self.course.end + self.course.model_after
        return self.status(now) == "succeeded" and self.age(now) >= late

    def served(self, now: float) -> bool:
        """Its model answers by now."""
        return self.named(now) and self.age(now) >= (
            self.course.end + self.course.model_after + self.course.served_after
        )

    def view(self, now: float) -> Json:
        """What the wire shows of it."""
        status, done = self.status(now), self.status(now) == "succeeded"
        return {
            "object": "fine_tuning.job",
            "id": self.id,
            "model": self.asked["model"],
            "created_at": int(self.created),
            "finished_at": self.finished_at(now),
            "fine_tuned_model": self.model if self.named(now) else None,
            "organization_id": ORGANIZATION,
            "result_files": [self.result_id] if done and self.result_id else [],
            "status": status,
            "validation_file": self.asked.get("validation_file"),
            "training_file": self.asked["training_file"],
            "hyperparameters": self._hyperparameters(now) if self.kind == "supervised" else {},
            "trained_tokens": self.tokens if done else None,
            "error": self.course.error if status == "failed" else NO_ERROR,
            "user_provided_suffix": self.asked.get("suffix"),
            "seed": self.seed,
            "estimated_finish": self.time(self.course.end, now) if status == "running" else None,
            "integrations": self.asked.get("integrations") or [],
            "metadata": self.asked.get("metadata"),
            "method": self._method(now),
            "shared_with_openai": False,
            "usage_metrics": None,
        }

    @property
    def seed(self) -> int:
        given = self.asked.get("seed")
        return self.number * 7919 if given is None else int(given)

    @property
    def kind(self) -> str:
        return str(inner(self.asked, "method").get("type", "supervised"))

    @property
    def epochs(self) -> int:
        given = self._given().get("n_epochs", "auto")
        return 3 if given == "auto" else int(given)

    def _given(self) -> Json:
        method = inner(inner(self.asked, "method"), self.kind)
        return inner(method, "hyperparameters") or inner(self.asked, "hyperparameters")

    def _hyperparameters(self, now: float) -> Json:
        """As they were given; `auto` is decided when the job starts."""
        chosen: Json = {"n_epochs": 3, "batch_size": 1, "learning_rate_multiplier": 1.8}
        given = {**dict.fromkeys(chosen, "auto"), **self._given()}
        if self.age(now) < self.course.start:
            return given
        return {key: chosen.get(key, v) if v == "auto" else v for key, v in given.items()}

    def _method(self, now: float) -> Json:
        rest = inner(inner(self.asked, "method"), self.kind)
        settings = {**rest, "hyperparameters": self._hyperparameters(now)}
        return {"type": self.kind, self.kind: settings}

    def checkpoint_name(self, step: int) -> str:
        """The name of the model that is kept at a step."""
        return f"{self.model}:ckpt-step-{step}"

    def checkpoints(self, now: float) -> list[Json]:
        """Newest first; there are none before it has succeeded."""
        if not self.named(now):
            return []
        return [self._checkpoint(step, now) for step in reversed(self.course.checkpoints())]

    def _checkpoint(self, step: int, now: float) -> Json:
        return {
            "object": "fine_tuning.job.checkpoint",
            "id": f"ftckpt_{self.number:012d}{step:012d}",
            "created_at": self.time(self.course.age(step), now),
            "fine_tuned_model_checkpoint": self.checkpoint_name(step),
            "fine_tuning_job_id": self.id,
            "metrics": {"step": step, **full(metrics(step, validated=self.validated))},
            "step_number": step,
        }
