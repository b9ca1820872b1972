"""A regular expression that an answer is searched for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.evaluation.packages import package
from finetune_sdk.evaluation.scoring.part import Given
from finetune_sdk.types.scorer import Matches

SECONDS = 1.0
"""That a search may take."""


@dataclass(frozen=True)
class Pattern:
    """1 where the expression is found in the answer, else 0.

    Attributes:
        text: as it was written.
        compiled: by the package `regex`, whose searches can be given a time.
    """

    text: str
    compiled: Any

    @property
    def measures(self) -> tuple[str, ...]:
        return ("regex",)

    def scores(self, given: Given) -> dict[str, float]:
        try:
            found = self.compiled.search(given.answer, timeout=SECONDS)
        except TimeoutError:
            raise endless(repr(self.text), given.place) from None
        return {"regex": float(found is not None)}


def endless(pattern: str, place: str) -> ConfigurationError:
    """What to raise where a search took too long.

    Args:
        pattern: what was searched for, in words.
        place: of the row whose answer was searched.
    """
    return ConfigurationError(
        f"the pattern {pattern} takes more than {SECONDS:g} s on the answer to {place}; "
        "repetitions inside repetitions, as in `(a+)+`, are the usual cause"
    )


def pattern_of(scorer: Matches) -> Pattern:
    """The scorer, compiled.

    Raises:
        ConfigurationError: the pattern is none.
        MissingDependencyError: the package `regex` is not installed.
    """
    regex = package("regex")
    try:
        compiled = regex.compile(scorer.pattern)
    except (regex.error, RecursionError, OverflowError, ValueError) as error:
        raise ConfigurationError(
            f"the pattern {scorer.pattern!r} is no regular expression: {error}"
        ) from None
    return Pattern(scorer.pattern, compiled)
