"""What comes twice is found, wherever it stands; what differs is never taken for it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_sdk.datasets import EVERYTHING, RowFormat, RowRules, load
from finetune_sdk.datasets.rules import SPELLINGS
from tests.datasets.cases import TEXT, picture, reversed_keys, said
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
    text_pair,
    thumb,
    trl_pair,
    without,
    written,
)
from tests.datasets.samples import judged as check
from tests.datasets.strategies import LOOKED_AT, of_format

RULES = RowRules(content=EVERYTHING)


def repeats(rows: list[bytes], folder: Path, rules: RowRules = RULES) -> list[tuple[int, str]]:
    report = check(load(written(folder / "a.jsonl", *rows)), rules=rules, limit=10_000)
    return [(f.line, f.message) for f in report.findings if f.code == "duplicate_row"]


TOLD = "the same row stands in line 1"
SAMPLES: list[tuple[RowFormat, Json]] = [
    ("chat", row()),
    ("chat", row(USER, CALLING, ANSWER, ASSISTANT, tools=[TOOL], parallel_tool_calls=False)),
    ("chat", row({**USER, "name": "ann"}, {**ASSISTANT, "weight": 0}, USER, ASSISTANT)),
    ("chat", row(said([TEXT, picture()]), ASSISTANT)),
    ("chat", row(USER)),
    ("chat", row(source="web")),
    ("preference", pair()),
    ("preference", trl_pair()),
    ("preference", text_pair(chosen="")),
    ("kto", thumb()),
    ("prompts", question(answer={"b": 1, "a": [2.0, None]})),
]


@pytest.mark.parametrize(("wanted", "one"), SAMPLES)
def test_a_repeat_is_found_however_it_is_written(
    wanted: RowFormat, one: Json, tmp_path: Path
) -> None:
    rules = replace(RULES, format=wanted)
    other = json.dumps(reversed_keys(one), separators=(" , ", ": ")).replace("eggs", "\\u0065ggs")
    assert repeats([line(one), other.encode()], tmp_path, rules) == [(2, TOLD)]
    apart = [json.dumps(one, ensure_ascii=False).encode(), *map(line, numbered_rows(300))]
    found = repeats([*apart, other.encode()], tmp_path, rules)
    assert (302, TOLD) in found


DIFFERENT: list[tuple[Json, Json]] = [
    (row(), row(parallel_tool_calls=True)),
    (row(parallel_tool_calls=True), row(parallel_tool_calls=False)),
    (row(tools=[TOOL], parallel_tool_calls=True), row(tools=[TOOL], parallel_tool_calls=False)),
    (row(), row(tools=[TOOL])),
    (row(), row({**USER, "name": ""}, ASSISTANT)),
    (row(), row({**USER, "role": "system"}, USER, ASSISTANT)),
    (
        row({**USER, "role": "system"}, USER, ASSISTANT),
        row({**USER, "role": "developer"}, USER, ASSISTANT),
    ),
    (row(), row(USER, {**ASSISTANT, "weight": 1})),
    (row(USER, CALLING), row(USER, without(CALLING, "content"))),
    (row(USER, CALLING), row(USER, {**CALLING, "content": ""})),
    (row(), row({**USER, "content": [{**TEXT, "text": USER["content"]}]}, ASSISTANT)),
    (
        row(said([{"type": "image_url", "image_url": {"url": "https://a.b"}}]), ASSISTANT),
        row(
            said([{"type": "image_url", "image_url": {"url": "https://a.b", "detail": "auto"}}]),
            ASSISTANT,
        ),
    ),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_rows_that_differ_in_a_key_are_two(one: Json, other: Json, tmp_path: Path) -> None:
    assert repeats([line(one), line(other)], tmp_path) == []
    assert repeats([line(other), line(one)], tmp_path) == []


def canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True)


@settings(deadline=None, max_examples=250)
@given(st.data(), st.sampled_from(LOOKED_AT))
def test_repeats_are_exactly_the_rows_that_are_equal(
    data: st.DataObject, source: RowFormat
) -> None:
    drawn = data.draw(st.lists(of_format[source], max_size=4))
    rows = [cast("Json", json.loads(line(one))) for one in drawn if readable(one)]
    rows += data.draw(st.lists(st.sampled_from(rows), max_size=2)) if rows else []
    rules = replace(RULES, format=SPELLINGS.get(source, source))
    report = check(load(rows, format=source), rules=rules)
    first: dict[str, int] = {}
    wanted: list[tuple[int, str]] = []
    for number, one in enumerate(rows, start=1):
        before = first.setdefault(canonical(one), number)
        if before != number:
            wanted.append((number, f"the same row stands in line {before}"))
    assert [(f.line, f.message) for f in report.findings if f.code == "duplicate_row"] == wanted


def readable(one: Json) -> bool:
    """Nothing in it is half of a character, or no number."""
    try:
        json.dumps(one, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        return False
    return True


def test_repeats_are_found_among_many_rows(tmp_path: Path) -> None:
    count = 71_000
    text = line(row(said("#"), said("b", "assistant")))
    rows = [text.replace(b"#", b"%d" % number) for number in range(count)]
    again = {10: 1, 20_000: 3, 70_500: 20_001, 70_999: 0}
    for later, earlier in again.items():
        rows[later] = rows[earlier]
    # Those that are looked at one by one are kept beside the others.
    rows[500] = rows[70_000] = line(row(said("odd"), said("b", "assistant"), note=1))
    assert repeats(rows, tmp_path) == [
        (later + 1, f"the same row stands in line {earlier + 1}")
        for later, earlier in sorted({**again, 70_000: 500}.items())
    ]
