"""Every field of a request is honoured, makes no difference, or is refused by its name."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from openai.types import completion_create_params
from openai.types.chat import completion_create_params as chat_create_params

from finetune_sdk.providers.local.serving.fields import CHAT_FIELDS, COMPLETION_FIELDS
from finetune_sdk.providers.local.serving.request import COMPLETIONS
from tests.serving.standin import MESSAGES, SERVED, Answer, StandIn, ask, chat, gate

TOOLS: list[object] = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
CALL: dict[str, object] = {
    "id": "1",
    "type": "function",
    "function": {"name": "f", "arguments": '{"a": 1}'},
}
WITH_TOOLS = replace(SERVED, tools=True)


def complete(app: StandIn, **fields: object) -> Answer:
    body = {"model": "recipes", "prompt": "hello", **fields}
    return asyncio.run(ask(gate(app), COMPLETIONS, body))


@pytest.mark.parametrize(
    ("name", "value", "passed"),
    [
        ("temperature", 0, 0.0),
        ("temperature", 1e-9, 0.0),
        ("temperature", 0.7, 0.7),
        ("top_p", 0.5, 0.5),
        ("seed", -3, -3),
        ("max_tokens", 5, 5),
        ("max_completion_tokens", 5, 5),
        ("stop", "END", ["END"]),
        ("stop", ["a", "b"], ["a", "b"]),
        ("stream", True, True),
        ("logit_bias", {"5": 100}, {"5": 100.0}),
    ],
)
def test_what_is_honoured_is_passed_on(name: str, value: object, passed: object) -> None:
    app = StandIn()
    assert chat(app, **{name: value}).status == 200
    assert app.bodies[0][name] == passed


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 1),
        ("logprobs", False),
        ("top_logprobs", 0),
        ("response_format", {"type": "text"}),
        ("presence_penalty", 0),
        ("frequency_penalty", 0.0),
        ("parallel_tool_calls", True),
        ("store", False),
        ("service_tier", "auto"),
        ("modalities", ["text"]),
        ("user", "me"),
        ("metadata", {"a": "b"}),
        ("tool_choice", "auto"),
        ("tools", []),
        ("stop", []),
        ("logit_bias", {}),
        ("stream_options", {"include_usage": True}),
        ("temperature", None),
        ("reasoning_effort", None),
    ],
)
def test_what_makes_no_difference_does_not_reach_the_app(name: str, value: object) -> None:
    app = StandIn()
    assert chat(app, **{name: value}).status == 200
    assert name not in app.bodies[0]


REFUSED: list[tuple[str, object]] = [
    ("n", 2),
    ("n", True),
    ("logprobs", True),
    ("top_logprobs", 3),
    ("response_format", {"type": "json_object"}),
    ("response_format", {"type": "json_schema", "json_schema": {"name": "x"}}),
    ("presence_penalty", 0.5),
    ("frequency_penalty", 0.5),
    ("parallel_tool_calls", False),
    ("store", True),
    ("service_tier", "flex"),
    ("modalities", ["text", "audio"]),
    ("reasoning_effort", "low"),
    ("functions", [{"name": "f"}]),
    ("function_call", "auto"),
    ("prediction", {"type": "content", "content": "x"}),
    ("web_search_options", {}),
    ("audio", {"voice": "x"}),
    ("generation_config", "{}"),
    ("chat_template_kwargs", {"chat_template": "x"}),
    ("no_such_thing", 1),
    ("tools", TOOLS),
    ("tool_choice", "required"),
    ("tool_choice", {"type": "function", "function": {"name": "f"}}),
    ("temperature", -1),
    ("temperature", 2.1),
    ("temperature", True),
    ("temperature", "0"),
    ("temperature", float("nan")),
    ("top_p", 1.5),
    ("seed", 1.5),
    ("seed", 2**63),
    ("max_tokens", 0),
    ("max_tokens", 1.0),
    ("max_completion_tokens", -1),
    ("stop", ""),
    ("stop", 3),
    ("stop", ["a"] * 5),
    ("stream", "yes"),
    ("logit_bias", {"x": 1}),
    ("logit_bias", {"1": 1000}),
    ("stream_options", "x"),
    ("messages", []),
    ("messages", "hello"),
    ("messages", None),
]
BAD_MESSAGES: list[tuple[object, str]] = [
    ("hello", "messages[0]"),
    ({"content": "hello"}, "messages[0].role"),
    ({"role": "function", "content": "hello"}, "messages[0].role"),
    ({"role": "user"}, "messages[0].content"),
    ({"role": "user", "content": 3}, "messages[0].content"),
    ({"role": "user", "content": "x", "name": "Ann"}, "messages[0].name"),
    ({"role": "user", "content": [{"type": "text"}]}, "messages[0].content[0].text"),
    (
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "/etc/x"}}]},
        "messages[0].content[0].type",
    ),
    ({"role": "tool", "content": "x", "tool_call_id": "1"}, "messages[0]"),
    ({"role": "assistant", "content": "x", "audio": {"id": "1"}}, "messages[0].audio"),
    ({"role": "assistant", "tool_calls": [{"function": {}}]}, "messages[0].tool_calls"),
    ({"role": "assistant", "tool_calls": [CALL]}, "messages[0]"),
]


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_what_would_not_be_honoured_is_refused_by_name(name: str, value: object) -> None:
    app = StandIn()
    answer = chat(app, **{name: value})
    assert answer.status == 400
    assert answer.error["type"] == "invalid_request_error"
    assert answer.error["param"] == name
    assert name in str(answer.error["message"])
    assert app.bodies == []


@pytest.mark.parametrize(("message", "param"), BAD_MESSAGES)
def test_a_message_that_the_model_would_not_see_as_it_is_is_refused(
    message: object, param: str
) -> None:
    answer = chat(StandIn(), messages=[message])
    assert (answer.status, answer.error["param"]) == (400, param)


def test_messages_reach_the_app_as_they_are_trained_on() -> None:
    app = StandIn()
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": " two"}]
    reply: dict[str, object] = {
        "role": "assistant",
        "content": "x",
        "refusal": None,
        "annotations": [],
    }
    chat(app, messages=[{"role": "developer", "content": "d"}, {"role": "user", "content": parts}])
    chat(app, messages=[reply, MESSAGES[0]])
    assert app.bodies[0]["messages"] == [
        {"role": "system", "content": "d"},
        {"role": "user", "content": "one two"},
    ]
    assert app.bodies[1]["messages"] == [{"role": "assistant", "content": "x"}, MESSAGES[0]]


def test_a_model_that_knows_tools_gets_them() -> None:
    app = StandIn()
    answered: list[dict[str, object]] = [
        MESSAGES[0],
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "content": "2", "tool_call_id": "1"},
    ]
    assert chat(app, WITH_TOOLS, tools=TOOLS, messages=answered).status == 200
    assert app.bodies[0]["tools"] == TOOLS
    assert app.bodies[0]["messages"] == [answered[0], {**answered[1], "content": ""}, answered[2]]


def test_tool_choice_none_hides_the_tools() -> None:
    app = StandIn()
    assert chat(app, WITH_TOOLS, tools=TOOLS, tool_choice="none").status == 200
    assert not app.bodies[0].keys() & {"tools", "tool_choice"}


def test_without_a_seed_no_two_requests_have_the_same() -> None:
    app = StandIn()
    chat(app)
    chat(app)
    assert app.bodies[0]["seed"] != app.bodies[1]["seed"]


def test_the_two_names_of_the_limit_do_not_go_together() -> None:
    answer = chat(StandIn(), max_tokens=3, max_completion_tokens=4)
    assert (answer.status, answer.error["param"]) == (400, "max_tokens")


def test_a_completion_takes_one_prompt_and_is_as_short_as_openais() -> None:
    app = StandIn()
    assert complete(app, prompt=["hello"]).status == 200
    assert app.bodies[0]["prompt"] == "hello"
    assert app.bodies[0]["max_tokens"] == 16
    assert complete(app, max_tokens=3).status == 200
    assert app.bodies[1]["max_tokens"] == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("prompt", ""),
        ("prompt", ["a", "b"]),
        ("prompt", [1, 2]),
        ("prompt", None),
        ("echo", True),
        ("best_of", 2),
        ("logprobs", 0),
        ("suffix", "x"),
        ("logit_bias", {"5": 1}),
        ("messages", MESSAGES),
    ],
)
def test_a_completion_refuses_what_it_would_not_honour(name: str, value: object) -> None:
    app = StandIn()
    answer = complete(app, **{name: value})
    assert (answer.status, answer.error["param"]) == (400, name)
    assert app.bodies == []


def test_no_rule_is_for_a_field_that_openai_does_not_have() -> None:
    chat_fields = chat_create_params.CompletionCreateParamsStreaming.__annotations__
    text_fields = completion_create_params.CompletionCreateParamsStreaming.__annotations__
    bases = (
        chat_create_params.CompletionCreateParamsBase.__annotations__,
        completion_create_params.CompletionCreateParamsBase.__annotations__,
    )
    assert CHAT_FIELDS.keys() <= chat_fields.keys() | bases[0].keys()
    assert COMPLETION_FIELDS.keys() <= text_fields.keys() | bases[1].keys()
