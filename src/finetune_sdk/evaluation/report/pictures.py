"""The plots of scores and of what the job has learned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from finetune_sdk.evaluation.report import canvas, words
from finetune_sdk.evaluation.report.canvas import Picture
from finetune_sdk.evaluation.report.svg import COLORS, Labels, inline
from finetune_sdk.types.comparison import Candidate, Comparison, Estimate
from finetune_sdk.types.job import Metric

_FEW = 30
"""Points up to which each is marked: a curve of three says little without."""
_POINTS = 400
"""Points of a curve at most: more are not to be seen, and make a page of megabytes."""


def scores(comparison: Comparison, measure: str, key: str) -> Picture | None:
    """A measure of all candidates, as dots with intervals; None where nobody was measured."""
    found = [one for one in comparison.candidates if measure in one.scores]
    if not found:
        return None
    labels, names = Labels(), [words.label(comparison, one.name) for one in found]
    axes = canvas.lanes(found, names, labels)
    for place, one in enumerate(found):
        _dot(axes, one, one.scores[measure], place)
        canvas.beside(axes, place, words.number(one.scores[measure].value), one)
    _limits(axes, [one.scores[measure] for one in found])
    told = zip(names, (one.scores[measure] for one in found), strict=True)
    seen = "; ".join(
        f"{name} {words.number(score.value)} ({words.interval(score)})" for name, score in told
    )
    title = words.measure(measure)
    svg = inline(axes.figure, key, title=title, description=seen, labels=labels)
    return Picture(title, "", svg)


def _dot(axes: Any, one: Candidate, score: Estimate, place: int) -> None:
    color, mine = canvas.color(one), one.kind == "fine_tuned"
    axes.hlines(place, score.low, score.high, colors=color, linewidth=3.5 if mine else 2)
    mark, size = ("D", 8) if mine else ("o", 7)
    axes.plot(score.value, place, mark, color=color, markersize=size, clip_on=False)


def _limits(axes: Any, estimates: Sequence[Estimate]) -> None:
    lowest, highest = min(one.low for one in estimates), max(one.high for one in estimates)
    if lowest >= 0 and highest <= 1:
        axes.set_xlim(0, 1)
        return
    room = 0.05 * (highest - lowest) or 1
    axes.set_xlim(lowest - room, highest + room)


def loss(comparison: Comparison, key: str) -> Picture | None:
    """What the job lost on its way; None where nobody tells."""
    curves = {
        split: found
        for split in ("train", "validation")
        if (found := [one for one in comparison.learning if _is_loss(one, split)])
    }
    if not curves:
        return None
    axes = canvas.plain()
    for split, metrics in curves.items():
        _curve(axes, split, metrics)
    _frame(axes)
    seen = "; ".join(_from_to(split, metrics) for split, metrics in curves.items())
    svg = inline(axes.figure, key, title="Loss", description=seen, labels=Labels())
    size = max(map(_size, curves.values()))
    note = f"each point is the mean of {size} measurements" if size > 1 else ""
    return Picture("Loss of the training", note, svg)


def _is_loss(metric: Metric, split: str) -> bool:
    return metric.name == "loss" and metric.split == split


def _curve(axes: Any, split: str, metrics: Sequence[Metric]) -> None:
    points = list(_thinned(metrics))
    held_out = split == "validation"
    axes.plot(
        *zip(*points, strict=True),
        "--" if held_out else "-",
        marker="o" if held_out or len(points) <= _FEW else None,
        markersize=4,
        color=COLORS["tuned" if held_out else "other"],
        label=split,
    )


def _frame(axes: Any) -> None:
    axes.set_xlabel("optimizer step")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_ylabel("loss")
    low, high = axes.get_ylim()
    if low < high / 2:
        axes.set_ylim(bottom=min(low, 0) if low < -0.1 * high else 0)
    axes.legend()


def _size(metrics: Sequence[Metric]) -> int:
    return -(-len(metrics) // _POINTS)


def _thinned(metrics: Sequence[Metric]) -> Iterator[tuple[float, float]]:
    size = _size(metrics)
    for start in range(0, len(metrics), size):
        some = metrics[start : start + size]
        yield sum(one.step for one in some) / len(some), sum(one.value for one in some) / len(some)


def _from_to(split: str, metrics: Sequence[Metric]) -> str:
    first, last = metrics[0], metrics[-1]
    return (
        f"{split}: from {words.number(first.value)} at step {first.step} "
        f"to {words.number(last.value)} at step {last.step}"
    )
