"""Many jobs of one kind, and which of them came out best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, JsonValue, computed_field

from finetune_sdk.types._base import Document, Value
from finetune_sdk.types.cost import CostEstimate
from finetune_sdk.types.job import Job, JobStatus, Metric

Goal = Literal["min", "max"]
Split = Literal["train", "validation"]


class Trial(Value):
    """One job of a sweep.

    Attributes:
        number: its place in the sweep, from 1.
        values: by name, the hyperparameters and the seed that it differs by from the others.
        job: as it last stood; None where none was made.
        metric: the last number of the sweep's metric that the job measured; None where it has not
            succeeded, or measured none.
        estimate: what it would cost; None where nobody asked, or nobody can tell.
        cost: what it has cost; None where it goes on, or the provider does not tell.
        trouble: why there is no job, or no metric, in words.
    """

    number: Annotated[int, Field(ge=1)]
    values: dict[str, JsonValue]
    job: Job | None = None
    metric: Metric | None = None
    estimate: CostEstimate | None = None
    cost: CostEstimate | None = None
    trouble: str | None = None

    @property
    def status(self) -> str:
        """The job's status; `refused` where the provider made none, `waiting` for its turn."""
        if self.job is not None:
            return self.job.status.value
        return "waiting" if self.trouble is None else "refused"

    @property
    def ended(self) -> bool:
        """Nothing more will come of it."""
        return self.status == "refused" or (self.job is not None and self.job.status.terminal)


class Sweep(Document):
    """Jobs that differ by their values, and which of them came out best.

    Attributes:
        owner: the profile, or the provider, that the jobs are at.
        name: the caller's; None where the call itself names it.
        metric: what the jobs are compared by; None where they are not.
        split: the rows that it is measured on.
        goal: whether less of it is better, or more.
        max_cost: US dollars for all jobs together.
        warnings: what the caller should know: why it is not complete, and how to go on.
    """

    owner: str
    name: str | None = None
    metric: str | None = None
    split: Split = "train"
    goal: Goal = "min"
    trials: tuple[Trial, ...]
    max_cost: float | None = None
    warnings: tuple[str, ...] = ()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def best(self) -> Trial | None:
        """The trial that succeeded with the best metric, the first of equals; None without any."""
        rated = [(one.metric.value, one) for one in self.trials if _counts(one) and one.metric]
        choose = min if self.goal == "min" else max
        return choose(rated, key=lambda pair: pair[0])[1] if rated else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def complete(self) -> bool:
        """Every trial has ended, well or not."""
        return all(one.ended for one in self.trials)

    @property
    def estimate(self) -> CostEstimate | None:
        """What all jobs together would cost; None where it is not known of each."""
        return _sum([one.estimate for one in self.trials])

    @property
    def cost(self) -> CostEstimate | None:
        """What the jobs that were made have cost; None where it is not known of each."""
        return _sum([one.cost for one in self.trials if one.job is not None])


def _counts(trial: Trial) -> bool:
    return trial.job is not None and trial.job.status is JobStatus.SUCCEEDED


def _sum(given: Sequence[CostEstimate | None]) -> CostEstimate | None:
    known = [part for part in given if part is not None]
    if not known or len(known) < len(given):
        return None
    return CostEstimate(
        low=math.fsum(part.low for part in known),
        high=math.fsum(part.high for part in known),
        source="; ".join(dict.fromkeys(part.source for part in known)),
        as_of=min((part.as_of for part in known if part.as_of), default=None),
    )
