"""The laws of a split."""

from __future__ import annotations

import json
from collections import Counter
from itertools import chain
from pathlib import Path
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from finetune_sdk.datasets import Dataset, load, split
from finetune_sdk.datasets.near import NearDuplicates, text_of
from finetune_sdk.errors import ConfigurationError, DatasetError
from tests.datasets.samples import ASSISTANT, Json, in_child, line, numbered_rows, row, written

fractions = st.lists(st.integers(1, 20), min_size=1, max_size=4).map(
    lambda shares: tuple(share / sum(shares) for share in shares)
)
some_rows = st.lists(st.integers(0, 30), max_size=60).map(
    lambda ns: [numbered_rows(31)[n] for n in ns]
)


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


def copies(count: int, edits: int, chance: Random) -> list[list[str]]:
    """Families of rows that differ in a word or none from the first of them."""
    families = [[chance.choices(WORDS, k=80)] for _ in range(count)]
    for family in families:
        for _ in range(edits):
            edited = list(family[0])
            edited[chance.randrange(80)] = "zzz"
            family.append(edited)
    return [[" ".join(text) for text in family] for family in families]


WORDS = [f"word{number}" for number in range(5000)]


def seeded(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - rows, and no secrets


def told(text: str, **keys: object) -> Json:
    return row({"role": "user", "content": text}, {"role": "assistant", "content": "yes"}, **keys)


@settings(deadline=None, max_examples=25)
# Dice that somebody loads make families that are one, or that fall apart.
@given(
    st.integers(3, 12),
    st.integers(1, 6),
    fractions,
    st.integers(),
    st.randoms(use_true_random=True),
)
def test_near_duplicates_are_on_one_side(
    count: int, edits: int, parts: tuple[float, ...], seed: int, chance: Random
) -> None:
    families = copies(count, edits, chance)
    rows = [told(text, n=n) for n, text in enumerate(chain.from_iterable(families))]
    chance.shuffle(rows)
    if count < len(parts):
        with pytest.raises(DatasetError, match="near_duplicates=False"):
            split(load(rows), parts=parts, seed=seed)
        return
    shares = split(load(rows), parts=parts, seed=seed)
    assert sorted(chain.from_iterable(map(content, shares))) == sorted(map(text, rows))
    place = {said: n for n, share in enumerate(shares) for said in map(text_of, share)}
    for family in families:
        assert len({place[text_of(told(said))] for said in family}) == 1


def test_no_row_of_a_part_is_nearly_one_of_another() -> None:
    families = copies(60, 3, seeded(1))
    train, valid = split(load([told(said) for said in chain.from_iterable(families)]))
    near = NearDuplicates()
    for number, item in enumerate(train):
        near.add(number, text_of(item))
    assert all(near.add(-1, text_of(item)) in (None, -1) for item in valid)
    assert abs(len(valid) - 24) <= 4


def test_a_chain_of_near_duplicates_is_on_one_side() -> None:
    """The first and the last have little in common, and every one nearly equals the next."""
    base = seeded(3).sample(WORDS, 100)
    texts = [[*("zzz" + w for w in base[:n]), *base[n:]] for n in range(0, 60, 3)]
    rows = [told(" ".join(said)) for said in texts]
    others = [told(" ".join(seeded(n).choices(WORDS, k=60))) for n in range(20)]
    shares = split(load(rows + others), parts=(0.5, 0.5))
    assert sorted(sum(item in rows for item in share) for share in shares) == [0, 20]


def test_near_duplicates_may_be_parted() -> None:
    rows = [told(said) for said in copies(1, 30, seeded(2))[0]]
    different = [item for n, item in enumerate(rows) if item not in rows[:n]]
    shares = split(load(different), parts=(0.5, 0.5), near_duplicates=False)
    assert abs(len(shares[0]) - len(shares[1])) <= 1


def test_rows_that_differ_in_what_is_not_said_are_on_one_side() -> None:
    rows = [row(id=n) for n in range(10)]
    shares = split(load([*rows, *numbered_rows(40)]), parts=(0.5, 0.5))
    assert sorted(sum("id" in item for item in share) for share in shares) == [0, 10]


def values_of(share: Dataset) -> Counter[object]:
    return Counter(item.get("label") for item in share)


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 3), min_size=8, max_size=80),
    st.sampled_from([(0.9, 0.1), (0.5, 0.5), (0.8, 0.2), (0.97, 0.03)]),
    st.integers(),
    st.randoms(use_true_random=False),
)
def test_each_part_has_its_share_of_each_value(
    labels: list[int], parts: tuple[float, ...], seed: int, chance: Random
) -> None:
    # A value that no row has is a slip of the pen, and refused.
    assume(any(labels))
    rows = [
        {**item, **({"label": n} if n else {})}
        for item, n in zip(numbered_rows(len(labels)), labels, strict=True)
    ]
    shares = split(load(rows), parts=parts, seed=seed, stratify="/label")
    wanted = Counter(n or None for n in labels)
    for share, part in zip(shares, parts, strict=True):
        assert abs(len(share) - max(1, part * len(rows))) <= 2
        for value, count in wanted.items():
            assert abs(values_of(share)[value] - part * count) <= 1 + max(0, 1 - part * len(rows))
    again = split(load(chance.sample(rows, len(rows))), parts=parts, seed=seed, stratify="/label")
    assert [sorted(content(share)) for share in shares] == [sorted(content(s)) for s in again]


def test_many_small_values_do_not_all_go_to_the_large_part() -> None:
    rows = [{**item, "label": str(n % 20)} for n, item in enumerate(numbered_rows(60))]
    train, valid = split(load(rows), stratify="/label")
    assert (len(train), len(valid)) == (54, 6)
    assert max(values_of(valid).values()) == 1


def test_three_parts_are_stratified_too() -> None:
    rows = [{**item, "label": n % 3 == 0} for n, item in enumerate(numbered_rows(100))]
    shares = split(load(rows), parts=(0.7, 0.2, 0.1), stratify="/label")
    assert [abs(len(share) - want) <= 1 for share, want in zip(shares, (70, 20, 10), strict=True)]
    for share, want in zip(shares, (23.8, 6.8, 3.4), strict=True):
        assert abs(values_of(share)[True] - want) <= 1.5


def test_a_value_may_lie_deep() -> None:
    systems = [{"role": "system", "content": f"Be {word}."} for word in ("brief", "kind")]
    rows = [
        row(systems[n % 2], {"role": "user", "content": f"{n} eggs"}, ASSISTANT) for n in range(40)
    ]
    _, valid = split(load(rows), parts=(0.8, 0.2), stratify="/messages/0/content")
    assert sorted(Counter(text(item)[:60] for item in valid).values()) == [4, 4]


@pytest.mark.parametrize("pointer", ["label", "", "#/label"])
def test_what_is_no_pointer_is_refused(pointer: str) -> None:
    with pytest.raises(ConfigurationError, match=r"`stratify`.*pointer"):
        split(load(numbered_rows(10)), stratify=pointer)


def test_what_is_no_single_value_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"`stratify` '/messages' leads to .* in rows:1"):
        split(load(numbered_rows(10)), stratify="/messages")


def test_too_many_values_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="10 different values in 10 rows"):
        split(load(numbered_rows(10)), stratify="/messages/0/content")


def test_parts_are_of_the_format_that_was_said() -> None:
    shares = split(load(numbered_rows(20), format="chat"))
    assert {share.format for share in shares} == {"chat"}


def test_a_pointer_that_leads_nowhere_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no row of rows has such a value"):
        split(load(numbered_rows(10)), stratify="/nope")
