"""OpenAI's chat messages as chat templates expect them: pure, knows no tokenizer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from finetune_sdk.providers.local.training.failures import TrainingFailure

Message = dict[str, object]
Say = Callable[[str], None]

_TEXTS = {"text": "text", "refusal": "refusal"}
"""Parts of a message that are text, and the key that holds it."""

_REFUSED = ("function_call", "audio")


def messages_of(row: Mapping[str, object], say: Say) -> list[Message]:
    """The row's messages, ready for a template, without what only training reads (`weight`)."""
    return [_for_template(message, say) for message in _raw(row)]


def tools_of(row: Mapping[str, object]) -> list[dict[str, object]] | None:
    """The functions that the assistant may call, or None."""
    tools = row.get("tools")
    return cast("list[dict[str, object]]", tools) if tools else None


def assistant_turns(row: Mapping[str, object]) -> list[int]:
    """Places of the assistant's messages."""
    return [place for place, message in enumerate(_raw(row)) if message.get("role") == "assistant"]


def silent_turns(row: Mapping[str, object]) -> set[int]:
    """Places of the assistant's messages that carry no loss: `"weight": 0`."""
    raw = _raw(row)
    return {place for place in assistant_turns(row) if raw[place].get("weight") == 0}


def called_functions(message: Message) -> list[str]:
    """Names of the functions that a message calls."""
    calls = cast("Sequence[Mapping[str, Mapping[str, object]]]", message.get("tool_calls") or ())
    return [str(call["function"]["name"]) for call in calls]


def _raw(row: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    return cast("Sequence[Mapping[str, object]]", row["messages"])


def _for_template(message: Mapping[str, object], say: Say) -> Message:
    for key in _REFUSED:
        if message.get(key):
            raise TrainingFailure("unsupported_content", f"messages with `{key}` cannot be learned")
    ready: Message = {key: value for key, value in message.items() if key != "weight"}
    ready["content"] = _text(message.get("content") or message.get("refusal"))
    if message.get("role") == "developer":
        say("`developer` messages are read as `system`, the word that chat templates know")
        ready["role"] = "system"
    if message.get("tool_calls"):
        calls = cast("Sequence[Mapping[str, object]]", message["tool_calls"])
        ready["tool_calls"] = [_call(call) for call in calls]
    return ready


def _text(content: object) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    parts = cast("Sequence[Mapping[str, object]]", content)
    return "".join(_part(part) for part in parts)


def _part(part: Mapping[str, object]) -> str:
    kind = str(part.get("type"))
    if kind not in _TEXTS:
        raise TrainingFailure(
            "unsupported_content",
            f"a message holds a part of type {kind!r}; this trainer learns text and tool calls",
        )
    return str(part[_TEXTS[kind]])


def _call(call: Mapping[str, object]) -> dict[str, object]:
    function = dict(cast("Mapping[str, object]", call["function"]))
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        function["arguments"] = _arguments(arguments)
    return {**call, "function": function}


def _arguments(text: str) -> object:
    # Templates write arguments as JSON themselves; a string would be written as a quoted string.
    try:
        return json.loads(text)
    except ValueError:
        return text
