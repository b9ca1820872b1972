"""Foreign rows as rows that are judged, and the places in the rows as they were."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_sdk.datasets import RowFormat
from finetune_sdk.datasets.converting import FOREIGN, base_of, reader
from finetune_sdk.datasets.pointers import follow
from tests.datasets.samples import ASSISTANT, TOOL, USER, Json
from tests.datasets.test_laws import json_values

SYSTEM: Json = {"role": "system", "content": "Be brief."}


def user(text: object) -> Json:
    return {"role": "user", "content": text}


def assistant(text: object) -> Json:
    return {"role": "assistant", "content": text}


def said(speaker: str, text: object) -> Json:
    return {"from": speaker, "value": text}


CALL = '{"name": "scale", "arguments": {"by": 2.0}}'
CALLING: Json = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {
            "id": "call_1",
            "type": "function",
            "function": {"name": "scale", "arguments": '{"by": 2.0}'},
        }
    ],
}

READ: list[tuple[RowFormat, Json, list[Json]]] = [
    (
        "sharegpt",
        {"conversations": [said("human", "a"), said("gpt", "b")]},
        [user("a"), assistant("b")],
    ),
    (
        "sharegpt",
        {"conversations": [said("user", "a"), said("chatgpt", "b")]},
        [user("a"), assistant("b")],
    ),
    (
        "sharegpt",
        {"conversations": [said("user", "a"), said("model", "b")]},
        [user("a"), assistant("b")],
    ),
    ("sharegpt", {"conversations": [USER, ASSISTANT]}, [USER, ASSISTANT]),
    (
        "sharegpt",
        {"system": "Be brief.", "conversations": [said("human", "a")]},
        [SYSTEM, user("a")],
    ),
    ("sharegpt", {"system": "", "conversations": [said("system", "Be brief.")]}, [SYSTEM]),
    (
        "sharegpt",
        {"conversations": [said("function_call", CALL), said("observation", "4")]},
        [CALLING, {"role": "tool", "content": "4", "tool_call_id": "call_1"}],
    ),
    (
        "sharegpt",
        {"conversations": [{**said("gpt", "b"), "weight": 0}]},
        [{**assistant("b"), "weight": 0}],
    ),
    ("alpaca", {"instruction": "a", "output": "b"}, [user("a"), assistant("b")]),
    ("alpaca", {"instruction": "a", "input": "", "output": "b"}, [user("a"), assistant("b")]),
    ("alpaca", {"instruction": "a", "input": "c", "output": "b"}, [user("a\n\nc"), assistant("b")]),
    ("alpaca", {"instruction": "", "input": "c", "output": "b"}, [user("c"), assistant("b")]),
    (
        "alpaca",
        {"instruction": "a", "context": "c", "response": "b"},
        [user("a\n\nc"), assistant("b")],
    ),
    (
        "alpaca",
        {"system": "Be brief.", "history": [["1", "2"]], "instruction": "a", "output": "b"},
        [SYSTEM, user("1"), assistant("2"), user("a"), assistant("b")],
    ),
    ("completion", {"prompt": "a", "completion": "b"}, [user("a"), assistant("b")]),
    (
        "completion",
        {"prompt": [user("1"), assistant("2"), user("a")], "completion": [assistant("b")]},
        [user("1"), {**assistant("2"), "weight": 0}, user("a"), assistant("b")],
    ),
]


@pytest.mark.parametrize(("source", "given_row", "messages"), READ)
def test_a_foreign_row_is_a_conversation(
    source: RowFormat, given_row: Json, messages: list[Json]
) -> None:
    assert base_of(source) == "chat"
    turned = reader(source)(given_row)
    assert turned.row["messages"] == messages
    assert dict(turned.left) == {}


@pytest.mark.parametrize("source", ["sharegpt", "alpaca", "completion"])
@pytest.mark.parametrize(
    ("tools", "read"),
    [
        ([TOOL], [TOOL]),
        (json.dumps([TOOL]), [TOOL]),
        (json.dumps([TOOL["function"]]), [TOOL]),
        ("", None),
        ("[]", None),
        (None, None),
        ("none", "none"),
        ("[1]", [1]),
    ],
)
def test_tools_may_be_written_as_json(source: RowFormat, tools: object, read: object) -> None:
    row: dict[str, Json] = {
        "sharegpt": {"conversations": []},
        "alpaca": {"instruction": "a"},
        "completion": {"prompt": "a"},
    }
    assert reader(source)({**row[source], "tools": tools}).row.get("tools") == read


def test_what_a_format_does_not_know_is_left() -> None:
    turned = reader("sharegpt")({"id": 7, "conversations": [], "source": "web"})
    assert turned.row == {"messages": []}
    assert dict(turned.left) == {"id": 7, "source": "web"}


PLACES: list[tuple[RowFormat, Json, str, str]] = [
    (
        "sharegpt",
        {"conversations": [said("human", 1)]},
        "/messages/0/content",
        "/conversations/0/value",
    ),
    (
        "sharegpt",
        {"conversations": [said("who", "a")]},
        "/messages/0/role",
        "/conversations/0/from",
    ),
    ("sharegpt", {"conversations": [1]}, "/messages/0", "/conversations/0"),
    ("sharegpt", {"conversations": [{"value": "a"}]}, "/messages/0/role", "/conversations/0"),
    ("sharegpt", {"conversations": 1}, "/messages", "/conversations"),
    ("sharegpt", {"conversations": []}, "/messages", "/conversations"),
    (
        "sharegpt",
        {"system": 1, "conversations": [said("gpt", 2)]},
        "/messages/0/content",
        "/system",
    ),
    (
        "sharegpt",
        {"system": "a", "conversations": [said("gpt", 2)]},
        "/messages/1/content",
        "/conversations/0/value",
    ),
    (
        "sharegpt",
        {"conversations": [{"role": "user", "content": 1}]},
        "/messages/0/content",
        "/conversations/0/content",
    ),
    (
        "sharegpt",
        {"conversations": [{"from": "human", "value": [{"type": "text", "text": 1}]}]},
        "/messages/0/content/0/text",
        "/conversations/0/value/0/text",
    ),
    (
        "sharegpt",
        {"conversations": [said("function_call", CALL)]},
        "/messages/0/tool_calls/0/function/arguments",
        "/conversations/0/value",
    ),
    ("sharegpt", {"conversations": [], "tools": "[1]"}, "/tools/0", "/tools"),
    (
        "sharegpt",
        {"conversations": [], "tools": [{"name": 1}]},
        "/tools/0/function/name",
        "/tools/0",
    ),
    ("alpaca", {"instruction": 1, "output": "b"}, "/messages/0/content", "/instruction"),
    ("alpaca", {"instruction": "a", "input": 1, "output": "b"}, "/messages/0/content", "/input"),
    ("alpaca", {"instruction": "a", "output": 1}, "/messages/1/content", "/output"),
    ("alpaca", {"instruction": "a", "response": 1}, "/messages/1/content", "/response"),
    ("alpaca", {"instruction": "a", "history": [["b", 1]]}, "/messages/1/content", "/history/0/1"),
    ("alpaca", {"instruction": "a", "history": [1]}, "/messages/0", "/history/0"),
    ("alpaca", {"instruction": "a", "history": 1}, "/messages/0", "/history"),
    ("alpaca", {"instruction": "a"}, "/messages", ""),
    ("completion", {"prompt": 1, "completion": "b"}, "/messages/0/content", "/prompt"),
    ("completion", {"prompt": "a", "completion": 1}, "/messages/1/content", "/completion"),
    (
        "completion",
        {"prompt": [USER], "completion": [{"role": "assistant", "content": 1}]},
        "/messages/1/content",
        "/completion/0/content",
    ),
    ("completion", {"prompt": [USER], "completion": [1]}, "/messages/1", "/completion/0"),
]


@pytest.mark.parametrize(("source", "given_row", "pointer", "place"), PLACES)
def test_a_pointer_leads_to_the_place_in_the_row_as_it_was(
    source: RowFormat, given_row: Json, pointer: str, place: str
) -> None:
    turned = reader(source)(given_row)
    assert follow(turned.row, pointer).whole or pointer.endswith("/role")
    assert turned.pointer(pointer) == place


def test_a_call_that_cannot_be_read_keeps_its_unknown_speaker() -> None:
    for value in ("scale(2)", "{}", "[]", 1, '{"name": "scale", "arguments": {}, "x": 1}'):
        turned = reader("sharegpt")({"conversations": [said("function_call", value)]})
        assert turned.row["messages"] == [{"role": "function_call", "content": value}]


def test_calls_made_together_are_answered_in_turn() -> None:
    calls = f"[{CALL}, {CALL}]"
    turns = [said("function_call", calls), said("observation", "4"), said("tool", "8")]
    messages = cast("list[Json]", reader("sharegpt")({"conversations": turns}).row["messages"])
    made = cast("list[Json]", messages[0]["tool_calls"])
    assert [call["id"] for call in made] == ["call_1", "call_2"]
    assert [message.get("tool_call_id") for message in messages[1:]] == ["call_1", "call_2"]


BASES: list[RowFormat] = ["chat", "preference", "preference_trl", "kto", "prompts"]


@pytest.mark.parametrize("source", BASES)
def test_other_rows_are_judged_as_they_are(source: RowFormat) -> None:
    row: Json = {"messages": [1], "x": 1}
    turned = reader(source)(row)
    assert (turned.row, turned.pointer("/messages/0")) == (row, "/messages/0")
    assert base_of(source) in ("chat", "preference", "kto", "prompts")


def pointers(value: object, at: str = "") -> Iterator[str]:
    yield at
    if isinstance(value, dict):
        for key, inner in cast("Json", value).items():
            yield from pointers(inner, f"{at}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        for place, inner in enumerate(cast("list[object]", value)):
            yield from pointers(inner, f"{at}/{place}")


SPEAKERS = ["human", "gpt", "system", "tool", "observation", "function_call", "who"]
speakers = st.sampled_from(SPEAKERS) | json_values
turn_words = st.sampled_from(["role", "content", "weight", "tool_calls", "tool_call_id", "/", "~"])
turns = st.fixed_dictionaries(
    {}, optional={"from": speakers, "value": json_values | st.sampled_from([CALL, f"[{CALL}]"])}
).flatmap(
    lambda turn: st.dictionaries(turn_words, json_values, max_size=2).map(lambda o: {**turn, **o})
)
foreign_rows = st.fixed_dictionaries(
    {},
    optional={
        "conversations": st.lists(turns | json_values, max_size=4) | json_values,
        "system": json_values,
        "tools": json_values | st.sampled_from(["[]", "", json.dumps([TOOL])]),
        "instruction": json_values,
        "input": json_values,
        "output": json_values,
        "context": json_values,
        "response": json_values,
        "history": st.lists(st.lists(json_values, max_size=3) | json_values, max_size=3),
        "prompt": json_values | st.lists(st.sampled_from([USER, ASSISTANT]), max_size=2),
        "completion": json_values,
        "messages": json_values,
    },
)


@settings(deadline=None)
@given(st.sampled_from(sorted(FOREIGN)), foreign_rows)
def test_any_row_is_read_and_every_place_is_there(source: RowFormat, row: Json) -> None:
    before = json.dumps(row)
    turned = reader(source)(row)
    for pointer in pointers(turned.row):
        assert follow(row, turned.pointer(pointer)).whole
    assert json.dumps(row) == before


@settings(deadline=None)
@given(st.lists(turns, max_size=4), st.sampled_from(["", "Be brief."]))
def test_what_is_said_stands_where_the_pointer_leads(given_turns: list[Json], system: str) -> None:
    row: Json = {"conversations": given_turns, "system": system}
    turned = reader("sharegpt")(row)
    for place, message in enumerate(cast("list[Json]", turned.row["messages"])):
        if "content" in message and message["content"] is not None:
            found = follow(row, turned.pointer(f"/messages/{place}/content"))
            assert found.value is message["content"]
