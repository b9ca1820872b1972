"""All scorers of a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from finetune_sdk.errors import ConfigurationError, DatasetError
from finetune_sdk.evaluation.examples import Example
from finetune_sdk.evaluation.gates import SHARES, WORDS
from finetune_sdk.evaluation.scoring.exact import Exact
from finetune_sdk.evaluation.scoring.fields import fields_of
from finetune_sdk.evaluation.scoring.functions import Grade, function_of
from finetune_sdk.evaluation.scoring.labels import Labels, labels_of
from finetune_sdk.evaluation.scoring.part import Given, Part
from finetune_sdk.evaluation.scoring.pattern import pattern_of
from finetune_sdk.evaluation.scoring.similar import similar_of
from finetune_sdk.types.scorer import (
    Classification,
    ExactMatch,
    JsonMatch,
    Judge,
    Matches,
    Scorer,
    SimilarText,
)

JUDGE = "judge"
"""The measure of a judge."""

_NEEDING = (ExactMatch, JsonMatch, SimilarText, Classification)


@dataclass(frozen=True)
class Graded:
    """What an answer is worth.

    Attributes:
        scores: by measure; a measure is missing where it cannot be told of this row, or is one of
            all rows at once.
        label: that a classification takes the answer for.
    """

    scores: dict[str, float] = field(default_factory=dict[str, float])
    label: str | None = None


@dataclass(frozen=True)
class Scoring:
    """Grades answers.

    Attributes:
        measures: in the order of the scorers.
        parts: the scorers that grade here.
        judge: the one that is asked elsewhere.
    """

    measures: tuple[str, ...]
    parts: tuple[Part, ...]
    judge: Judge | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Of the classification; empty where there is none."""
        found = self._labels
        return tuple(found.names.values()) if found else ()

    def label(self, text: str) -> str | None:
        """The label that an answer, or an expected one, is; None where it is none."""
        found = self._labels
        return found.label(text) if found else None

    def score(
        self,
        answer: str,
        expected: str | None,
        row: Mapping[str, object],
        *,
        calls: str | None = None,
        expected_calls: str | None = None,
        line: int | None = None,
    ) -> Graded:
        """What an answer is worth, but for what the judge says.

        Args:
            answer: what was answered; the calls of tools as JSON, where it says nothing else.
            expected: what the row has, likewise.
            row: as it stands in the file.
            calls: of tools in the answer, as JSON; None where there are none.
            expected_calls: that the row has.
            line: of the file, for messages.

        Raises:
            ConfigurationError: a function failed, or a pattern took too long.
        """
        given = Given(
            answer=answer,
            expected=expected,
            row=row,
            calls=calls,
            expected_calls=expected_calls,
            line=line,
        )
        scores: dict[str, float] = {}
        for part in self.parts:
            scores |= part.scores(given)
        labels = self._labels
        return Graded(scores, labels.given(given) if labels else None)

    @property
    def _labels(self) -> Labels | None:
        return next((part for part in self.parts if isinstance(part, Labels)), None)


def scoring_of(scorers: Sequence[Scorer | Grade], examples: Sequence[Example]) -> Scoring:
    """The scorers, held against the rows before anything is asked.

    Raises:
        ConfigurationError: a scorer is wrong, there is none, or two have a measure of one name.
        DatasetError: a row has no expected answer that a scorer needs, or one that it cannot use.
        MissingDependencyError: a package of the extra `evaluation` is not installed.
        UnsupportedError: a measure is not to be had here.
    """
    if not scorers:
        raise ConfigurationError("`scorers` is empty; give at least one, such as `ExactMatch()`")
    refuse_missing(scorers, examples)
    _refuse_unlearned(examples)
    judges = [one for one in scorers if isinstance(one, Judge)]
    parts = {place: _part(one, examples) for place, one in enumerate(scorers) if one not in judges}
    named = [parts[place].measures if place in parts else (JUDGE,) for place in range(len(scorers))]
    measures = tuple(measure for names in named for measure in names)
    _refuse_twins(measures)
    return Scoring(measures, tuple(parts.values()), judges[0] if judges else None)


def refuse_missing(scorers: Sequence[Scorer | Grade], examples: Sequence[Example]) -> None:
    """Refuses rows without an expected answer, where a scorer needs one.

    Raises:
        DatasetError: names the first line and the scorers.
    """
    needing = [one for one in scorers if isinstance(one, _NEEDING)]
    missing = [one.line for one in examples if one.expected is None]
    if needing and missing:
        more = f" (and {len(missing) - 1} more row(s))" if len(missing) > 1 else ""
        names = ", ".join(sorted({f"`{one.type}`" for one in needing}))
        raise DatasetError(
            f"line {missing[0]}{more}: there is no expected answer, which {names} needs; end the "
            "row with the assistant's answer, or grade with `Matches`, `Judge` or a function"
        )


def _refuse_unlearned(examples: Sequence[Example]) -> None:
    lines = [one.line for one in examples if one.unlearned]
    if lines:
        more = f" (and {len(lines) - 1} more row(s))" if len(lines) > 1 else ""
        raise DatasetError(
            f"line {lines[0]}{more}: its last answer has `weight` 0, which says that it is none "
            "to learn, and so none to expect; take it out, or give it the weight 1"
        )


def _part(scorer: Scorer | Grade, examples: Sequence[Example]) -> Part:
    match scorer:
        case ExactMatch():
            return Exact()
        case JsonMatch():
            return fields_of(scorer, examples)
        case SimilarText():
            return similar_of(scorer)
        case Matches():
            return pattern_of(scorer)
        case Classification():
            return labels_of(scorer, examples)
        case _:
            return _function(scorer)


def _function(scorer: object) -> Part:
    made = function_of(scorer)
    if made.name in SHARES | WORDS:
        raise ConfigurationError(
            f"the function `{made.name}` bears the name of something else that is measured or "
            "required; give it another one"
        )
    return made


def _refuse_twins(measures: Sequence[str]) -> None:
    for measure in measures:
        if measures.count(measure) > 1:
            raise ConfigurationError(
                f"two scorers measure `{measure}`, and nobody could tell them apart; leave one "
                "out, or write it as a function of another name, `def other(answer, row): ...`"
            )
