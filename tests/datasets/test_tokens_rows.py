"""Rows of every format, counted: by hand, in sums, and in bins."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_sdk.datasets import RowFormat, load
from finetune_sdk.datasets.tokens import (
    Estimate,
    Piece,
    TokenTally,
    TrainOn,
    count,
    counted,
    encoding,
    row_tokens,
)
from finetune_sdk.errors import ConfigurationError, DatasetError
from finetune_sdk.types import TokenReport
from tests.datasets.samples import (
    ASSISTANT,
    TOOL,
    USER,
    Json,
    pair,
    question,
    row,
    text_pair,
    thumb,
    trl_pair,
    written,
)


class Words:
    """A tokenizer that can be reckoned with in the head: a token is a word."""

    name = "words"
    exact = True
    note: str | None = None

    def __init__(self) -> None:
        self.calls = 0

    def count(self, texts: Sequence[str]) -> list[int]:
        self.calls += 1
        return [len(text.split()) for text in texts]

    def pieces(self, text: str) -> list[Piece]:
        return [Piece(word, 1) for word in text.split()]


WORDS = Words()
KEYS = ("messages", "prompt", "completion", "chosen", "rejected", "input", "role", "content")
MORE_KEYS = ("name", "weight", "tool_calls", "function", "arguments", "type", "text", "tools")
SYSTEM: Json = {"role": "system", "content": "Be brief."}
ASKED: Json = {"role": "user", "content": "How many eggs?"}
SAID: Json = {"role": "assistant", "content": "Two or three"}
CALLING: Json = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": "a", "type": "function", "function": {"name": "scale", "arguments": '{"by": 2}'}}
    ],
}
PICTURE: Json = {"type": "image_url", "image_url": {"url": "https://example.com/egg.png"}}


def messages(*given: Json) -> list[Json]:
    return list(given)


@pytest.mark.parametrize(
    ("given", "format_", "total", "trained"),
    [
        # 3 for the conversation; for each message 3, its role and its words.
        (row(ASKED, SAID), "chat", 3 + (3 + 1 + 3) + (3 + 1 + 3), 3 + 1),
        (row(SYSTEM, ASKED, SAID), "chat", 17 + 3 + 1 + 2, 4),
        (row({**ASKED, "name": "Ada"}, SAID), "chat", 17 + 1 + 1, 4),
        (row(ASKED, {**SAID, "weight": 0}, ASKED, SAID), "chat", 17 + 14, 4),
        (row(ASKED, SAID, ASKED, {**SAID, "weight": 1}), "chat", 17 + 14, 8),
        (row({**ASKED, "content": [{"type": "text", "text": "a b"}] * 2}, SAID), "chat", 18, 4),
        # The call's name, and its arguments: two words.
        (row(ASKED, CALLING), "chat", 3 + 7 + 3 + 1 + 3, 3 + 1),
        (row({**ASKED, "content": [PICTURE]}, SAID), "chat", 17 - 3, 4),
        (row(ASKED, SAID, tools=[{"type": "x"}]), "chat", 17 + 1, 4),
        (question(messages=messages(ASKED), answer="a b c d"), "prompts", 3 + 7, None),
        ({"prompt": "How many eggs?", "answer": 2}, "prompts", 3, None),
        (
            pair(
                input={"messages": messages(ASKED)},
                preferred_output=messages(SAID),
                non_preferred_output=messages({**SAID, "content": "Many"}),
            ),
            "preference",
            3 + 7 + 7 + 5,
            (3 + 1) + (1 + 1),
        ),
        (
            trl_pair(prompt=messages(ASKED), chosen=messages(SAID), rejected=messages(SAID)),
            "preference_trl",
            3 + 7 + 7 + 7,
            8,
        ),
        (text_pair(prompt="a b", chosen="c", rejected="d e f"), "preference_trl", 6, 4),
        (thumb(prompt=messages(ASKED), completion=messages(SAID)), "kto", 17, 4),
        (thumb(prompt="a b c", completion="d"), "kto", 4, 1),
        ({"prompt": "a b c", "completion": "d"}, "completion", 4, 1),
        ({"prompt": messages(ASKED), "completion": messages(SAID)}, "completion", 17, 4),
    ],
)
def test_a_row_by_hand(given: Json, format_: RowFormat, total: int, trained: int | None) -> None:
    assert row_tokens(given, WORDS, format=format_) == (total, trained)
    everything = row_tokens(given, WORDS, format=format_, train_on="all")
    assert everything == (total, total if trained is not None else None)


def test_the_cookbooks_formula_with_an_encoding() -> None:
    # "You are kind." is 4 tokens, "Eat a banana!" 4, a role 1.
    chat = row(
        {"role": "system", "content": "You are kind."},
        {"role": "user", "content": "Eat a banana!"},
        {"role": "assistant", "content": "Eat a banana!" * 2000},
    )
    assert row_tokens(chat, encoding("cl100k_base")) == (3 + 8 + 8 + 8004, 8001)


@pytest.mark.parametrize(
    ("given", "format_"),
    [
        ({}, "chat"),
        ({"messages": "eggs"}, "chat"),
        (row("eggs"), "chat"),
        (row({"content": "eggs"}), "chat"),
        (row({"role": "user"}), "chat"),
        (row({"role": "user", "content": 2}), "chat"),
        (row({"role": "user", "content": [{"type": "text"}]}), "chat"),
        (row({"role": "user", "content": "eggs", "name": 2}), "chat"),
        (row({"role": "assistant", "tool_calls": [{"function": "scale"}]}), "chat"),
        (row({"role": "assistant", "tool_calls": {"function": {}}}), "chat"),
        (pair(input=[ASKED]), "preference"),
        (pair(preferred_output="eggs"), "preference"),
        ({"prompt": "eggs"}, "kto"),
        ({"answer": "eggs"}, "prompts"),
    ],
)
def test_a_broken_row_is_not_counted(given: Json, format_: RowFormat) -> None:
    assert row_tokens(given, WORDS, format=format_) is None


@pytest.mark.parametrize("format_", ["sharegpt", "alpaca", "eggs"])
def test_formats_that_are_converted_first(format_: Literal["sharegpt", "alpaca"]) -> None:
    with pytest.raises(ConfigurationError, match="convert the rows first"):
        row_tokens({}, WORDS, format=format_)
    with pytest.raises(ConfigurationError, match=format_):
        count(load([row()]), counter=WORDS, format=format_)


def test_a_dataset(tmp_path: Path) -> None:
    lines = [
        json.dumps(row(ASKED, SAID)).encode(),
        b"eggs",
        json.dumps(row("eggs")).encode(),
        b"",
        json.dumps(row({**ASKED, "content": "word " * 30}, SAID)).encode(),
        b'{"messages": [{"role": "user", "content": "\\ud800"}]}',
        json.dumps(row(SYSTEM, ASKED, SAID)).encode(),
    ]
    report = count(load(written(tmp_path / "a.jsonl", *lines)), counter=WORDS, limit=20)
    assert report.model_copy(update={"histogram": ()}) == TokenReport(
        counter="words",
        exact=True,
        rows=3,
        total=17 + 44 + 23,
        trained=12,
        longest=44,
        longest_line=5,
        median=23,
        limit=20,
        over_limit=2,
        billable=17 + 20 + 20,
    )


def test_no_rows() -> None:
    report = count(load([]), counter=WORDS, limit=20)
    assert report == TokenReport(
        counter="words", exact=True, rows=0, total=0, trained=0, limit=20, billable=0
    )


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    dataset = load(written(tmp_path / "a.jsonl", b"{}"))
    (tmp_path / "a.jsonl").unlink()
    with pytest.raises(DatasetError):
        count(dataset, counter=WORDS)


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        (row(USER, ASSISTANT, tools=[TOOL]), "1 row(s) have tools, counted as their JSON"),
        (row(USER, CALLING), "1 row(s) have tool calls, counted as name and arguments"),
        (row({**USER, "content": [PICTURE]}, ASSISTANT), "1 row(s) have images, which are not"),
    ],
)
def test_what_cannot_be_counted_exactly_is_told(odd: Json, words: str) -> None:
    report = count(load([row(), odd]), counter=WORDS)
    assert report.exact is False
    assert words in (report.note or "")
    assert count(load([row()]), counter=WORDS).exact


def test_an_estimate_is_told() -> None:
    report = count(load([row(), row(USER, ASSISTANT, tools=[TOOL])]), counter=Estimate())
    assert (report.counter, report.exact) == ("estimate", False)
    estimate, tools = (report.note or "").split(": about 10 %")
    assert estimate.startswith("an estimate")
    assert "have tools" in tools


def test_pairs_say_how_they_are_counted() -> None:
    report = count(load([pair()]), counter=WORDS, format="preference")
    assert report.note == "a row counts its prompt once and both answers"
    assert report.exact


def test_prompts_have_no_trained_tokens() -> None:
    rows = load([question(answer=n) for n in range(3)])
    assert count(rows, counter=WORDS, format="prompts").trained is None


def test_many_rows_are_counted_in_few_calls() -> None:
    words = Words()
    rows = load([row({**USER, "content": f"{n} eggs"}, ASSISTANT) for n in range(2000)])
    assert count(rows, counter=words).rows == 2000
    assert words.calls < 10


def test_long_rows_are_not_kept_together() -> None:
    words = Words()
    rows = [(n, row({**USER, "content": "egg " * 300_000}, ASSISTANT)) for n in range(1, 5)]
    assert [found.line for found in counted(rows, words)] == [1, 2, 3, 4]
    assert words.calls >= 4


lengths = st.lists(st.integers(0, 60) | st.integers(0, 200_000), min_size=1, max_size=60)


@settings(deadline=None)
@given(lengths, st.none() | st.integers(1, 100_000))
def test_sums_of_any_rows(totals: list[int], limit: int | None) -> None:
    tally = TokenTally("words", limit=limit)
    for line, total in enumerate(totals, start=1):
        tally.add(line, total, total // 2)
    report = tally.report()
    ordered = sorted(totals)
    assert (report.rows, report.total) == (len(totals), sum(totals))
    assert report.trained == sum(total // 2 for total in totals)
    assert report.longest == max(totals)
    assert report.longest == 0 or totals[report.longest_line - 1] == report.longest
    assert report.median == ordered[(len(totals) - 1) // 2]
    assert report.billable == sum(min(total, limit or total) for total in totals)
    assert report.over_limit == sum(total > limit for total in totals if limit is not None)
    assert TokenReport.from_json(report.to_json()) == report
    bins = report.histogram
    assert 1 <= len(bins) <= 13
    assert [one.low for one in bins[1:]] == [one.high + 1 for one in bins[:-1]]
    for one in bins:
        assert one.rows == sum(one.low <= total <= one.high for total in totals)
    assert sum(one.rows for one in bins) == len(totals)
    assert bins[0].rows
    assert bins[-1].rows


@pytest.mark.parametrize(
    ("totals", "bins"),
    [
        ([5], [(5, 5)]),
        ([100, 220, 340], [(100, 149), (150, 199), (200, 249), (250, 299), (300, 349)]),
        ([20, 45, 8032], [(2**n, 2 ** (n + 1) - 1) for n in range(4, 13)]),
        ([1, 100_000], [(0, 63), *((2**n, 2 ** (n + 1) - 1) for n in range(6, 17))]),
    ],
)
def test_bins_are_round(totals: list[int], bins: list[tuple[int, int]]) -> None:
    tally = TokenTally("words")
    for line, total in enumerate(totals, start=1):
        tally.add(line, total, None)
    assert [(one.low, one.high) for one in tally.report().histogram] == bins


@settings(deadline=None)
@given(
    st.sampled_from(["chat", "preference", "preference_trl", "kto", "completion", "prompts"]),
    st.sampled_from(["assistant", "all"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just("assistant"),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from((*KEYS, *MORE_KEYS)),
                inner,
                max_size=5,
            )
        ),
        max_leaves=25,
    ),
)
def test_any_row_is_counted_or_passed_over(
    format_: RowFormat, train_on: TrainOn, value: object
) -> None:
    given: Json = {"messages": value, "prompt": value, "completion": value, "input": value}
    found = row_tokens(given, WORDS, format=format_, train_on=train_on)
    assert found is None or found[0] >= (found[1] or 0) >= 0
