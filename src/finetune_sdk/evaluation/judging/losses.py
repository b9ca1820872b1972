"""What the losses of a training say about what to try next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import Literal

from finetune_sdk.types.job import Metric

_FULL, _LOSS = "full_loss", "loss"
_SPANS = 5
# A loss wavers from step to step; less than this is no movement.
_MOVED = 0.02
_APART = 1.5


@dataclass(frozen=True)
class Curve:
    """A loss over the steps, all above 0.

    Attributes:
        steps: at which it was measured, ascending.
        values: nats for a token.
    """

    steps: tuple[int, ...]
    values: tuple[float, ...]

    @property
    def last(self) -> float:
        """At the end, the mean of the last fifth."""
        return self._means[-1]

    @property
    def falls(self) -> bool:
        """It still fell at the end."""
        means = self._means
        return len(means) > 1 and means[-1] < means[-2] * (1 - _MOVED) and means[-1] == min(means)

    @property
    def rises(self) -> bool:
        """It has risen from where it was least."""
        return self.last > min(self._means) * (1 + _MOVED)

    @property
    def is_flat(self) -> bool:
        """It did not move at the end."""
        means = self._means
        return len(means) > 1 and not self.falls and not self.rises

    @property
    def least(self) -> tuple[int, float]:
        """Where it was least: the step, and how much it was."""
        value, step = min(zip(self.values, self.steps, strict=True))
        return step, value

    @property
    def _means(self) -> list[float]:
        """Of up to five spans of equal length: single steps are of single batches."""
        spans = min(_SPANS, len(self.values))
        ends = [round(len(self.values) * at / spans) for at in range(spans + 1)]
        return [fmean(self.values[start:end]) for start, end in pairwise(ends)]


def curve(metrics: Sequence[Metric], split: Literal["train", "validation"]) -> Curve | None:
    """A loss of the training; None where it was not measured twice, or is not above 0.

    Where a provider tells both, the one of all validation rows is taken, not that of single
    batches.
    """
    for name in (_FULL, _LOSS):
        found = {one.step: one.value for one in metrics if (one.name, one.split) == (name, split)}
        if len(found) > 1 and min(found.values()) > 0:
            steps = tuple(sorted(found))
            return Curve(steps, tuple(found[step] for step in steps))
    return None


def apart(train: Curve, validation: Curve) -> bool:
    """The rows that were learned from are known much better than the others."""
    return validation.last > _APART * train.last
