"""Rows that belong together: those that are equal, and those that say nearly the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from finetune_sdk.datasets.near import NearDuplicates, Sketch, sketch_of, text_of
from finetune_sdk.datasets.read import Row, fingerprint


@dataclass
class Group:
    """Rows that stay together.

    Attributes:
        mark: eight bytes that are the same for the same rows.
        rows: their places in the dataset.
        values: what they are stratified by.
    """

    mark: bytes
    rows: list[int] = field(default_factory=list[int])
    values: Counter[bytes] = field(default_factory=Counter[bytes])

    @property
    def value(self) -> bytes:
        """What most of the rows have."""
        return min(self.values, key=lambda value: (-self.values[value], value))


class Groups:
    """Groups of rows that are given one after another."""

    def __init__(self, *, near: bool) -> None:
        self._near = near
        self._groups: dict[bytes, Group] = {}
        self._sketches: dict[bytes, Sketch] = {}

    def add(self, place: int, row: Row, value: bytes) -> None:
        """Puts a row to those that are equal."""
        mark = fingerprint(row)
        if self._near and mark not in self._groups and (sketch := sketch_of(text_of(row))):
            self._sketches[mark] = sketch
        group = self._groups.setdefault(mark, Group(mark))
        group.rows.append(place)
        group.values[value] += 1

    def joined(self) -> list[Group]:
        """The groups, those that nearly equal each other put together."""
        heads = _heads(self._sketches)
        together: dict[bytes, Group] = {}
        for mark in sorted(self._groups):
            group, head = self._groups[mark], heads.get(mark, mark)
            joined = together.setdefault(head, Group(head))
            joined.rows += group.rows
            joined.values += group.values
        return list(together.values())


def _heads(sketches: Mapping[bytes, Sketch]) -> dict[bytes, bytes]:
    """For each mark the one that stands for its group.

    Gone through by their marks, so that nothing hangs on the order of the rows.
    """
    near, marks = NearDuplicates(limit=None), sorted(sketches)
    for sketch in _different(sketches[mark] for mark in marks):
        near.count(sketch)
    heads = list(range(len(marks)))
    for place, mark in enumerate(marks):
        for earlier in near.found(place, sketches[mark]):
            one, other = _head(heads, earlier), _head(heads, place)
            heads[max(one, other)] = min(one, other)
    return {mark: marks[_head(heads, place)] for place, mark in enumerate(marks)}


def _different(sketches: Iterable[Sketch]) -> Iterable[Sketch]:
    return {sketch.words: sketch for sketch in sketches}.values()


def _head(heads: list[int], place: int) -> int:
    while heads[place] != place:
        heads[place] = heads[heads[place]]
        place = heads[place]
    return place
