"""What rows look like is told by their keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from finetune_sdk.datasets import RowFormat, detect, load
from finetune_sdk.datasets.detect import format_of
from tests.datasets.samples import (
    ASSISTANT,
    CALLING,
    USER,
    Json,
    line,
    pair,
    question,
    row,
    text_pair,
    thumb,
    trl_pair,
    written,
)

SHAREGPT: Json = {"conversations": [{"from": "human", "value": "2 eggs"}]}
ALPACA: Json = {"instruction": "2 eggs", "output": "eggs"}
COMPLETION: Json = {"prompt": "2 eggs", "completion": "eggs"}

KNOWN: list[tuple[Json, RowFormat]] = [
    (row(), "chat"),
    (row(USER, CALLING), "chat"),
    (row(ASSISTANT, USER), "chat"),
    (row(id=1), "chat"),
    (question(), "prompts"),
    (question(reference_answer="eggs"), "prompts"),
    ({"messages": []}, "prompts"),
    ({"messages": 1}, "prompts"),
    ({"prompt": "2 eggs", "answer": "eggs"}, "prompts"),
    (pair(), "preference"),
    (trl_pair(), "preference_trl"),
    (text_pair(), "preference_trl"),
    ({"chosen": [USER, ASSISTANT], "rejected": [USER, ASSISTANT]}, "preference_trl"),
    ({**trl_pair(), "messages": [USER, ASSISTANT], "score_chosen": 5.0}, "preference_trl"),
    (thumb(), "kto"),
    (COMPLETION, "completion"),
    (SHAREGPT, "sharegpt"),
    ({**SHAREGPT, "id": "a", "system": "Be brief."}, "sharegpt"),
    ({"conversations": [USER, ASSISTANT]}, "sharegpt"),
    (ALPACA, "alpaca"),
    ({"instruction": "2 eggs", "input": "", "output": "eggs"}, "alpaca"),
    ({"instruction": "2 eggs", "context": "", "response": "eggs"}, "alpaca"),
]


@pytest.mark.parametrize(("item", "expected"), KNOWN)
def test_a_row_is_told_by_its_keys(item: Json, expected: RowFormat) -> None:
    assert format_of(item) == expected
    assert detect(load([item])) == expected


@pytest.mark.parametrize("item", [{}, {"text": "2 eggs"}, {"instruction": "2 eggs"}, {"label": 1}])
def test_keys_that_tell_nothing_are_no_format(item: Json) -> None:
    assert format_of(item) is None
    assert detect(load([item])) is None


def test_most_rows_decide_and_strangers_do_not_count() -> None:
    assert detect(load([question(), row(), row()])) == "chat"
    assert detect(load([{"text": "a"}, {"text": "b"}, SHAREGPT])) == "sharegpt"
    assert detect(load([ALPACA, row()])) == "alpaca"


def test_only_the_first_rows_are_looked_at() -> None:
    assert detect(load([SHAREGPT] * 100 + [row()] * 1000)) == "sharegpt"


def test_lines_that_are_no_rows_are_passed_over(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", b"{", b"", b"[1]", line(ALPACA))
    assert detect(load(path)) == "alpaca"
    assert detect(load(written(tmp_path / "b.jsonl"))) is None


def test_what_the_caller_says_holds() -> None:
    assert detect(load([row()], format="sharegpt")) == "sharegpt"
