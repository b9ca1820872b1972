"""The words of `jobs.sweep`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.resources.drafting import check_limit
from finetune_sdk.resources.plain import is_a
from finetune_sdk.resources.request import JobRequest, Rows
from finetune_sdk.resources.waiting import Patience
from finetune_sdk.types import Checkpoint, Goal, Job, Method, ProviderOptions, Split, Trial


@dataclass(frozen=True, kw_only=True)
class SweepRequest:
    """The words of `jobs.sweep`, documented there."""

    model: str | Job | Checkpoint
    training_data: Rows
    validation_data: Rows | None = None
    method: Method | None = None
    grid: Mapping[str, Sequence[object]] | None = None
    trials: Sequence[Mapping[str, object]] | None = None
    at_once: int = 2
    max_cost: float | None = None
    metric: str | None = "loss"
    split: Split | None = None
    goal: Goal | None = None
    name: str | None = None
    suffix: str | None = None
    seed: int | None = None
    metadata: Mapping[str, str] | None = None
    options: Sequence[ProviderOptions] = ()
    allow: Collection[str] = ()
    strict: bool = True
    plan_only: bool = False
    patience: Patience = field(default_factory=Patience)
    on_trial: Callable[[Trial], None] | None = None

    @property
    def rows(self) -> Split:
        """The rows that the metric is measured on."""
        return self.split or ("train" if self.validation_data is None else "validation")

    @property
    def best_is(self) -> Goal:
        """Whether less of the metric is better, or more."""
        return self.goal or _GOALS.get(_kind(self.metric), "min")

    def job(self, method: Method | None, seed: int | None) -> JobRequest:
        """The words of one job."""
        return JobRequest(
            model=self.model,
            training_data=self.training_data,
            validation_data=self.validation_data,
            method=method,
            suffix=self.suffix,
            seed=seed,
            metadata=self.metadata,
            options=self.options,
            allow=self.allow,
            strict=self.strict,
        )


_GOALS: Mapping[str, Goal] = {
    "loss": "min",
    "accuracy": "max",
    "accuracies": "max",
    "reward": "max",
    "rewards": "max",
}
"""By the last word of a metric's name; of others nobody knows it without being told."""


def _kind(metric: str | None) -> str:
    return (metric or "loss").rpartition("_")[2]


def check(request: SweepRequest) -> None:
    """What can be said of the words before anything is read.

    Raises:
        ConfigurationError: one is wrong.
    """
    check_limit(request.max_cost)
    if not is_a(request.at_once, int) or is_a(request.at_once, bool) or request.at_once < 1:
        raise ConfigurationError(f"`at_once` is {request.at_once!r:.80}; it is 1 or more")
    if request.name is not None and not _is_text(request.name):
        raise ConfigurationError(f"`name` is {request.name!r:.80}; it takes a text")
    _check_metric(request)


def _is_text(value: object) -> bool:
    """A text that says something, and that the result can be written with."""
    if not isinstance(value, str) or not value.strip():
        return False
    # Arguments of a shell that are not UTF-8 come as halves of surrogate pairs.
    return not any("\ud800" <= letter <= "\udfff" for letter in value)


def _check_metric(request: SweepRequest) -> None:
    metric, split, goal = request.metric, request.split, request.goal
    if metric is not None and not _is_text(metric):
        raise ConfigurationError(f"`metric` is {metric!r:.80}; it takes a name, as in 'loss'")
    if split not in ("train", "validation", None):
        raise ConfigurationError(f"`split` is {split!r:.80}; it takes 'train' or 'validation'")
    if split == "validation" and request.validation_data is None:
        raise ConfigurationError(
            "`split` is 'validation' and there is no `validation_data` to measure on; give some"
        )
    if goal not in ("min", "max", None):
        raise ConfigurationError(f"`goal` is {goal!r:.80}; it takes 'min' or 'max'")
    if goal is None and _kind(metric) not in _GOALS:
        raise ConfigurationError(
            f"nobody knows whether less or more of `{metric:.80}` is better; say `goal`: 'min' "
            "or 'max'"
        )
