"""What only the dataset as a whole can show: labels and lengths that lean to one side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import cast

from finetune_sdk.datasets.faults import Fault
from finetune_sdk.datasets.quick import Told
from finetune_sdk.datasets.read import Row
from finetune_sdk.datasets.tools import listed

_ENOUGH = 20
"""Fewer rows than this lean by chance."""

_LABELS = 4.0
_LONGER = 0.9

_ANSWERS = (("preferred_output", "non_preferred_output"), ("chosen", "rejected"))


class Balance:
    """Counts what the rows of a dataset tell."""

    def __init__(self) -> None:
        self._labels: Counter[bool] = Counter()
        self._longer: Counter[int] = Counter()

    def add(self, told: Iterable[Told]) -> None:
        """Notes what good rows have told."""
        for one in told:
            if isinstance(one, bool):
                self._labels[one] += 1
            else:
                better, worse = one
                self._longer[(better > worse) - (better < worse)] += 1

    def faults(self) -> Iterator[Fault]:
        """How the dataset leans."""
        if len(self._labels) == 1:
            (label,) = self._labels
            text = (
                f"every `label` is {str(label).lower()}, and KTO learns from good and bad answers"
            )
            yield Fault("one_label", "", text)
        elif self._labels:
            yield from self._label_faults()
        yield from self._length_faults()

    def _label_faults(self) -> Iterator[Fault]:
        good, bad = self._labels[True], self._labels[False]
        if good + bad >= _ENOUGH and max(good, bad) > _LABELS * min(good, bad):
            yield Fault("unbalanced_labels", "", f"{good} answers are good and {bad} are bad")

    def _length_faults(self) -> Iterator[Fault]:
        total = self._longer.total()
        for side, word in ((1, "longer"), (-1, "shorter")):
            if total >= _ENOUGH and self._longer[side] > _LONGER * total:
                text = (
                    f"the better answer is the {word} one in {self._longer[side]} of {total} rows"
                )
                yield Fault("unbalanced_lengths", "", text)


def told_of(row: Row) -> Iterator[Told]:
    """What a row tells that was looked at slowly."""
    label = row.get("label")
    if isinstance(label, bool):
        yield label
    for better, worse in _ANSWERS:
        if better in row and worse in row:
            yield _length(row[better]), _length(row[worse])


def _length(answer: object) -> int:
    if isinstance(answer, str):
        return len(answer)
    contents = (
        cast("Row", message).get("content")
        for message in listed(answer)
        if isinstance(message, dict)
    )
    return sum(len(content) for content in contents if isinstance(content, str))
