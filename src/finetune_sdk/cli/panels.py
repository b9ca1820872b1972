"""What of a job's numbers is worth a look: at most three curves over its steps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from finetune_sdk.types import Metric

Point = tuple[int, float]
Split = Literal["train", "validation"]

_MOST = 3
_TELLING = ("loss", "reward", "rewards_accuracies", "accuracy", "rewards_margins")
"""Metrics in the order in which they are worth a panel."""
_RATE = "learning_rate"


@dataclass
class Panel:
    """One number over the steps, on rows that are learned and on rows that are not."""

    name: str
    unit: str | None
    points: dict[Split, list[Point]] = field(default_factory=dict[Split, list[Point]])

    @property
    def title(self) -> str:
        """The name and the unit, in words."""
        words = self.name.replace("_", " ")
        return f"{words} ({self.unit})" if self.unit else words

    @property
    def compared(self) -> bool:
        """It could be of either kind of rows, so it must be told which."""
        return self.name != _RATE

    @property
    def every(self) -> list[Point]:
        """All points; there is one at least."""
        return [point for points in self.points.values() for point in points]


def panels(metrics: Iterable[Metric]) -> list[Panel]:
    """The panels of a job, the most telling one first and the learning rate last."""
    found: dict[str, Panel] = {}
    for metric in metrics:
        if metric.name in (*_TELLING, _RATE):
            panel = found.setdefault(metric.name, Panel(metric.name, metric.unit))
            panel.points.setdefault(metric.split, []).append((metric.step, metric.value))
    rate = [found[_RATE]] if _RATE in found else []
    telling = [found[name] for name in _TELLING if name in found]
    return [*telling[: _MOST - len(rate)], *rate]
