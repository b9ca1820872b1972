"""Rows that stand in two datasets are told with both lines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from finetune_sdk.datasets import EVERYTHING, RowFormat, RowRules, check_both, load
from tests.datasets.cases import reversed_keys, said
from tests.datasets.samples import (
    ANSWER,
    ASSISTANT,
    CALLING,
    TOOL,
    USER,
    Json,
    line,
    numbered_rows,
    pair,
    question,
    row,
    thumb,
    trl_pair,
    written,
)
from tests.datasets.samples import judged as check

Made = Callable[[str], Json]
MADE: list[tuple[RowFormat, Made]] = [
    ("chat", lambda text: row(said(text), ASSISTANT)),
    ("chat", lambda text: row(said(text), CALLING, ANSWER, ASSISTANT, tools=[TOOL])),
    ("chat", lambda text: row({**said(text), "name": "ann"}, ASSISTANT)),
    ("preference", lambda text: pair(input={"messages": [said(text)]})),
    ("preference", lambda text: trl_pair(prompt=[said(text)])),
    ("kto", lambda text: thumb(prompt=[said(text)])),
    ("prompts", lambda text: question(messages=[said(text)], answer=text)),
]
each_kind = pytest.mark.parametrize(("wanted", "made"), MADE)


def other_way(one: Json) -> bytes:
    return json.dumps(reversed_keys(one)).encode()


@each_kind
def test_a_row_of_another_dataset_is_told_with_both_lines(
    wanted: RowFormat, made: Made, tmp_path: Path
) -> None:
    there = written(tmp_path / "b.jsonl", line(made("x")), line(made("b")), line(made("b")))
    here = written(tmp_path / "a.jsonl", line(made("a")), b"{", other_way(made("b")))
    rules = RowRules(format=wanted, content=EVERYTHING)
    report = check(load(here), rules=rules, against=load(there))
    found = [(f.line, f.message) for f in report.findings if f.code == "validation_overlap"]
    assert found == [(3, f"the same row stands in {there}, line 2")]


@each_kind
def test_training_and_validation_are_held_against_each_other(
    wanted: RowFormat, made: Made, tmp_path: Path
) -> None:
    training = written(tmp_path / "a.jsonl", *(line(made(text)) for text in "abcd"))
    validation = written(tmp_path / "b.jsonl", line(made("x")), other_way(made("c")))
    first, second = check_both(
        load(training),
        load(validation),
        rules=RowRules(format=wanted, content=EVERYTHING),
        # Other rules see other rows as odd.
        validation_rules=RowRules(format=wanted, content=frozenset({"text"}), validation=True),
    )
    assert "validation_overlap" not in {f.code for f in first.findings}
    found = [(f.line, f.message) for f in second.findings if f.code == "validation_overlap"]
    assert found == [(2, f"the same row stands in {training}, line 3")]


def test_a_dataset_without_common_rows_has_no_such_finding() -> None:
    first, second = numbered_rows(2)
    assert check(load([first]), against=load([second])).findings == ()
    assert check(load([first]), against=load([])).findings == ()


def test_overlaps_are_found_among_many_rows(tmp_path: Path) -> None:
    text = line(row(said("#"), said("b", "assistant")))
    rows = [text.replace(b"#", b"%d" % number) for number in range(70_000)]
    there = load(written(tmp_path / "b.jsonl", *rows))
    here = load([json.loads(rows[69_999]), row(USER, ASSISTANT), json.loads(rows[0])])
    found = [(f.line, f.message.rpartition(" ")[2]) for f in check(here, against=there).findings]
    assert found == [(1, "70000"), (3, "1")]
