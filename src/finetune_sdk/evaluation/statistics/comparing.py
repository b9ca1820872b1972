"""Estimates, differences, and how many rows would be needed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from finetune_sdk.evaluation.packages import package
from finetune_sdk.evaluation.statistics.measured import Measured
from finetune_sdk.evaluation.statistics.resampling import CONFIDENCE, chance, interval, total
from finetune_sdk.types.comparison import Difference, Estimate, Word

if TYPE_CHECKING:
    from finetune_sdk.evaluation.statistics.measured import Numbers

MIN_ROWS = 20
"""With fewer rows, nothing is told to be better or worse."""

_POWER = 0.8


def estimate(one: Measured, *, seed: int = 0) -> Estimate | None:
    """A measure, and where it lies 19 times out of 20; None where no row was graded.

    Where all rows are right, or all wrong, drawing them anew gives the same for ever; the interval
    is then that of Clopper and Pearson for a share. Of other scores that are all the same nothing
    can be told beyond the score.
    """
    columns, points = one.columns[one.graded], one.points[one.graded]
    rows = len(points)
    if not rows:
        return None
    value, sure = float(one.value(total(columns))), _sure(rows)
    if (points == 1).all():
        # Where no row expects some of the labels, the value is less than 1 and cannot reach it.
        return Estimate(value=value, low=value * sure, high=value, rows=rows)
    if (points == 0).all():
        return Estimate(value=value, low=value, high=1 - sure, rows=rows)
    low, high = interval(columns, one.value, seed=seed)
    return Estimate(value=value, low=low, high=high, rows=rows)


def difference(
    ours: Measured, theirs: Measured, *, against: str, seed: int = 0
) -> Difference | None:
    """What the fine-tuned model has more, on the rows that were graded for both.

    It is told to be better or worse only where the interval leaves out 0, chance alone gives as
    much in less than 1 of 20 swappings, and there are `MIN_ROWS` rows.

    Args:
        ours: the fine-tuned model.
        theirs: the other candidate, the same measure of the same rows.
        against: its name.
        seed: of the resampling.

    Returns:
        None where no row was graded for both.
    """
    pair = _Pair(ours, theirs)
    if not len(pair.points):
        return None
    found, p_value = pair.estimate(seed), pair.chance(seed)
    return Difference(
        measure=ours.measure,
        against=against,
        difference=found,
        p_value=p_value,
        better=int((pair.points > 0).sum()),
        worse=int((pair.points < 0).sum()),
        same=int((pair.points == 0).sum()),
        word=_word(found, p_value, len(pair.points)),
    )


@dataclass(frozen=True)
class _Pair:
    """Two candidates on the rows that were graded for both."""

    ours: Measured
    theirs: Measured

    @property
    def both(self) -> Any:
        return self.ours.graded & self.theirs.graded

    @property
    def points(self) -> Numbers:
        points: Numbers = self.ours.points[self.both] - self.theirs.points[self.both]
        return points

    @property
    def columns(self) -> tuple[Any, Any]:
        return self.ours.columns[self.both], self.theirs.columns[self.both]

    def value(self, ours: Numbers, theirs: Numbers) -> Numbers:
        return self.ours.value(ours) - self.theirs.value(theirs)

    def chance(self, seed: int) -> float:
        return chance(*self.columns, self.value, seed)

    def estimate(self, seed: int) -> Estimate:
        ours, theirs = self.columns
        value = float(self.value(total(ours), total(theirs)))
        if (agreed := self._agreed(value)) is not None:
            return agreed
        width = ours.shape[1]
        low, high = interval(
            _beside(ours, theirs),
            lambda sums: self.value(sums[..., :width], sums[..., width:]),
            seed=seed,
        )
        return Estimate(value=value, low=low, high=high)

    def _agreed(self, value: float) -> Estimate | None:
        """Where every row says the same, as in `estimate`: one is always right where the other is
        wrong, or the answers count the same throughout."""
        points, sure = self.points, _sure(len(self.points))
        if (points == 1).all() and self._is_right_or_wrong:
            return Estimate(value=value, low=value * sure, high=value)
        if (points == -1).all() and self._is_right_or_wrong:
            return Estimate(value=value, low=value, high=value * sure)
        ours, theirs = self.columns
        if self._is_right_or_wrong and not abs(ours - theirs).sum():
            return Estimate(value=value, low=sure - 1, high=1 - sure)
        return None

    @property
    def _is_right_or_wrong(self) -> bool:
        points = (self.ours.points[self.both], self.theirs.points[self.both])
        return all(bool(((one == 0) | (one == 1)).all()) for one in points)


def _beside(ours: Any, theirs: Any) -> Any:
    if package("scipy.sparse").issparse(ours):
        return package("scipy.sparse").hstack([ours, theirs], format="csr")
    return package("numpy").hstack([ours, theirs])


def _sure(rows: int) -> float:
    """The least share of right rows that rows which are all right still allow."""
    test = package("scipy.stats").binomtest(rows, rows)
    return float(test.proportion_ci(CONFIDENCE, method="exact").low)


def _word(found: Estimate, p_value: float, rows: int) -> Word:
    if rows < MIN_ROWS or p_value >= 1 - CONFIDENCE:
        return "cannot_tell"
    if found.low > 0:
        return "better"
    return "worse" if found.high < 0 else "cannot_tell"


def rows_needed(seen: Difference) -> int | None:
    """About how many rows would tell a difference as large as this one; None where it is 0.

    n x ((z(1 - alpha/2) + z(power)) x se / d)^2, with alpha 0.05 and power 0.8: the number of pairs
    for the mean of paired differences to be normally distributed (Lachin 1981, "Introduction to
    sample size determination and power analysis for clinical trials", Controlled Clinical Trials
    2), where the standard error `se` of these n rows is taken from the width of the interval. It is
    a guess from what was seen; where that was luck, it is too low. Never less than `MIN_ROWS`.
    """
    size = abs(seen.difference.value)
    if not size:
        return None
    normal, rows = NormalDist(), seen.better + seen.worse + seen.same
    sides = normal.inv_cdf((1 + CONFIDENCE) / 2)
    error = (seen.difference.high - seen.difference.low) / (2 * sides)
    needed = rows * ((sides + normal.inv_cdf(_POWER)) * error / size) ** 2
    return max(MIN_ROWS, math.ceil(needed))
