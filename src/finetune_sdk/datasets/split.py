"""Parts one dataset, the same way on every machine, with no row on two sides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import PurePath

from finetune_sdk.datasets.dataset import Dataset
from finetune_sdk.datasets.lines import MemoryLines
from finetune_sdk.datasets.read import encode, fingerprint
from finetune_sdk.errors import ConfigurationError, DatasetError

_TOLERANCE = 1e-6


@dataclass
class _Part:
    wanted: float
    rows: list[int] = field(default_factory=list[int])

    @property
    def room(self) -> float:
        return self.wanted - len(self.rows)


def split(
    dataset: Dataset, *, parts: Sequence[float] = (0.9, 0.1), seed: int = 0
) -> tuple[Dataset, ...]:
    """Puts every row into exactly one part; rows that are equal go to the same part.

    The choice hangs on the rows' content and the seed alone: not on their order, the machine or
    the version of Python. Within a part the rows keep their order. The parts are in memory.

    Args:
        dataset: what to split.
        parts: the fractions, which sum to 1.
        seed: another one gives another choice.

    Raises:
        ConfigurationError: `parts` or `seed` is wrong.
        DatasetError: a row cannot be read, or there are too few different rows for the parts.
    """
    _check_arguments(parts, seed)
    lines: list[bytes] = []
    groups: dict[bytes, list[int]] = {}
    for _, row in dataset.numbered():
        groups.setdefault(fingerprint(row), []).append(len(lines))
        lines.append(encode(row))
    if len(groups) < len(parts):
        raise DatasetError(
            f"{dataset.place} has {len(groups)} different row(s), too few for {len(parts)} parts "
            "that each have at least one; add rows or ask for fewer parts"
        )
    shares = _deal(groups, [_Part(part * len(lines)) for part in parts], seed)
    stem = PurePath(dataset.name).stem
    return tuple(
        _in_memory(f"{stem}-part{number}", [lines[row] for row in sorted(share.rows)])
        for number, share in enumerate(shares, start=1)
    )


def _check_arguments(parts: Sequence[float], seed: int) -> None:
    if isinstance(seed, bool) or not isinstance(seed, int):  # pyright: ignore[reportUnnecessaryIsInstance] - it comes from users
        raise ConfigurationError(f"`seed` is {seed!r}; it is a whole number")
    if not parts or not all(_is_fraction(part) for part in parts):
        raise ConfigurationError(f"`parts` is {parts!r}; give fractions above 0, as in (0.9, 0.1)")
    if abs(math.fsum(parts) - 1) > _TOLERANCE:
        raise ConfigurationError(
            f"`parts` is {parts!r} and sums to {math.fsum(parts):g}; the fractions sum to 1"
        )


def _is_fraction(part: object) -> bool:
    return isinstance(part, (int, float)) and not isinstance(part, bool) and 0 < part <= 1


def _deal(groups: dict[bytes, list[int]], parts: list[_Part], seed: int) -> list[_Part]:
    """Gives each group to the part with the most room: large groups first, they fit worst."""
    order = sorted(groups, key=lambda mark: (-len(groups[mark]), _shuffled(mark, seed)))
    for left, mark in zip(range(len(order), 0, -1), order, strict=True):
        empty = [part for part in parts if not part.rows]
        # As soon as there are no more groups than empty parts, each empty part gets one.
        takers = empty if left <= len(empty) else parts
        max(takers, key=lambda part: part.room).rows.extend(groups[mark])
    return parts


def _shuffled(mark: bytes, seed: int) -> bytes:
    return blake2b(f"{seed}:".encode() + mark, digest_size=16).digest()


def _in_memory(name: str, lines: list[bytes]) -> Dataset:
    return Dataset(MemoryLines(tuple(lines)), name=name, place=name)
