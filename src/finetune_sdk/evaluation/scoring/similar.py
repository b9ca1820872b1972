"""Texts that are alike."""

from __future__ import annotations

from dataclasses import dataclass

from finetune_sdk.errors import UnsupportedError
from finetune_sdk.evaluation.scoring.part import Given
from finetune_sdk.similarity import REFUSED, similarity
from finetune_sdk.types.grader import Similarity
from finetune_sdk.types.scorer import SimilarText


@dataclass(frozen=True)
class Similar:
    """How alike answer and expected answer are, by one measure."""

    measure: Similarity

    @property
    def measures(self) -> tuple[str, ...]:
        return (self.measure,)

    def scores(self, given: Given) -> dict[str, float]:
        if given.expected is None:
            return {}
        return {self.measure: _alike(self.measure, given.answer, given.expected)}


def similar_of(scorer: SimilarText) -> Similar:
    """The scorer, tried once.

    Raises:
        UnsupportedError: the measure is not to be had here.
        MissingDependencyError: the measure's package is not installed.
    """
    if scorer.measure in REFUSED:
        raise UnsupportedError(
            f"the scorer `similarity` cannot measure {scorer.measure!r}: "
            f"{REFUSED[scorer.measure]}; `rouge_l` is the default"
        )
    _alike(scorer.measure, "a", "a")
    return Similar(scorer.measure)


def _alike(measure: Similarity, answer: str, expected: str) -> float:
    return similarity(measure, answer, expected, extra="evaluation")
