"""One fault, one finding: its code, its place, its mend."""

from __future__ import annotations

from typing import cast

import pytest

from finetune_sdk.datasets import EVERYTHING, RowRules, load
from finetune_sdk.datasets.codes import CODES
from tests.datasets.samples import (
    ANSWER,
    ASSISTANT,
    CALL,
    CALLING,
    TOOL,
    USER,
    Json,
    row,
    without,
)
from tests.datasets.samples import (
    judged as check,
)

ALL = RowRules(content=EVERYTHING, provider="somebody")
IMAGE: Json = {"type": "image_url", "image_url": {"url": "https://example.org/eggs.png"}}
TEXT: Json = {"type": "text", "text": "2 eggs"}
SYSTEM: Json = {"role": "system", "content": "Name the ingredients."}
WEIGHTS: list[object] = [2, -1, 0.5, 1.0, True, "1", None, []]
NOTHING: Json = {}
FUNCTION = cast("Json", CALL["function"])


def said(content: object, role: str = "user") -> Json:
    return {"role": role, "content": content}


def calling(call: object) -> Json:
    return row(USER, {**CALLING, "tool_calls": [call]})


def calling_with(arguments: object) -> Json:
    return calling({**CALL, "function": {"name": "scale", "arguments": arguments}})


GOOD = {
    "plain": row(),
    "system first": row(SYSTEM, USER, ASSISTANT),
    "developer first": row({**SYSTEM, "role": "developer"}, USER, ASSISTANT),
    "two instructions": row(SYSTEM, {**SYSTEM, "role": "developer"}, USER, ASSISTANT),
    "name": row({**USER, "name": "ann"}, ASSISTANT),
    "weights": row(USER, {**ASSISTANT, "weight": 0}, USER, {**ASSISTANT, "weight": 1}),
    "text parts": row(said([TEXT, TEXT]), said([TEXT], "assistant")),
    "image": row(said([TEXT, IMAGE]), ASSISTANT),
    "embedded image": row(
        said([{**IMAGE, "image_url": {"url": "data:image/png;base64,AA=="}}]), ASSISTANT
    ),
    "tools": row(USER, CALLING, ANSWER, ASSISTANT, tools=[TOOL], parallel_tool_calls=False),
    "call without content": row(USER, without(CALLING, "content")),
    "call with empty text": row(USER, {**CALLING, "content": ""}),
    "tool without parameters": row(
        tools=[{"type": "function", "function": {"name": "stop"}}],
    ),
    "empty user text": row(said(""), ASSISTANT),
}

ONE_FAULT: list[tuple[Json, str, str]] = [
    (row(USER, ASSISTANT, USER), "ends_without_answer", "/messages/2"),
    ({}, "no_messages", ""),
    ({"prompt": "2 eggs", "completion": "eggs"}, "no_messages", ""),
    ({"messages": None}, "wrong_messages_type", "/messages"),
    ({"messages": {"role": "user"}}, "wrong_messages_type", "/messages"),
    ({"messages": []}, "empty_messages", "/messages"),
    (row(source="web"), "unknown_row_key", "/source"),
    (row(**{"a/b~c": 1}), "unknown_row_key", "/a~1b~0c"),
    (row(USER), "no_assistant_turn", "/messages"),
    (row(USER, {**ASSISTANT, "weight": 0}), "nothing_to_learn", "/messages"),
    (row(USER, "eggs", ASSISTANT), "message_not_an_object", "/messages/1"),
    (row(USER, None), "message_not_an_object", "/messages/1"),
    (row(without(USER, "role"), ASSISTANT), "missing_role", "/messages/0"),
    (row(said("eggs", "human"), ASSISTANT), "unknown_role", "/messages/0/role"),
    (row(USER, said("eggs", "assitant")), "unknown_role", "/messages/1/role"),
    (row(USER, said("eggs", "Assistant")), "unknown_role", "/messages/1/role"),
    (row({**USER, "role": ["user"]}, ASSISTANT), "unknown_role", "/messages/0/role"),
    (row({**USER, "role": None}, ASSISTANT), "unknown_role", "/messages/0/role"),
    (row(USER, SYSTEM, ASSISTANT), "system_not_first", "/messages/1"),
    (row({**USER, "mood": "sad"}, ASSISTANT), "unknown_message_key", "/messages/0/mood"),
    (
        row({**USER, "tool_call_id": "x"}, ASSISTANT),
        "unknown_message_key",
        "/messages/0/tool_call_id",
    ),
    (row({**USER, "name": 7}, ASSISTANT), "bad_name", "/messages/0/name"),
    (row({**USER, "name": None}, ASSISTANT), "bad_name", "/messages/0/name"),
    (row({"role": "user"}, ASSISTANT), "missing_content", "/messages/0"),
    (row(said(None), ASSISTANT), "missing_content", "/messages/0/content"),
    (row(said([]), ASSISTANT), "missing_content", "/messages/0/content"),
    (row(USER, said(None, "assistant")), "missing_content", "/messages/1/content"),
    (row(said(7), ASSISTANT), "wrong_content_type", "/messages/0/content"),
    (row(said({"text": "eggs"}), ASSISTANT), "wrong_content_type", "/messages/0/content"),
    (row(said(["eggs"]), ASSISTANT), "wrong_content_type", "/messages/0/content/0"),
    (row(said([TEXT, {"type": "text"}]), ASSISTANT), "wrong_content_type", "/messages/0/content/1"),
    (
        row(said([{**TEXT, "text": 7}]), ASSISTANT),
        "wrong_content_type",
        "/messages/0/content/0/text",
    ),
    (row(said([{"text": "eggs"}]), ASSISTANT), "wrong_content_type", "/messages/0/content/0"),
    (
        row(said([{**TEXT, "type": 7}]), ASSISTANT),
        "wrong_content_type",
        "/messages/0/content/0/type",
    ),
    (row(USER, said("", "assistant")), "empty_content", "/messages/1/content"),
    (row(USER, said(" \n", "assistant")), "empty_content", "/messages/1/content"),
    (row(USER, said([{**TEXT, "text": ""}], "assistant")), "empty_content", "/messages/1/content"),
    (
        row(said([{"type": "input_audio"}]), ASSISTANT),
        "unsupported_content",
        "/messages/0/content/0",
    ),
    (row(said([IMAGE], "system"), ASSISTANT), "misplaced_image", "/messages/0/content/0"),
    (row(said([{"type": "image_url"}]), ASSISTANT), "bad_image", "/messages/0/content/0"),
    (
        row(said([{**IMAGE, "image_url": "x"}]), ASSISTANT),
        "bad_image",
        "/messages/0/content/0/image_url",
    ),
    (
        row(said([{**IMAGE, "image_url": {"url": "eggs.png"}}]), ASSISTANT),
        "bad_image",
        "/messages/0/content/0/image_url",
    ),
    *(
        (row(USER, {**ASSISTANT, "weight": weight}), "bad_weight", "/messages/1/weight")
        for weight in WEIGHTS
    ),
    (row({**USER, "weight": 0}, ASSISTANT), "misplaced_weight", "/messages/0/weight"),
    (row(tools=None), "bad_tools", "/tools"),
    (row(tools=[]), "bad_tools", "/tools"),
    (row(tools=["scale"]), "bad_tools", "/tools/0"),
    (row(tools=[TOOL, without(TOOL, "type")]), "bad_tools", "/tools/1"),
    (row(tools=[{**TOOL, "type": "web"}]), "bad_tools", "/tools/0/type"),
    (row(tools=[without(TOOL, "function")]), "bad_tools", "/tools/0"),
    (row(tools=[{**TOOL, "function": "scale"}]), "bad_tools", "/tools/0/function"),
    (row(tools=[{**TOOL, "function": NOTHING}]), "bad_tools", "/tools/0/function"),
    (row(tools=[{**TOOL, "function": {"name": ""}}]), "bad_tools", "/tools/0/function/name"),
    (
        row(tools=[{**TOOL, "function": {"name": "scale", "parameters": "{}"}}]),
        "bad_tools",
        "/tools/0/function/parameters",
    ),
    (row(parallel_tool_calls="no"), "bad_parallel_tool_calls", "/parallel_tool_calls"),
    (
        row({**USER, "tool_calls": [CALL]}, ASSISTANT),
        "misplaced_tool_calls",
        "/messages/0/tool_calls",
    ),
    (row(USER, {**CALLING, "tool_calls": []}), "bad_tool_call", "/messages/1/tool_calls"),
    (row(USER, {**CALLING, "tool_calls": None}), "bad_tool_call", "/messages/1/tool_calls"),
    (calling("scale"), "bad_tool_call", "/messages/1/tool_calls/0"),
    (calling(without(CALL, "id")), "bad_tool_call", "/messages/1/tool_calls/0"),
    (calling({**CALL, "id": 1}), "bad_tool_call", "/messages/1/tool_calls/0/id"),
    (calling(without(CALL, "type")), "bad_tool_call", "/messages/1/tool_calls/0"),
    (calling({**CALL, "type": "tool"}), "bad_tool_call", "/messages/1/tool_calls/0/type"),
    (calling(without(CALL, "function")), "bad_tool_call", "/messages/1/tool_calls/0"),
    (calling({**CALL, "function": "scale"}), "bad_tool_call", "/messages/1/tool_calls/0/function"),
    (
        calling({**CALL, "function": without(FUNCTION, "name")}),
        "bad_tool_call",
        "/messages/1/tool_calls/0/function",
    ),
    (
        calling({**CALL, "function": without(FUNCTION, "arguments")}),
        "bad_tool_arguments",
        "/messages/1/tool_calls/0/function",
    ),
    *(
        (
            calling_with(arguments),
            "bad_tool_arguments",
            "/messages/1/tool_calls/0/function/arguments",
        )
        for arguments in ({"by": 2}, None, "", "{'by': 2}", "[2]", '{"by": NaN}', "[" * 5000)
    ),
    (
        row(USER, CALLING, without(ANSWER, "tool_call_id"), ASSISTANT),
        "missing_tool_call_id",
        "/messages/2",
    ),
    (
        row(USER, CALLING, {**ANSWER, "tool_call_id": 1}, ASSISTANT),
        "missing_tool_call_id",
        "/messages/2/tool_call_id",
    ),
    (
        row(USER, CALLING, {**ANSWER, "tool_call_id": "call_2"}, ASSISTANT),
        "unknown_tool_call_id",
        "/messages/2/tool_call_id",
    ),
    (row(USER, ANSWER, CALLING), "unknown_tool_call_id", "/messages/1/tool_call_id"),
    (row(USER, said("2\ud800 eggs", "assistant")), "lone_surrogate", "/messages/1/content"),
    (row(USER, {**ASSISTANT, "weight": 1, "name": "\udc00"}), "lone_surrogate", "/messages/1/name"),
    (row(USER, CALLING, tools=[{**TOOL, "x": float("nan")}]), "not_finite", "/tools/0/x"),
]

UNSUPPORTED = [
    (row(said([TEXT, IMAGE]), ASSISTANT), ["/messages/0/content/1"]),
    (row(tools=[TOOL]), ["/tools"]),
    (row(USER, CALLING), ["/messages/1/tool_calls"]),
    (
        row(USER, CALLING, ANSWER, ASSISTANT, tools=[TOOL]),
        ["/tools", "/messages/1/tool_calls", "/messages/2/role"],
    ),
]


@pytest.mark.parametrize("good", GOOD.values(), ids=list(GOOD))
def test_a_good_row_has_no_finding(good: Json) -> None:
    assert check(load([good]), rules=ALL).findings == ()


@pytest.mark.parametrize(
    ("bad", "code", "pointer"),
    ONE_FAULT,
    ids=[f"{n}-{code}" for n, (_, code, _) in enumerate(ONE_FAULT)],
)
def test_one_fault_is_one_finding_at_its_place(bad: Json, code: str, pointer: str) -> None:
    report = check(load([row(), bad], name="train.jsonl"), rules=ALL)
    assert [(f.code, f.pointer) for f in report.findings] == [(code, pointer)]
    finding = report.findings[0]
    assert (finding.file, finding.line) == ("train.jsonl", 2)
    assert finding.fix == CODES[code].fix
    assert finding.severity == CODES[code].severity
    assert report.ok == (finding.severity == "warning")
    assert report.rows == 2


@pytest.mark.parametrize(("bad", "pointers"), UNSUPPORTED)
def test_what_the_rules_do_not_allow_is_told_wherever_it_is(bad: Json, pointers: list[str]) -> None:
    report = check(load([bad]))
    assert [f.code for f in report.findings] == ["unsupported_content"] * len(pointers)
    assert [f.pointer for f in report.findings] == pointers


def test_all_faults_of_a_row_are_told() -> None:
    bad = row({"role": "user", "weight": 1}, {**ASSISTANT, "weight": 3, "mood": 1}, extra=1)
    found = {(f.code, f.pointer) for f in check(load([bad])).findings}
    assert found == {
        ("unknown_row_key", "/extra"),
        ("missing_content", "/messages/0"),
        ("misplaced_weight", "/messages/0/weight"),
        ("bad_weight", "/messages/1/weight"),
        ("unknown_message_key", "/messages/1/mood"),
    }


def test_a_surrogate_in_a_key_is_found_and_told_in_plain_text() -> None:
    report = check(load([row(**{"\ud800": 1})]))
    assert [f.code for f in report.findings] == ["lone_surrogate", "unknown_row_key"]
    assert {f.pointer for f in report.findings} == {"/\\ud800"}
    assert report.to_json().encode()


def test_messages_stay_short_whatever_the_row_holds() -> None:
    bad = [
        row(said({"text": "egg" * 10_000}), ASSISTANT),
        [["x" * 9_000] * 9_000],
        row(role="r" * 9_000),
    ]
    report = check(load(bad))  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - wrong on purpose
    assert len(report.findings) == 3
    assert all(len(f.message) < 300 for f in report.findings)


def test_a_key_in_a_row_is_not_repeated() -> None:
    key = "sk-" + "abc123" * 8
    bad = [row({"role": key, "content": "x"}, ASSISTANT), row(USER, {**ASSISTANT, "weight": [key]})]
    report = check(load(bad))
    codes = [finding.code for finding in report.findings]
    assert codes == ["unknown_role", "secret_in_text", "bad_weight", "secret_in_text"]
    assert "abc123" not in report.to_json()


def test_validation_rows_are_spoken_of_as_such() -> None:
    report = check(load([row(USER)]), rules=RowRules(validation=True))
    assert "measure" in report.findings[0].message
