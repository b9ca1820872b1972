"""The laws of a split."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_sdk.datasets import Dataset, load, split
from finetune_sdk.errors import ConfigurationError, DatasetError
from tests.datasets.samples import Json, in_child, line, numbered_rows, row, written

fractions = st.lists(st.integers(1, 20), min_size=1, max_size=4).map(
    lambda shares: tuple(share / sum(shares) for share in shares)
)
some_rows = st.lists(st.integers(0, 30), max_size=60).map(lambda ns: [row(n=n) for n in ns])


def text(item: Json) -> str:
    return json.dumps(item, sort_keys=True)


def content(dataset: Dataset) -> list[str]:
    return [text(item) for item in dataset]


def drawn(rows: list[Json], parts: tuple[float, ...], seed: int) -> list[list[str]] | None:
    """The parts' rows; None where there are too few for each part."""
    if len({text(item) for item in rows}) < len(parts):
        with pytest.raises(DatasetError, match="too few"):
            split(load(rows), parts=parts, seed=seed)
        return None
    return [content(part) for part in split(load(rows), parts=parts, seed=seed)]


@settings(deadline=None)
@given(some_rows, fractions, st.integers())
def test_every_row_is_in_one_part_and_twins_stay_together(
    rows: list[Json], parts: tuple[float, ...], seed: int
) -> None:
    if (shares := drawn(rows, parts, seed)) is None:
        return
    assert len(shares) == len(parts)
    assert sorted(chain.from_iterable(shares)) == sorted(map(text, rows))
    assert sum(len(set(share)) for share in shares) == len(set(map(text, rows)))
    assert all(shares)


@settings(deadline=None)
@given(st.integers(1, 200), fractions, st.integers())
def test_parts_are_as_large_as_was_asked(count: int, parts: tuple[float, ...], seed: int) -> None:
    if (shares := drawn(numbered_rows(count), parts, seed)) is None:
        return
    short = sum(max(0.0, 1 - part * count) for part in parts)
    for share, part in zip(shares, parts, strict=True):
        assert abs(len(share) - max(1.0, part * count)) <= 1 + short


@settings(deadline=None)
@given(some_rows, fractions, st.integers(), st.randoms(use_true_random=False))
def test_the_choice_does_not_hang_on_the_order(
    rows: list[Json], parts: tuple[float, ...], seed: int, chance: Random
) -> None:
    if (shares := drawn(rows, parts, seed)) is None:
        return
    mixed = chance.sample(rows, len(rows))
    again = drawn(mixed, parts, seed)
    assert again is not None
    assert [sorted(share) for share in shares] == [sorted(share) for share in again]


def test_rows_keep_their_order_and_parts_their_names(tmp_path: Path) -> None:
    path = written(tmp_path / "train.jsonl", *map(line, numbered_rows(20)))
    train, valid = split(load(path))
    assert (train.name, valid.name) == ("train-part1", "train-part2")
    assert (len(train), len(valid), train.path) == (18, 2, None)
    assert list(train) == [item for item in numbered_rows(20) if item in list(train)]


def test_another_seed_gives_another_choice() -> None:
    dataset = load(numbered_rows(50))
    choices = {tuple(content(split(dataset, seed=seed)[1])) for seed in range(10)}
    assert len(choices) == 10
    assert content(split(dataset, seed=3)[1]) == content(split(dataset, seed=3)[1])


CHOICE = """
from finetune_sdk.datasets import load, split
_, small = split(load([{"n": n} for n in range(40)]), parts=(0.9, 0.1), seed=7)
print([row["n"] for row in small])
"""


def test_the_choice_is_the_same_in_every_process() -> None:
    """The numbers are fixed: another choice would move rows between a user's parts."""
    assert in_child(CHOICE).stdout.decode().strip() == "[2, 8, 11, 17]"


def test_a_bad_row_stops_it() -> None:
    with pytest.raises(DatasetError, match="rows:2"):
        split(load([row(), row(n=float("nan"))]))


@pytest.mark.parametrize(
    "parts",
    [(), (0.5, 0.4), (0.9, 0.2), (1.0, 0.0), (1.5, -0.5), (float("nan"), 1), (True,), ("1",), (2,)],
)
def test_wrong_fractions_are_refused(parts: tuple[float, ...]) -> None:
    with pytest.raises(ConfigurationError, match="`parts`"):
        split(load(numbered_rows(10)), parts=parts)


def test_fractions_need_not_sum_to_one_exactly() -> None:
    assert sum(map(len, split(load(numbered_rows(10)), parts=(0.1, 0.2, 0.7)))) == 10
    assert len(split(load(numbered_rows(3)), parts=(1 / 3, 1 / 3, 1 / 3))) == 3


@pytest.mark.parametrize("seed", [1.5, "1", None, True])
def test_a_wrong_seed_is_refused(seed: object) -> None:
    with pytest.raises(ConfigurationError, match="`seed`"):
        split(load(numbered_rows(10)), seed=seed)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - wrong on purpose
