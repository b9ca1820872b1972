"""The words of `evaluations.compare`."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from finetune_sdk.datasets.dataset import Source
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.evaluation.scoring import Grade
from finetune_sdk.near import did_you_mean
from finetune_sdk.resources.plain import is_a
from finetune_sdk.types import ChatReply, Checkpoint, Deployment, Job, ProviderOptions, Scorer

Baseline = Literal["base", "few_shot", "retrieved"]

Messages = Sequence[Mapping[str, object]]
Answering = Callable[[Messages], ChatReply | str]
"""A function that answers a conversation."""

Subject = Deployment | str | Answering
"""What is compared: a deployment, its handle, or a function that answers."""


@dataclass(frozen=True, kw_only=True)
class CompareRequest:
    """The words of `evaluations.compare`, documented there."""

    tuned: Job | Checkpoint | Deployment | str
    test_data: Source
    training_data: Source | None = None
    base: Subject | None = None
    others: Mapping[str, Subject]
    baselines: Sequence[Baseline]
    scorers: Sequence[Scorer | Grade]
    shots: int = 3
    temperature: float | None = 0.0
    max_tokens: int | None = None
    seed: int = 0
    concurrency: int | None = None
    require: Sequence[str] = ()
    options: Sequence[ProviderOptions] = ()
    max_cost_per_hour: float | None = None
    folder: str | os.PathLike[str] | None = None
    fresh: bool = False
    progress: bool | None = None

    def check(self) -> None:
        """Looks at the words that nothing else looks at.

        Raises:
            ConfigurationError: one is wrong.
        """
        self._check_numbers()
        for name in ("baselines", "scorers", "require", "options"):
            _list(name, getattr(self, name))
        for name in self.baselines:
            _baseline(name)
        for one in self.require:
            if not is_a(one, str):
                raise ConfigurationError(
                    f"`require` has {one!r:.80}; it takes texts, such as 'exact_match>=0.8'"
                )
        self._check_others()

    def _check_numbers(self) -> None:
        for name, least in (("shots", 1), ("seed", 0)):
            _whole(name, getattr(self, name), least)
        for name in ("concurrency", "max_tokens"):
            if getattr(self, name) is not None:
                _whole(name, getattr(self, name), 1)
        warmth = self.temperature
        if warmth is not None and not (is_a(warmth, int, float) and 0 <= warmth < math.inf):
            raise ConfigurationError(f"`temperature` is {warmth!r:.80}; it is a number, 0 or more")

    def _check_others(self) -> None:
        if not is_a(self.others, Mapping):
            raise ConfigurationError(
                f"`others` is {self.others!r:.80}; it takes names and deployments, as in "
                '{"azure": "azure-eu:recipes"}'
            )
        taken = {*get_args(Baseline), "fine_tuned"}
        for name in self.others:
            if not is_a(name, str) or not name.strip() or name in taken:
                raise ConfigurationError(
                    f"`others` has the name {name!r:.80}; give one of your own, and none of "
                    f"{', '.join(sorted(taken))}"
                )


def _list(name: str, value: object) -> None:
    if not is_a(value, list, tuple):
        raise ConfigurationError(f"`{name}` is {value!r:.80}; it takes a list")


def _baseline(name: object) -> None:
    known = get_args(Baseline)
    if name not in known:
        near = did_you_mean(name, known) if isinstance(name, str) else ""
        raise ConfigurationError(
            f"`baselines` has {name!r:.80}{near}; it takes a list of {', '.join(map(repr, known))}"
        )


def _whole(name: str, value: object, least: int) -> None:
    if is_a(value, bool) or not is_a(value, int) or value < least:  # type: ignore[operator]
        raise ConfigurationError(f"`{name}` is {value!r:.80}; it is a whole number from {least} on")
