"""What is said in a row, as text or as messages, and what stands beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import cast

import msgspec

from finetune_sdk.datasets.converting.places import Origin
from finetune_sdk.datasets.messages import ROLES
from finetune_sdk.datasets.read import Row

TOOL_KEYS = ("tools", "parallel_tool_calls")
CHAT_KEYS = frozenset({"messages", *TOOL_KEYS})

WHOLE: Mapping[str, str] = MappingProxyType({"role": "", "content": ""})
"""The keys of a message that was made of one value."""

AS_MESSAGES = (
    "plain text is a message now: a model sees it in its chat template, and not as it stands"
)

Turn = tuple[object, Origin]
"""A message, good or bad, and where it came from."""

_JSON = msgspec.json.Decoder().decode


def said(role: str, content: object, at: str) -> Turn:
    """A message that was made of the value at `at`."""
    return {"role": role, "content": content}, Origin(at, WHOLE)


def system_turn(row: Row) -> Iterator[Turn]:
    """The message that stands for the key `system` of a row."""
    if row.get("system") not in (None, ""):
        yield said("system", row["system"], "/system")


def tool_keys(row: Row) -> Row:
    """What a row says about tools; they may be written as JSON, and each as its function alone."""
    kept = {key: row[key] for key in TOOL_KEYS if row.get(key) is not None}
    tools = kept.pop("tools", None)
    if isinstance(tools, str):
        tools = _parsed(tools)
    if isinstance(tools, list):
        tools = [_tool(tool) for tool in cast("list[object]", tools)]
    # Many exports write an empty list where there are none.
    return kept if tools in (None, "", []) else {"tools": tools, **kept}


def _parsed(text: str) -> object:
    try:
        return _JSON(text) if text.strip() else None
    except (ValueError, RecursionError):
        return text


def _tool(tool: object) -> object:
    if not isinstance(tool, dict):
        return tool
    function = cast("Row", tool)
    bare = "name" in function and not function.keys() & {"type", "function"}
    return {"type": "function", "function": function} if bare else function


def is_message(item: object, *roles: str) -> bool:
    """It has one of these roles; one that is known, where none is given."""
    role = cast("Row", item).get("role") if isinstance(item, dict) else None
    return isinstance(role, str) and role in (roles or ROLES)


def messages_of(row: Row) -> list[Row] | None:
    """The messages of a row, where all of them have a role that is known."""
    messages = row.get("messages")
    if not isinstance(messages, list):
        return None
    members = cast("list[object]", messages)
    return cast("list[Row]", members) if members and all(map(is_message, members)) else None


def as_messages(value: object, role: str) -> list[object] | None:
    """What is said as messages; None where it is neither text nor a list."""
    if isinstance(value, str):
        return [{"role": role, "content": value}]
    return cast("list[object]", value) if isinstance(value, list) else None


def unlearned(messages: Sequence[object]) -> list[object]:
    """The messages of a prompt: nothing in them is learned, unless they say so themselves."""
    return [
        {**cast("Row", item), "weight": cast("Row", item).get("weight", 0)}
        if is_message(item, "assistant")
        else item
        for item in messages
    ]


def learned(message: Row) -> bool:
    """It is an answer that is learned."""
    return message["role"] == "assistant" and message.get("weight", 1) != 0


def plain(content: object) -> str | None:
    """The text of a message, where it is nothing else."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    texts = [_part(part) for part in cast("list[object]", content)]
    return "".join(text or "" for text in texts) if texts and None not in texts else None


def _part(part: object) -> str | None:
    if not isinstance(part, dict) or cast("Row", part).get("type") != "text":
        return None
    text = cast("Row", part).get("text")
    return text if isinstance(text, str) else None
