"""The messages of a request, turned into what a chat template understands. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping

from finetune_sdk.providers.local.serving.refusal import invalid, unsupported
from finetune_sdk.providers.local.serving.shapes import list_of, object_of

# OpenAI's newer word for what every open model calls "system".
_ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
_OWN = ("role", "content")
_KEPT = {"tool_calls", "tool_call_id"}


def read_messages(name: str, value: object) -> list[dict[str, object]]:
    """The messages, each with its role, its text and its tool calls.

    Raises:
        Refusal: one cannot be read, or holds what the model would not see.
    """
    messages = list_of(value)
    if not messages:
        raise invalid(name, value, "a list of messages that is not empty")
    return [_message(f"{name}[{at}]", message) for at, message in enumerate(messages)]


def uses_tools(message: Mapping[str, object]) -> bool:
    """The message calls a tool or answers a call."""
    return message["role"] == "tool" or "tool_calls" in message


def _message(param: str, value: object) -> dict[str, object]:
    given = object_of(value)
    if given is None:
        raise invalid(param, value, "an object")
    role = _ROLES.get(str(given.get("role")))
    if role is None:
        raise invalid(f"{param}.role", given.get("role"), "one of " + ", ".join(_ROLES))
    # Replies that are sent back bring their empty fields along.
    extras = {key: inner for key, inner in given.items() if inner and key not in _OWN}
    for key in extras.keys() - _KEPT:
        raise unsupported(f"{param}.{key}")
    _check_calls(f"{param}.tool_calls", extras)
    return {"role": role, "content": _content(f"{param}.content", given), **extras}


def _content(param: str, message: Mapping[str, object]) -> str:
    value = message.get("content")
    if isinstance(value, str):
        return value
    if value is None and message.get("tool_calls"):
        return ""
    parts = list_of(value)
    if parts is None:
        raise invalid(param, value, "a text or a list of text parts")
    # As in training: nothing between them.
    return "".join(_part(f"{param}[{at}]", part) for at, part in enumerate(parts))


def _part(param: str, value: object) -> str:
    part = object_of(value) or {}
    if part.get("type") != "text":
        raise unsupported(f"{param}.type", "'text'")
    text = part.get("text")
    if not isinstance(text, str):
        raise invalid(f"{param}.text", text, "a text")
    return text


def _check_calls(param: str, extras: Mapping[str, object]) -> None:
    calls = list_of(extras.get("tool_calls", []))
    if calls is None or not all(map(_is_call, calls)):
        wanted = "a list of calls, each with `function.name` and `function.arguments` as JSON text"
        raise invalid(param, extras["tool_calls"], wanted)


def _is_call(value: object) -> bool:
    function = object_of((object_of(value) or {}).get("function")) or {}
    return isinstance(function.get("name"), str) and _is_json_object(function.get("arguments"))


def _is_json_object(text: object) -> bool:
    try:
        return isinstance(text, str) and isinstance(json.loads(text), dict)
    except ValueError:
        return False
