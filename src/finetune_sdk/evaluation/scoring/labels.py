"""Answers that are labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from finetune_sdk.errors import ConfigurationError, DatasetError
from finetune_sdk.evaluation.examples import Example
from finetune_sdk.evaluation.scoring.part import Given
from finetune_sdk.types.scorer import Classification


@dataclass(frozen=True)
class Labels:
    """Whether the label is right, row by row; the means over labels are of all rows at once.

    Attributes:
        names: the labels by how they are compared.
    """

    names: Mapping[str, str]

    @property
    def measures(self) -> tuple[str, ...]:
        return ("accuracy", "precision", "recall", "f1")

    def label(self, text: str) -> str | None:
        """The label that a text is, blanks at either end and capitals aside; None where none."""
        return self.names.get(_folded(text))

    def scores(self, given: Given) -> dict[str, float]:
        wanted = None if given.expected is None else self.label(given.expected)
        if wanted is None:
            return {}
        return {"accuracy": float(self.given(given) == wanted)}

    def given(self, given: Given) -> str | None:
        """The label that an answer is; None where it is none, or calls a tool instead."""
        return None if given.strays else self.label(given.answer)


def labels_of(scorer: Classification, examples: Sequence[Example]) -> Labels:
    """The scorer, with the labels that there are.

    Raises:
        ConfigurationError: two labels differ in nothing but capitals or blanks, or one is empty.
        DatasetError: an expected answer is none of the labels, or is empty.
    """
    named = _named(scorer.labels) if scorer.labels else None
    known: dict[str, str] = dict(named or {})
    for one in examples:
        text = (one.expected or "").strip()
        if not text or (named is not None and _folded(text) not in named):
            raise _stranger(one, text, scorer.labels)
        known.setdefault(_folded(text), text)
    return Labels(known)


def _named(labels: Sequence[str]) -> dict[str, str]:
    known: dict[str, str] = {}
    for label in labels:
        key = _folded(label)
        if not key:
            raise ConfigurationError("a label of the scorer `classification` is empty")
        if key in known:
            raise ConfigurationError(
                f"the labels {known[key]!r} and {label!r} of the scorer `classification` are the "
                "same, as blanks at either end and capitals do not count; leave one out"
            )
        known[key] = label.strip()
    return known


def _stranger(example: Example, text: str, labels: Sequence[str]) -> DatasetError:
    if not text:
        return DatasetError(
            f"line {example.line}: the expected answer is empty, and no label; mend the row"
        )
    near = get_close_matches(_folded(text), [_folded(one) for one in labels], n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return DatasetError(
        f"line {example.line}: the expected answer {text[:80]!r} is none of `labels` of the scorer "
        f"`classification`{hint}; mend the row, or add it to `labels`"
    )


def _folded(text: str) -> str:
    return text.strip().casefold()
