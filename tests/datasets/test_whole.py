"""What a check says of a dataset as a whole, to the last word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from finetune_sdk.datasets import Counting, RowRules, check, load
from finetune_sdk.datasets.detect import detect
from finetune_sdk.datasets.near import NearDuplicates
from finetune_sdk.datasets.tokens import Piece
from finetune_sdk.errors import ConfigurationError
from tests.datasets.samples import (
    ASSISTANT,
    TOOL,
    Json,
    judged,
    numbered_rows,
    row,
    text_pair,
    thumb,
)


def labels(good: int, bad: int) -> list[Json]:
    return [thumb(prompt=f"{n} eggs", completion="x", label=n < good) for n in range(good + bad)]


def lengths(longer: int, shorter: int) -> list[Json]:
    answers = ["an egg"] * longer + ["e"] * shorter
    return [text_pair(prompt=f"{n} eggs", chosen=said) for n, said in enumerate(answers)]


@pytest.mark.parametrize(
    ("rows", "rules", "said"),
    [
        ([], {}, ["the dataset has no row"]),
        (numbered_rows(2), {"min_rows": 3}, ["the dataset has 2 row(s), and 3 are needed"]),
        (numbered_rows(3), {"min_rows": 3}, []),
        (
            labels(2, 0),
            {"format": "kto"},
            ["every `label` is true, and KTO learns from good and bad answers"],
        ),
        (
            labels(0, 2),
            {"format": "kto"},
            ["every `label` is false, and KTO learns from good and bad answers"],
        ),
        (
            [{**one, "tools": [TOOL]} for one in labels(2, 0)],
            {"format": "kto", "content": frozenset({"text", "tools"})},
            ["every `label` is true, and KTO learns from good and bad answers"],
        ),
        (labels(3, 17), {"format": "kto"}, ["3 answers are good and 17 are bad"]),
        (labels(17, 3), {"format": "kto"}, ["17 answers are good and 3 are bad"]),
        (labels(4, 16), {"format": "kto"}, []),
        (labels(1, 18), {"format": "kto"}, []),
        (
            lengths(19, 1),
            {"format": "preference"},
            ["the better answer is the longer one in 19 of 20 rows"],
        ),
        (
            lengths(1, 19),
            {"format": "preference"},
            ["the better answer is the shorter one in 19 of 20 rows"],
        ),
        (lengths(18, 2), {"format": "preference"}, []),
        (lengths(19, 0), {"format": "preference"}, []),
    ],
)
def test_a_dataset_is_told_what_it_lacks(
    rows: list[Json], rules: dict[str, Any], said: list[str]
) -> None:
    found = judged(load(rows), rules=RowRules(**rules)).findings
    assert [(one.line, one.message) for one in found] == [(0, words) for words in said]


def test_what_comes_twice_is_told_with_its_first_line() -> None:
    rows = [*numbered_rows(2), row(), *numbered_rows(1)]
    (twin,) = judged(load(rows)).findings
    assert (twin.line, twin.message) == (4, "the same row stands in line 1")
    other = load([row(), *numbered_rows(2)], name="valid.jsonl")
    found = check(load(numbered_rows(3)), against=other, near_duplicates=False).findings
    assert [(one.line, one.message) for one in found] == [
        (1, "the same row stands in valid.jsonl, line 2"),
        (2, "the same row stands in valid.jsonl, line 3"),
    ]


def test_what_comes_nearly_twice_is_told_with_its_first_line() -> None:
    rows = [row(), row({"role": "user", "content": "2 EGGS, a pinch  of salt"}, ASSISTANT)]
    (found,) = check(load(rows)).findings
    assert (found.line, found.code) == (2, "near_duplicate_row")
    assert found.message == "nearly all of its words are those of line 1"


@pytest.mark.parametrize("threshold", [0, -0.1, 1.01])
def test_a_part_of_the_words_is_one(threshold: float) -> None:
    with pytest.raises(ConfigurationError) as caught:
        NearDuplicates(threshold)
    assert str(caught.value) == f"`threshold` is {threshold}; it is above 0 and at most 1"


def test_all_words_may_be_asked_for() -> None:
    seen = NearDuplicates(1)
    words = " ".join(map(str, range(60)))
    assert [seen.add(1, words), seen.add(2, f"{words} more"), seen.add(3, words)] == [None, None, 1]


class Words:
    """A token is a word."""

    name, exact, note = "words", True, None

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def pieces(self, text: str) -> list[Piece]:
        return [Piece(word, 1) for word in text.split()]


@pytest.mark.parametrize(
    ("limit", "said"), [(17, ["the row has 18 tokens, and the model reads 17"]), (18, [])]
)
def test_a_row_that_is_too_long_is_told_its_length(limit: int, said: list[str]) -> None:
    rows = [row({"role": "user", "content": "one two three four five"}, ASSISTANT)]
    report = check(load(rows), counting=Counting(Words(), limit=limit))
    assert [one.message for one in report.findings] == said
    assert report.tokens is not None
    assert (report.tokens.total, report.tokens.trained) == (18, 3)
    whole = check(load(rows), counting=Counting(Words(), train_on="all")).tokens
    assert whole is not None
    assert (whole.total, whole.trained) == (18, 18)


@pytest.mark.parametrize(
    ("rows", "wanted", "tokens"),
    [
        ([text_pair()], "preference", (4, 2)),
        ([thumb(prompt="2 eggs", completion="eggs")], "kto", (3, 1)),
        ([row(), row({"role": "user", "content": "x", "name": "bob"}, ASSISTANT)], "chat", (35, 6)),
    ],
)
def test_tokens_are_counted_in_rows_of_every_kind(
    rows: list[Json], wanted: Any, tokens: tuple[int, int]
) -> None:
    dataset = load(rows)
    counting = Counting(Words(), format=detect(dataset) or wanted, limit=0)
    report = check(dataset, rules=RowRules(format=wanted), counting=counting)
    assert report.tokens is not None
    assert (report.tokens.total, report.tokens.trained) == tokens
    long = [one.line for one in report.findings if one.code == "row_too_long"]
    assert long == list(range(1, len(rows) + 1))
