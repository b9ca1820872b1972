"""A dataset in another format, and what is told about it."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk.datasets import (
    EVERYTHING,
    Conversion,
    Dataset,
    RowFormat,
    RowRules,
    check,
    convert,
    detect,
    load,
)
from finetune_sdk.datasets.converting import base_of, convertible
from finetune_sdk.datasets.rules import Content
from finetune_sdk.errors import ConfigurationError, DatasetError
from tests.datasets.samples import (
    ANSWER,
    ASSISTANT,
    CALLING,
    TOOL,
    USER,
    WORSE,
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

SYSTEM: Json = {"role": "system", "content": "Be brief."}
AGAIN: Json = {"role": "user", "content": "salt?"}
YES: Json = {"role": "assistant", "content": "yes"}
PASSED: Json = {**ASSISTANT, "weight": 0}
IMAGE: Json = {"type": "image_url", "image_url": {"url": "https://a.example/egg.png"}}
TEXT: Json = {"type": "text", "text": "2 eggs"}
SEEN: Json = {"role": "user", "content": [TEXT, IMAGE]}
NAMED: Json = {**USER, "name": "ann"}

SHARED: Json = {
    "conversations": [
        {"from": "human", "value": USER["content"]},
        {"from": "gpt", "value": ASSISTANT["content"]},
    ]
}
ALPACA: Json = {"instruction": USER["content"], "input": "", "output": ASSISTANT["content"]}
COMPLETION: Json = {"prompt": [USER], "completion": [ASSISTANT]}
GRADED: Json = {"messages": [USER], "reference_answer": ASSISTANT["content"]}

MADE: list[tuple[Json, RowFormat, list[Json]]] = [
    (row(), "sharegpt", [SHARED]),
    (row(), "alpaca", [ALPACA]),
    (row(), "completion", [COMPLETION]),
    (row(), "prompts", [GRADED]),
    (row(SYSTEM, USER, ASSISTANT), "alpaca", [{**ALPACA, "system": "Be brief."}]),
    (
        row(USER, ASSISTANT, AGAIN, YES),
        "alpaca",
        [
            {
                "instruction": "salt?",
                "input": "",
                "output": "yes",
                "history": [[USER["content"], ASSISTANT["content"]]],
            }
        ],
    ),
    (
        row(USER, PASSED, AGAIN, YES),
        "completion",
        [{"prompt": [USER, ASSISTANT, AGAIN], "completion": [YES]}],
    ),
    (
        row(USER, PASSED, AGAIN, YES),
        "prompts",
        [{"messages": [USER, ASSISTANT, AGAIN], "reference_answer": "yes"}],
    ),
    (row(USER, ASSISTANT, tools=[TOOL]), "completion", [{**COMPLETION, "tools": [TOOL]}]),
    (row(id=7), "sharegpt", [{**SHARED, "id": 7}]),
    (row(label="good"), "prompts", [{**GRADED, "label": "good"}]),
    (SHARED, "chat", [row()]),
    (ALPACA, "chat", [row()]),
    (COMPLETION, "chat", [row()]),
    ({**ALPACA, "id": 7}, "sharegpt", [{**SHARED, "id": 7}]),
    (pair(), "preference_trl", [trl_pair()]),
    (trl_pair(), "preference", [pair()]),
    (
        text_pair(),
        "preference",
        [
            pair(
                input={"messages": [{"role": "user", "content": "2 eggs"}]},
                preferred_output=[{"role": "assistant", "content": "eggs"}],
                non_preferred_output=[{"role": "assistant", "content": "salt"}],
            )
        ],
    ),
    (
        pair(input={"messages": [USER], "tools": [TOOL], "parallel_tool_calls": False}),
        "preference_trl",
        [trl_pair(tools=[TOOL], parallel_tool_calls=False)],
    ),
    (pair(), "kto", [thumb(), thumb(completion=[WORSE], label=False)]),
    (
        text_pair(),
        "kto",
        [
            {"prompt": "2 eggs", "completion": "eggs", "label": True},
            {"prompt": "2 eggs", "completion": "salt", "label": False},
        ],
    ),
    (thumb(), "chat", [row()]),
    (thumb(), "alpaca", [ALPACA]),
]


@pytest.mark.parametrize(("item", "target", "expected"), MADE)
def test_a_row_says_the_same_in_another_format(
    item: Json, target: RowFormat, expected: list[Json]
) -> None:
    conversion = convert(load([item]), to=target)
    assert list(conversion.dataset) == expected
    assert conversion.dataset.format == conversion.report.target == target
    assert conversion.report.lost == ()
    assert conversion.report.renamed
    rules = RowRules(format=base_of(target), content=EVERYTHING)
    assert check(conversion.dataset, rules=rules).ok


LOST: list[tuple[Json, RowFormat, str, list[Json]]] = [
    (row(id=7), "completion", "", [{**COMPLETION, "id": 7}]),
    ({**SHARED, "id": 7}, "chat", "fields", [row()]),
    (row(prompt="x"), "completion", "fields", [COMPLETION]),
    (row({**USER, "x": 1}, ASSISTANT), "sharegpt", "fields", [SHARED]),
    (row(USER, PASSED, AGAIN, YES), "sharegpt", "weights", []),
    (row(USER, PASSED), "completion", "weights", [COMPLETION]),
    (row(USER, PASSED), "prompts", "weights", [GRADED]),
    (row(USER, ASSISTANT, AGAIN, YES), "completion", "answers", []),
    (row(USER, ASSISTANT, AGAIN, YES), "prompts", "answers", []),
    (row(USER, ASSISTANT, AGAIN), "completion", "turns", [COMPLETION]),
    (row(USER, ASSISTANT, AGAIN), "alpaca", "turns", [ALPACA]),
    (row(NAMED, ASSISTANT), "sharegpt", "names", [SHARED]),
    (row(USER, {**ASSISTANT, "name": "bob"}), "prompts", "names", [GRADED]),
    (row(USER, CALLING, tools=[TOOL]), "sharegpt", "tools", []),
    (row(USER, CALLING, ANSWER, ASSISTANT), "sharegpt", "tools", [SHARED]),
    (row(USER, CALLING), "prompts", "tools", [{"messages": [USER]}]),
    (row(parallel_tool_calls=False), "alpaca", "parallel_tool_calls", [ALPACA]),
    (row({"role": "user", "content": [IMAGE]}, ASSISTANT), "sharegpt", "images", []),
    (pair(), "chat", "rejected", [row()]),
    (trl_pair(), "sharegpt", "rejected", [SHARED]),
    (thumb(label=False), "chat", "label", []),
    (trl_pair(score=5), "preference", "fields", [pair()]),
]


@pytest.mark.parametrize(("item", "target", "what", "expected"), LOST)
def test_a_loss_is_refused_unless_it_is_allowed(
    item: Json, target: RowFormat, what: str, expected: list[Json]
) -> None:
    dataset = load([row(), item] if "messages" in item else [item])
    last = len(dataset)
    if what:
        with pytest.raises(
            DatasetError, match=rf"`{what}` in 1 row.*line {last} .*allow_loss=\(\""
        ) as caught:
            convert(dataset, to=target)
        assert what in str(caught.value)
    conversion = convert(dataset, to=target, allow_loss=[what] if what else ())
    assert [(loss.what, loss.rows, loss.line) for loss in conversion.report.lost] == (
        [(what, 1, last)] if what else []
    )
    if expected:
        assert list(conversion.dataset)[-1:] == expected


def test_all_losses_are_named_at_once_with_their_mend() -> None:
    item = row(NAMED, PASSED, AGAIN, YES)
    with pytest.raises(DatasetError, match=r'allow_loss=\("weights", "names"\)'):
        convert(load([item]), to="sharegpt")
    for allowed in ("all", ("all",), {"weights", "names"}):
        assert len(convert(load([item]), to="sharegpt", allow_loss=allowed).report.lost) == 2


CONTENT: list[tuple[Json, set[Content], str | None, list[Json]]] = [
    (row(), set(), None, [row()]),
    (row({**USER, "weight": 1}, ASSISTANT), {"name"}, None, [row()]),
    (row(SEEN, ASSISTANT), {"image"}, None, [row(SEEN, ASSISTANT)]),
    (row(SEEN, ASSISTANT), set(), "images", [row({**SEEN, "content": [TEXT]}, ASSISTANT)]),
    (row({**SEEN, "content": [IMAGE]}, ASSISTANT), set(), "images", []),
    (row(NAMED, ASSISTANT), set(), "names", [row()]),
    (row(USER, PASSED, AGAIN, YES), set(), "weights", [row(USER, ASSISTANT, AGAIN, YES)]),
    (row(tools=[TOOL]), set(), "tools", [row()]),
    (row(USER, CALLING, ANSWER, ASSISTANT), set(), "tools", [row()]),
    (
        row(USER, {**CALLING, "content": "wait"}),
        set(),
        "tools",
        [row(USER, {**YES, "content": "wait"})],
    ),
    (row(USER, CALLING), set(), "tools", []),
    (pair(preferred_output=[CALLING]), set(), "tools", []),
    (pair(input={"messages": [USER], "tools": [TOOL]}), set(), "tools", [pair()]),
    (question(tools=[TOOL]), set(), "tools", [question()]),
    (thumb(prompt=[NAMED]), set(), "names", [thumb()]),
    (trl_pair(chosen=[{**ASSISTANT, "name": "b"}]), set(), "names", [trl_pair()]),
    ({**SHARED, "tools": "[1]"}, set(), "tools", [SHARED]),
    (SHARED, set(), None, [SHARED]),
]


@pytest.mark.parametrize(("item", "content", "what", "expected"), CONTENT)
def test_what_a_provider_cannot_hold_is_a_loss(
    item: Json, content: set[Content], what: str | None, expected: list[Json]
) -> None:
    dataset = load([item])
    source = convert(dataset, to=_same(dataset)).report.source
    held = frozenset[Content]({"text", *content})
    if what:
        with pytest.raises(DatasetError, match=f"`{what}`"):
            convert(dataset, to=source, content=held)
    conversion = convert(dataset, to=source, content=held, allow_loss=(what,) if what else ())
    assert list(conversion.dataset) == expected
    assert [loss.what for loss in conversion.report.lost] == ([what] if what else [])


def _same(dataset: Dataset) -> RowFormat:
    found = detect(dataset)
    assert found is not None
    return found


def test_weights_are_kept_until_the_format_says_them_otherwise() -> None:
    dataset = load([row(USER, PASSED, AGAIN, YES)])
    held = frozenset[Content]({"text"})
    assert convert(dataset, to="completion", content=held).report.lost == ()
    assert convert(dataset, to="prompts", content=held).report.lost == ()


@pytest.mark.parametrize(
    "item", [row(), row(id=7), pair(), trl_pair(), thumb(), question(x=1), SHARED, ALPACA]
)
def test_rows_that_are_so_already_are_given_back(item: Json) -> None:
    dataset = load([item, item])
    conversion = convert(dataset, to=_same(dataset))
    assert conversion.dataset is dataset
    report = conversion.report
    assert (report.rows_in, report.rows_out) == (2, 2)
    assert (report.lost, report.renamed, report.notes) == ((), (), ())


def test_lines_are_those_of_the_source_and_bad_ones_stay(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.jsonl",
        line(pair()),
        b"{",
        b"",
        line({"input": 1, "preferred_output": 2}),
        b'{"a": "\\ud800"}',
        line(pair()),
        b"",
    )
    dataset, report = convert(load(path), to="kto")
    assert [record.line for record in dataset.records()] == [1, 1, 2, 3, 4, 5, 6, 6, 7]
    assert (report.rows_in, report.rows_out, len(dataset)) == (5, 7, 7)
    assert report.notes == (
        "1 row(s), the first in line 4, are none of the format `preference` and stay as they are; "
        "`check` tells what they lack",
    )
    with pytest.raises(DatasetError, match=rf"{path}:2.*not_json"):
        list(dataset)


def test_a_dataset_is_read_anew_each_time(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", line(SHARED))
    dataset = convert(load(path), to="chat").dataset
    assert (dataset.name, dataset.place, dataset.path) == ("a.jsonl", str(path), None)
    written(path, line(SHARED), line(SHARED))
    assert list(dataset) == [row(), row()]
    assert list(pickle.loads(pickle.dumps(dataset))) == [row(), row()]  # noqa: S301 - our own
    assert dataset.write(tmp_path / "b.jsonl").read_bytes().count(b"\n") == 2


def test_what_was_put_in_is_noted() -> None:
    call = {"from": "function_call", "value": '{"name": "f", "arguments": {}}'}
    report = convert(load([{"conversations": [call]}]), to="chat").report
    assert any("call_1" in note for note in report.notes)
    assert any(
        "template" in note for note in convert(load([text_pair()]), to="preference").report.notes
    )


FORMATS: list[RowFormat] = [
    *("chat", "completion", "preference", "preference_trl", "kto", "prompts", "sharegpt", "alpaca"),
]
WAYS: dict[RowFormat, set[RowFormat]] = {
    "chat": {"chat", "completion", "prompts", "sharegpt", "alpaca"},
    "completion": {"chat", "completion", "prompts", "sharegpt", "alpaca"},
    "sharegpt": {"chat", "completion", "prompts", "sharegpt", "alpaca"},
    "alpaca": {"chat", "completion", "prompts", "sharegpt", "alpaca"},
    "preference": set(FORMATS),
    "preference_trl": set(FORMATS),
    "kto": {"kto", "chat", "completion", "prompts", "sharegpt", "alpaca"},
    "prompts": {"prompts"},
}
SAMPLES: dict[RowFormat, Json] = {
    "chat": row(),
    "completion": COMPLETION,
    "sharegpt": SHARED,
    "alpaca": ALPACA,
    "preference": pair(),
    "preference_trl": trl_pair(),
    "kto": thumb(),
    "prompts": question(),
}


@pytest.mark.parametrize("source", FORMATS)
@pytest.mark.parametrize("target", FORMATS)
def test_the_table_of_ways(source: RowFormat, target: RowFormat) -> None:
    possible = target in WAYS[source]
    assert convertible(source, target) == possible
    if possible:
        assert list(convert(load([SAMPLES[source]]), to=target, allow_loss="all").dataset)
        return
    with pytest.raises(ConfigurationError, match=rf"{source}.*{sorted(WAYS[source])[0]}"):
        convert(load([SAMPLES[source]]), to=target)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"to": "jsonl"}, "`to` is 'jsonl'.*chat"),
        ({"to": "chat", "allow_loss": ("tool",)}, "`allow_loss` has 'tool'.*'tools'"),
        ({"to": "chat", "allow_loss": "everything"}, "`allow_loss` has 'everything'"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        convert(load([row()]), **arguments)


@pytest.mark.parametrize("rows", [[], [{"text": "a"}]])
def test_a_format_that_cannot_be_told_has_to_be_said(rows: list[Json]) -> None:
    with pytest.raises(DatasetError, match="load"):
        convert(load(rows), to="chat")
    said: Conversion = convert(load(rows, format="sharegpt"), to="chat")
    assert said.report.rows_in == len(rows)
    assert len(said.report.notes) == len(rows)


def test_rows_of_another_format_stay_as_they_are() -> None:
    conversion = convert(load([SHARED, SHARED, ALPACA, {"conversations": 1}]), to="chat")
    assert list(conversion.dataset) == [row(), row(), ALPACA, {"messages": 1}]
    assert len(conversion.report.notes) == 1
