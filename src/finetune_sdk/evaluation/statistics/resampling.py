"""Drawing rows anew, and swapping answers, with `scipy.stats`.

What is drawn are the numbers of rows. How often each was drawn, times the rows' columns, are the
sums that a measure follows from: that is quick, and the same for a mean and for F1.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from finetune_sdk.evaluation.packages import package

if TYPE_CHECKING:
    from finetune_sdk.evaluation.statistics.measured import Numbers

CONFIDENCE = 0.95

_DRAWINGS = 4999
_SWAPS = 9999
_CELLS = 2_000_000
# Acceleration takes as many sums as there are rows, each over all rows, and is nothing by then.
_MANY = 2000

Value = Callable[["Numbers"], "Numbers"]


def interval(columns: Any, value: Value, *, seed: int) -> tuple[float, float]:
    """Where a measure lies, 19 times out of 20, by drawing rows with replacement.

    BCa where it is defined and there are at most 2000 rows, else percentiles (Efron and Tibshirani
    1993, "An Introduction to the Bootstrap", chapters 13 and 14).
    """
    np, stats = package("numpy"), package("scipy.stats")
    rows = columns.shape[0]
    number = float(value(total(columns)))
    if rows < 2:
        return number, number

    def drawn(numbers: Any, axis: int = -1) -> Numbers:
        return value(_sums(columns, np.moveaxis(numbers, axis, -1)))

    arguments = {"batch": _batch(rows), "vectorized": True, "confidence_level": CONFIDENCE}
    method = "BCa" if rows <= _MANY else "percentile"
    with _quiet():
        found = stats.bootstrap(
            (np.arange(rows),), drawn, n_resamples=_DRAWINGS, method=method,
            rng=np.random.default_rng(seed), **arguments,
        )  # fmt: skip
        if not np.isfinite(found.confidence_interval).all():
            found = stats.bootstrap(
                (np.arange(rows),), drawn, n_resamples=0, method="percentile",
                bootstrap_result=found, **arguments,
            )  # fmt: skip
    low, high = found.confidence_interval
    # BCa may step over the number itself where few rows differ.
    return min(float(low), number), max(float(high), number)


def chance(
    ours: Any, theirs: Any, value: Callable[[Numbers, Numbers], Numbers], seed: int
) -> float:
    """How often swapping the two answers of rows at random gives a difference as large.

    Rows whose answers count the same do not matter, so that few rows that differ are swapped in
    all ways that there are: exactly, as in a sign test.

    Args:
        ours: columns of one candidate.
        theirs: those of the other, the same rows.
        value: the difference, of the sums of either.
        seed: of the swaps, where they are too many.
    """
    np, stats = package("numpy"), package("scipy.stats")
    all_ours, all_theirs = total(ours), total(theirs)
    apart = theirs - ours
    differing = np.flatnonzero(np.asarray(abs(apart).sum(axis=1)).ravel())
    if len(differing) < 2:  # Swapped or not: as large both times.
        return 1.0
    apart, size = apart[differing], abs(float(value(all_ours, all_theirs))) or 1.0

    def swapped(signs: Any, axis: int = -1) -> Numbers:
        moved = _rows((np.moveaxis(signs, axis, -1) < 0).astype(float), apart)
        # The order of a sum must not make two equal differences unequal.
        rounded: Numbers = np.round(value(all_ours + moved, all_theirs - moved) / size, 9)
        return rounded

    with _quiet():
        found = stats.permutation_test(
            (np.ones(len(differing)),), swapped, permutation_type="samples", vectorized=True,
            n_resamples=_SWAPS, batch=_batch(len(differing)), rng=np.random.default_rng(seed),
        )  # fmt: skip
    return min(1.0, float(found.pvalue))


def total(columns: Any) -> Numbers:
    """The sums over all rows."""
    sums: Numbers = package("numpy").ones(columns.shape[0]) @ columns
    return sums


def _sums(columns: Any, numbers: Any) -> Numbers:
    """Sums over the rows of these numbers, [..., rows drawn] -> [..., k]."""
    np, rows = package("numpy"), columns.shape[0]
    drawings = numbers.reshape(-1, numbers.shape[-1]).astype(int)
    cells = drawings + rows * np.arange(len(drawings))[:, None]
    counts = np.bincount(cells.ravel(), minlength=rows * len(drawings))
    weights = counts.reshape(*numbers.shape[:-1], rows).astype(float)
    return _rows(weights, columns)


def _rows(weights: Any, columns: Any) -> Numbers:
    flat = weights.reshape(-1, weights.shape[-1])
    sums: Numbers = (flat @ columns).reshape(*weights.shape[:-1], columns.shape[1])
    return sums


def _batch(rows: int) -> int:
    return max(1, _CELLS // rows)


def _quiet() -> warnings.catch_warnings[None]:
    """Without scipy's words on drawings that are all the same; they are looked at here."""
    return warnings.catch_warnings(action="ignore")
