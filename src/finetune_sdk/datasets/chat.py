"""The format `chat`: what a row must look like, as OpenAI defines it.

A row is `{"messages": [...]}`, with `tools` and `parallel_tool_calls` where they are needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from finetune_sdk.datasets.faults import Fault, shown, step
from finetune_sdk.datasets.read import Row
from finetune_sdk.datasets.rules import RowRules
from finetune_sdk.datasets.tools import call_ids, message_tool_faults, row_tool_faults

ROLES = ("system", "developer", "user", "assistant", "tool")

_ROW_KEYS = frozenset({"messages", "tools", "parallel_tool_calls"})
_MESSAGE_KEYS = frozenset({"role", "content", "name"})
# A wrong place of these two is an error with a code of its own.
_PLACED_KEYS = frozenset({"weight", "tool_calls"})


def row_faults(row: Row, rules: RowRules) -> Iterator[Fault]:
    """All that is wrong with one row."""
    yield from row_tool_faults(row, rules)
    if "messages" not in row:
        keys = shown(list(row)) if row else "none"
        yield Fault("no_messages", "", f"the row has no `messages`; its keys are: {keys}")
        return
    for key in row:
        if key not in _ROW_KEYS:
            yield Fault("unknown_row_key", step("", key), f"{shown(key)} is no key of a chat row")
    messages = row["messages"]
    if not isinstance(messages, list):
        text = f"`messages` is {shown(messages)}, no list"
        yield Fault("wrong_messages_type", "/messages", text)
    elif messages:
        yield from _conversation(cast("list[object]", messages), rules)
    else:
        yield Fault("empty_messages", "/messages", "`messages` has no message")


def _conversation(messages: list[object], rules: RowRules) -> Iterator[Fault]:
    calls: set[str] = set()
    for index, item in enumerate(messages):
        at = f"/messages/{index}"
        if not isinstance(item, dict):
            yield Fault("message_not_an_object", at, f"the message is {shown(item)}, no object")
            continue
        message = cast("Row", item)
        yield from _message(message, at, rules)
        yield from message_tool_faults(message, at, rules, calls)
        calls.update(call_ids(message))
    yield from _order(messages)
    yield from _lessons(messages, rules)


def _message(message: Row, at: str, rules: RowRules) -> Iterator[Fault]:
    role = message.get("role")
    if "role" not in message:
        yield Fault("missing_role", at, "the message has no `role`")
    elif role not in ROLES:
        yield Fault("unknown_role", f"{at}/role", f"the role {shown(role)} is not known")
    if "name" in message and not isinstance(message["name"], str):
        yield Fault("bad_name", f"{at}/name", f"`name` is {shown(message['name'])}, no string")
    yield from _keys(message, at)
    yield from _weight(message, at)
    yield from _content(message, at, rules)


def _keys(message: Row, at: str) -> Iterator[Fault]:
    known = _MESSAGE_KEYS | _PLACED_KEYS
    if message.get("role") == "tool":
        known |= {"tool_call_id"}
    for key in message:
        if key not in known:
            text = f"{shown(key)} is no key of this kind of message"
            yield Fault("unknown_message_key", step(at, key), text)


def _weight(message: Row, at: str) -> Iterator[Fault]:
    if "weight" not in message:
        return
    weight, at = message["weight"], f"{at}/weight"
    if message.get("role") in ROLES and message["role"] != "assistant":
        text = f"a message of role {shown(message['role'])} has a `weight`"
        yield Fault("misplaced_weight", at, text)
    elif type(weight) is not int or weight not in (0, 1):
        yield Fault("bad_weight", at, f"`weight` is {shown(weight)}, neither 0 nor 1")


def _content(message: Row, at: str, rules: RowRules) -> Iterator[Fault]:
    content: object = message.get("content")
    place = f"{at}/content"
    calls = message.get("role") == "assistant" and "tool_calls" in message
    if content is None or content == []:
        if not calls:
            text = "`content` is empty" if "content" in message else "there is no `content`"
            yield Fault("missing_content", place if "content" in message else at, text)
        return
    if message.get("role") == "assistant" and not calls and _says_nothing(content):
        yield Fault("empty_content", place, "the assistant's text is empty")
    if isinstance(content, list):
        for index, part in enumerate(cast("list[object]", content)):
            yield from _part(part, f"{place}/{index}", message, rules)
    elif not isinstance(content, str):
        text = f"`content` is {shown(content)}, neither text nor a list of parts"
        yield Fault("wrong_content_type", place, text)


def _part(part: object, at: str, message: Row, rules: RowRules) -> Iterator[Fault]:
    if not isinstance(part, dict):
        yield Fault("wrong_content_type", at, f"the part is {shown(part)}, no object")
        return
    part = cast("Row", part)
    match part.get("type"):
        case "text":
            if not isinstance(part.get("text"), str):
                place = f"{at}/text" if "text" in part else at
                yield Fault("wrong_content_type", place, "the part has no `text` that is a string")
        case "image_url":
            yield from _image(part, at, message, rules)
        case str() as kind:
            text = f"a part of type {shown(kind)} cannot be learned from"
            yield Fault("unsupported_content", at, text)
        case other:
            place = f"{at}/type" if "type" in part else at
            yield Fault("wrong_content_type", place, f"the part's `type` is {shown(other)}")


def _image(part: Row, at: str, message: Row, rules: RowRules) -> Iterator[Fault]:
    if "image" not in rules.content:
        yield Fault("unsupported_content", at, "images are not supported here")
        return
    if message.get("role") in ROLES and message["role"] != "user":
        text = f"a message of role {shown(message['role'])} has an image"
        yield Fault("misplaced_image", at, text)
    image = part.get("image_url")
    url = cast("Row", image).get("url") if isinstance(image, dict) else None
    if not isinstance(url, str) or not url.startswith(("http://", "https://", "data:image/")):
        text = f"`image_url.url` is {shown(url)}, neither a web address nor a data URL"
        yield Fault("bad_image", f"{at}/image_url" if "image_url" in part else at, text)


def _says_nothing(content: object) -> bool:
    if isinstance(content, str):
        return not content.strip()
    if not isinstance(content, list):
        return False
    parts = cast("list[object]", content)
    return all(isinstance(part, dict) and _is_blank(cast("Row", part)) for part in parts)


def _is_blank(part: Row) -> bool:
    text = part.get("text")
    return part.get("type") == "text" and isinstance(text, str) and not text.strip()


def _order(messages: list[object]) -> Iterator[Fault]:
    begun = False
    for index, role in enumerate(map(_role, messages)):
        if role not in ("system", "developer"):
            begun = True
        elif begun:
            text = f"the {role} message comes after others"
            yield Fault("system_not_first", f"/messages/{index}", text)


def _lessons(messages: list[object], rules: RowRules) -> Iterator[Fault]:
    roles = [_role(message) for message in messages]
    if "assistant" not in roles:
        # A message that is broken has its own finding, and may well be the assistant's.
        if None not in roles:
            text = f"there is no assistant message to {rules.purpose}"
            yield Fault("no_assistant_turn", "/messages", text)
        return
    turns = (cast("Row", m) for m, role in zip(messages, roles, strict=True) if role == "assistant")
    if all(_is_zero(turn.get("weight")) for turn in turns):
        text = f"every assistant message has `weight` 0: there is nothing to {rules.purpose}"
        yield Fault("nothing_to_learn", "/messages", text)


def _role(message: object) -> str | None:
    role = cast("Row", message).get("role") if isinstance(message, dict) else None
    return role if isinstance(role, str) and role in ROLES else None


def _is_zero(weight: object) -> bool:
    return type(weight) is int and weight == 0
