"""The fine-tuned model against the best of the others, by the main measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from finetune_sdk.evaluation.gates import is_enough
from finetune_sdk.evaluation.statistics import MIN_ROWS
from finetune_sdk.types.comparison import Candidate, Difference, Estimate, Word
from finetune_sdk.types.job import Metric

BASELINES = ("base", "few_shot", "retrieved")
"""Kinds that need no training."""

_RIGHT = ("exact_match", "accuracy")


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a verdict is made of.

    Attributes:
        tuned: the fine-tuned model.
        best: of the others; None where none has the measure.
        others: how many have it.
        asked: how many others there are, with it or not.
        beside: candidates that are no baselines were asked as well.
        gap: between the two; None where no row was graded for both.
        measure: the main one.
        rows: of the test data.
        training_rows: None where they are not known.
        learning: what the job measured.
    """

    tuned: Candidate
    best: Candidate | None
    others: int
    asked: int
    beside: bool
    gap: Difference | None
    measure: str
    rows: int
    training_rows: int | None
    learning: Sequence[Metric]

    @property
    def word(self) -> Word:
        """Never more than the rows can tell."""
        return "cannot_tell" if self.gap is None or self.is_small else self.gap.word

    @property
    def pairs(self) -> int:
        """Rows that were graded for both."""
        return 0 if self.gap is None else pairs(self.gap)

    @property
    def is_small(self) -> bool:
        """There are too few of them."""
        return self.pairs < MIN_ROWS

    @property
    def is_partly_graded(self) -> bool:
        """Many rows have no grade, and not because there is nothing in them to grade."""
        return not self.is_small and not is_enough(self.measure, self.pairs, self.rows)

    @property
    def counts_right(self) -> bool:
        """The measure is a share of rows that are right."""
        return self.measure in _RIGHT

    def points(self, number: float) -> str:
        """A difference by the measure, in words."""
        if not self.counts_right:
            return _plain(number)
        size = abs(100 * number)
        return f"{100 * number:.0f}" if size >= 1 or size == 0 else f"{100 * number:.1g}"

    def between(self) -> str:
        """The interval of the gap, in words."""
        if self.gap is None:
            return ""
        unit = " points" if self.counts_right else ""
        found = self.gap.difference
        return f"95% interval {self.points(found.low)} to {self.points(found.high)}{unit}"

    def told(self, score: Estimate) -> str:
        """A score, in words."""
        return percent(score.value) if self.counts_right else _plain(score.value)


def standing_of(
    candidates: Sequence[Candidate],
    differences: Sequence[Difference],
    *,
    measure: str,
    rows: int,
    training_rows: int | None,
    learning: Sequence[Metric],
) -> Standing:
    """Finds the best of the others: of what needs no training, where it was asked."""
    tuned = next(one for one in candidates if one.kind == "fine_tuned")
    scored = [one for one in candidates if one is not tuned and measure in one.scores]
    plain = [one for one in scored if one.kind in BASELINES]
    best = max(plain or scored, key=lambda one: one.scores[measure].value, default=None)
    return Standing(
        tuned=tuned,
        best=best,
        others=len(plain or scored),
        asked=len(candidates) - 1,
        beside=bool(plain) and len(scored) > len(plain),
        gap=gap_of(differences, measure, best.name if best else None),
        measure=measure,
        rows=rows,
        training_rows=training_rows,
        learning=learning,
    )


def gap_of(
    differences: Sequence[Difference], measure: str, against: str | None
) -> Difference | None:
    """The difference to a candidate by a measure; None where there is none."""
    found = (one for one in differences if (one.measure, one.against) == (measure, against))
    return next(found, None)


def pairs(gap: Difference) -> int:
    """Rows that were graded for both."""
    return gap.better + gap.worse + gap.same


def alone(measure: str, others: int) -> str:
    """Why there is no best of so many others."""
    if not others:
        return "there is nothing to compare with"
    return f"no answer of the others was graded by {measure}"


def percent(share: float) -> str:
    """A share, in words; 100% are all, and 0% none."""
    digits = 0 if share in (0, 1) or 0.005 <= share < 0.995 else 1
    return f"{100 * share:.{digits}f}%"


def _plain(number: float) -> str:
    return f"{number:.2f}" if abs(number) >= 0.01 or number == 0 else f"{number:.1g}"
