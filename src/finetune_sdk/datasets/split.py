"""Parts one dataset, the same way on every machine, with no row on two sides."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import PurePath

import msgspec

from finetune_sdk.datasets.dataset import Dataset
from finetune_sdk.datasets.faults import shown
from finetune_sdk.datasets.groups import Group, Groups
from finetune_sdk.datasets.lines import MemoryLines
from finetune_sdk.datasets.pointers import follow
from finetune_sdk.datasets.read import Row, encode
from finetune_sdk.errors import ConfigurationError, DatasetError

_TOLERANCE = 1e-6
_NO_VALUE = b""


@dataclass
class _Part:
    share: float
    rows: list[int] = field(default_factory=list[int])
    values: Counter[bytes] = field(default_factory=Counter[bytes])

    def room(self, total: int) -> float:
        """How many more rows it should have, of `total` in all parts."""
        return self.share * total - len(self.rows)

    def fits(self, group: Group, total: int) -> bool:
        """With the group it has no more rows of that value than its share of `total`, rounded up.

        Then every other part has its share, rounded down at least, where there are two.
        """
        share = math.ceil(self.share * total - _TOLERANCE)
        return self.values[group.value] + group.values[group.value] <= share

    def take(self, group: Group) -> None:
        self.rows += group.rows
        self.values += group.values


def split(
    dataset: Dataset,
    *,
    parts: Sequence[float] = (0.9, 0.1),
    seed: int = 0,
    near_duplicates: bool = True,
    stratify: str | None = None,
) -> tuple[Dataset, ...]:
    """Puts every row into exactly one part; rows that are equal go to the same part.

    The choice hangs on the rows' content and the seed alone: not on their order, the machine or
    the version of Python. Within a part the rows keep their order. The parts are in memory.

    Args:
        dataset: what to split.
        parts: the fractions, which sum to 1.
        seed: another one gives another choice.
        near_duplicates: rows that say nearly the same go to the same part as well.
        stratify: JSON pointer to a value, such as `/label`: of the rows of each value every part
            gets its fraction, as nearly as rows that stay together allow. Rows without the value
            count as rows of one more.

    Raises:
        ConfigurationError: an argument is wrong, or `stratify` leads to too many values.
        DatasetError: a row cannot be read, or there are too few different rows for the parts.
    """
    _check_arguments(parts, seed, stratify)
    lines: list[bytes] = []
    groups = Groups(near=near_duplicates)
    for line, row in dataset.numbered():
        value = _NO_VALUE if stratify is None else _value(row, stratify, dataset.place, line)
        groups.add(len(lines), row, value)
        lines.append(encode(row))
    joined = groups.joined()
    if stratify is not None and lines and all(group.value == _NO_VALUE for group in joined):
        raise ConfigurationError(
            f"`stratify` is {shown(stratify)}, and no row of {dataset.place} has such a value"
        )
    if len(joined) < len(parts):
        raise _too_few(dataset, len(joined), len(parts), near=near_duplicates)
    shares = [_Part(part) for part in parts]
    if stratify is None:
        _deal(_by_size(joined, seed), shares, len(lines))
    else:
        _deal_each(_by_value(joined, seed), shares, _totals(joined, stratify, len(lines)))
    stem = PurePath(dataset.name).stem
    return tuple(
        _in_memory(f"{stem}-part{number}", [lines[row] for row in sorted(share.rows)], dataset)
        for number, share in enumerate(shares, start=1)
    )


def _check_arguments(parts: Sequence[float], seed: int, stratify: str | None) -> None:
    if isinstance(seed, bool) or not isinstance(seed, int):  # pyright: ignore[reportUnnecessaryIsInstance] - it comes from users
        raise ConfigurationError(f"`seed` is {seed!r}; it is a whole number")
    if not parts or not all(_is_fraction(part) for part in parts):
        raise ConfigurationError(f"`parts` is {parts!r}; give fractions above 0, as in (0.9, 0.1)")
    if abs(math.fsum(parts) - 1) > _TOLERANCE:
        raise ConfigurationError(
            f"`parts` is {parts!r} and sums to {math.fsum(parts):g}; the fractions sum to 1"
        )
    if stratify is not None and not str(stratify).startswith("/"):
        raise ConfigurationError(
            f"`stratify` is {shown(stratify)}; it is a JSON pointer into a row, such as '/label'"
        )


def _is_fraction(part: object) -> bool:
    return isinstance(part, (int, float)) and not isinstance(part, bool) and 0 < part <= 1


def _value(row: Row, pointer: str, place: str, line: int) -> bytes:
    reached = follow(row, pointer)
    if not reached.whole:
        return _NO_VALUE
    if not _is_scalar(reached.value):
        raise ConfigurationError(
            f"`stratify` {pointer!r} leads to {shown(reached.value)} in {place}:{line}; give a "
            "pointer to text, a number, true, false or null"
        )
    return msgspec.json.encode(reached.value)


def _is_scalar(value: object) -> bool:
    return not isinstance(value, (dict, list))


def _totals(groups: Sequence[Group], pointer: str, rows: int) -> Counter[bytes]:
    """The rows of each value."""
    totals = Counter[bytes]()
    for group in groups:
        totals.update(group.values)
    if len(totals) > max(2, rows / 2):
        raise ConfigurationError(
            f"`stratify` {pointer!r} leads to {len(totals)} different values in {rows} rows, too "
            "many to share out; give a pointer to a value that several rows have, such as a label"
        )
    return totals


def _too_few(dataset: Dataset, groups: int, parts: int, *, near: bool) -> DatasetError:
    hint = (
        "add rows, ask for fewer parts, or part rows that are nearly the same with "
        "`near_duplicates=False`"
    )
    return DatasetError(
        f"{dataset.place} has {groups} different row(s), too few for {parts} parts that each have "
        f"at least one; {hint if near else 'add rows or ask for fewer parts'}"
    )


def _by_size(groups: Sequence[Group], seed: int) -> list[Group]:
    """Large groups first, they fit worst."""
    return sorted(groups, key=lambda group: (-len(group.rows), _shuffled(group.mark, seed)))


def _by_value(groups: Sequence[Group], seed: int) -> list[Group]:
    """One value after the other, those with the largest groups first."""
    order = _by_size(groups, seed)
    largest: dict[bytes, int] = {}
    for group in order:
        largest.setdefault(group.value, len(group.rows))
    return sorted(order, key=lambda group: (-largest[group.value], group.value))


def _deal(order: Sequence[Group], parts: list[_Part], total: int) -> None:
    """Gives each group to the part that has the most room."""
    for left, group in zip(range(len(order), 0, -1), order, strict=True):
        takers = _takers(parts, left)
        max(takers, key=lambda part: part.room(total)).take(group)


def _deal_each(order: Sequence[Group], parts: list[_Part], totals: Mapping[bytes, int]) -> None:
    """Gives each group to the part that is most behind, among those with room for its value.

    Behind what is dealt so far, and not what there is in all: so every value is spread in turn.
    """
    dealt = 0
    for left, group in zip(range(len(order), 0, -1), order, strict=True):
        dealt += len(group.rows)
        takers = _takers(parts, left)
        fitting = [part for part in takers if part.fits(group, totals[group.value])] or takers
        rooms = [part.room(dealt) for part in fitting]
        fitting[rooms.index(max(rooms))].take(group)


def _takers(parts: list[_Part], left: int) -> list[_Part]:
    """As soon as there are no more groups than empty parts, each empty part gets one."""
    empty = [part for part in parts if not part.rows]
    return empty if left <= len(empty) else parts


def _shuffled(mark: bytes, seed: int) -> bytes:
    return blake2b(f"{seed}:".encode() + mark, digest_size=16).digest()


def _in_memory(name: str, lines: list[bytes], source: Dataset) -> Dataset:
    return Dataset(MemoryLines(tuple(lines)), name=name, place=name, format=source.format)
