"""One job as Azure keeps it and shows it: its own words, and null where OpenAI has a value."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from tests.standins.openai import JobCourse, StoredJob
from tests.standins.openai.wire import Json, inner

Words = Literal["azure", "openai"]
Shown = Literal["all", "epochs", "none"]
PENDING = {"validating_files": "pending", "queued": "pending"}


def hex32(text: str) -> str:
    """What looks like one of Azure's random names, the same one each time."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


# Without slots: their class could not call its base class.
@dataclass
class AzureJob(StoredJob):
    """The truth about a job.

    Attributes:
        tier: its `trainingType`, as it was given.
        words: whose words its states are.
        shown: which hyperparameters it shows.
        ignored: hyperparameters that it passes over.
        resuming: seconds that it reads `resuming` once it was paused.
    """

    tier: object = None
    words: Words = "azure"
    shown: Shown = "all"
    ignored: frozenset[str] = frozenset()
    resuming: float = 0.0
    resumed: float | None = None

    @property
    def id(self) -> str:
        return f"ftjob-{self.number:032x}"

    @property
    def model(self) -> str:
        base = str(self.asked["model"]).partition(".ft-")[0]
        suffix = f"-{self.asked['suffix']}" if self.asked.get("suffix") else ""
        return f"{base}.ft-{hex32(self.id)}{suffix}"

    def checkpoint_name(self, step: int) -> str:
        return f"ftchkpt-{hex32(f'{self.id} {step}')}"

    def resume(self, now: float) -> None:
        super().resume(now)
        self.resumed = now

    def status(self, now: float) -> str:
        found = super().status(now)
        if found == "running" and self.resumed is not None and now < self.resumed + self.resuming:
            return "resuming"
        return found if self.words == "openai" else PENDING.get(found, found)

    def view(self, now: float) -> Json:
        seen = super().view(now)
        del seen["shared_with_openai"], seen["usage_metrics"]
        failed = seen["status"] == "failed"
        return seen | {
            "updated_at": seen["finished_at"] or int(self.created + now - self.born),
            "organization_id": None,
            "result_files": seen["result_files"] or None,
            "error": seen["error"] if failed else None,
            "seed": self.asked.get("seed"),
            "hyperparameters": self._some(seen["hyperparameters"]),
            "trainingType": _lowered(self.tier),
        }

    def checkpoints(self, now: float) -> list[Json]:
        """Newest first: the last three of a job that succeeded, and one of each pause."""
        made = {row["step_number"]: row for row in super().checkpoints(now)}
        for pause in self.pauses:
            if pause.length(now) >= self.course.pausing:
                step = self.course.step(pause.age)
                made.setdefault(step, self._checkpoint(step, now))
        return [made[step] for step in sorted(made, reverse=True)]

    def _given(self) -> Json:
        given = super()._given()
        return {key: given[key] for key in given if key not in self.ignored}

    def _some(self, every: Json) -> Json | None:
        match self.shown:
            case "all":
                return every
            case "epochs":
                return {key: every[key] for key in every if key == "n_epochs"}
            case "none":
                return None

    def _method(self, now: float) -> Json:
        whole = super()._method(now)
        if self.shown == "all":
            return whole
        # A reinforcement job is none without its grader.
        rest = inner(whole, self.kind)
        rest.pop("hyperparameters")
        return {"type": self.kind, **({self.kind: rest} if rest else {})}

    def _checkpoint(self, step: int, now: float) -> Json:
        return {**super()._checkpoint(step, now), "id": self.checkpoint_name(step)}


def unsafe_data() -> JobCourse:
    """How a job goes whose training data is refused for its content."""
    message = (
        "The provided training data failed RAI checks for harm types: [hate_fairness, self_harm,"
        " violence]. Please fix the data and try again."
    )
    return JobCourse(queued=0, running=0, steps=0, outcome="failed", error=_content(message))


def unsafe_model() -> JobCourse:
    """How a job goes whose model is refused for what it says, once it was trained."""
    message = (
        "This model is unable to be deployed. Model evaluation identified that this fine tuned"
        " model scores above acceptable thresholds for [Violence, Self Harm]."
    )
    return JobCourse(outcome="failed", error=_content(message))


def _content(message: str) -> Json:
    return {"code": "contentFilter", "message": message}


def _lowered(tier: object) -> object:
    return tier[:1].lower() + tier[1:] if isinstance(tier, str) else tier
