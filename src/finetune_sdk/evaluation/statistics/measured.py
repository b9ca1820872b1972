"""A measure of one candidate as sums over rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from finetune_sdk.evaluation.packages import package
from finetune_sdk.types.comparison import Answer, ComparedRow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Marks = NDArray[np.bool_]

MACRO = ("precision", "recall", "f1")
"""Means over labels, which no single answer has."""


@dataclass(frozen=True, eq=False)
class Measured:
    """A measure that follows from sums over rows: so do means, and F1 too.

    Attributes:
        measure: its name.
        columns: what is summed, rows x k; a matrix, also a sparse one.
        value: the measure, [...] of sums [..., k].
        points: what each row counts by itself, for telling the better row of two.
        graded: the rows that count.
    """

    measure: str
    columns: Any
    value: Callable[[Numbers], Numbers]
    points: Numbers
    graded: Marks


def measured(
    measure: str, name: str, rows: Sequence[ComparedRow], *, labels: Sequence[str] = ()
) -> Measured:
    """A measure of a candidate's answers.

    Args:
        measure: its name.
        name: the candidate's.
        rows: all of them.
        labels: of the classification; empty where there is none.
    """
    answers = [row.answers.get(name, Answer()) for row in rows]
    if labels and measure in MACRO:
        return _macro(measure, rows, answers, labels)
    return _mean(measure, [one.scores.get(measure) for one in answers])


def _mean(measure: str, scores: Sequence[float | None]) -> Measured:
    np = package("numpy")
    graded = np.array([one is not None for one in scores], dtype=bool)
    points = np.array([one or 0.0 for one in scores], dtype=float)
    columns = np.stack([points, np.ones(len(points))], axis=1)
    return Measured(measure, columns, lambda sums: sums[..., 0] / sums[..., 1], points, graded)


def _macro(
    measure: str, rows: Sequence[ComparedRow], answers: Sequence[Answer], labels: Sequence[str]
) -> Measured:
    """A mean over labels, as `sklearn.metrics` has it with `average="macro", zero_division=0`.

    Each label has three columns: answered rightly, answered, expected. A label that a drawing
    happens to have no row of is left out of its mean; one that no row at all expects counts as 0.
    """
    np, sparse = package("numpy"), package("scipy.sparse")
    place, count = {label: at for at, label in enumerate(labels)}, len(labels)
    graded = np.array([_counts(*both) for both in zip(rows, answers, strict=True)], dtype=bool)
    wanted = np.array([place.get(row.label or "", -1) for row in rows], dtype=int)
    given = np.array([place.get(one.label or "", -1) for one in answers], dtype=int)
    right = (wanted == given) & (wanted >= 0)
    marks = [(given, right, 0), (given, given >= 0, count), (wanted, wanted >= 0, 2 * count)]
    where = [(np.flatnonzero(mask), at[mask] + start) for at, mask, start in marks]
    lines, cells = (np.concatenate(parts) for parts in zip(*where, strict=True))
    columns = sparse.csr_array(
        (np.ones(len(lines)), (lines, cells)), shape=(len(rows), 3 * count), dtype=float
    )
    never = ~np.isin(np.arange(count), wanted)
    return Measured(measure, columns, _means(measure, never), right.astype(float), graded)


def _counts(row: ComparedRow, answer: Answer) -> bool:
    return row.label is not None and "accuracy" in answer.scores


def _means(measure: str, never: Marks) -> Callable[[Numbers], Numbers]:
    np = package("numpy")

    def mean(sums: Numbers) -> Numbers:
        right, given, wanted = np.split(sums, 3, axis=-1)
        over = {"precision": given, "recall": wanted, "f1": (given + wanted) / 2}[measure]
        shares = np.divide(right, over, out=np.zeros_like(right), where=over > 0)
        counted = (wanted > 0) | never
        share: Numbers = (shares * counted).sum(axis=-1) / counted.sum(axis=-1)
        return share

    return mean
