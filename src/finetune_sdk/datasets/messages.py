"""Messages, as OpenAI defines them: what each must look like, whatever row it stands in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from finetune_sdk.datasets.faults import Fault, shown, step
from finetune_sdk.datasets.images import image_faults, image_of
from finetune_sdk.datasets.orders import letter, out_of_turn
from finetune_sdk.datasets.read import Row
from finetune_sdk.datasets.rules import RowRules
from finetune_sdk.datasets.tools import call_ids, listed, message_tool_faults

ROLES = ("system", "developer", "user", "assistant", "tool")

# A wrong place of `tool_calls` or `weight` is an error with a code of its own.
_KEYS = frozenset({"role", "content", "name", "tool_calls"})
# Only a chat row says which of its turns are learned.
_WEIGHED = frozenset({"weight"})


def conversation_faults(
    value: object, at: str, rules: RowRules, calls: set[str]
) -> Iterator[Fault]:
    """All that is wrong with what has to be a list of messages.

    Args:
        value: what stands there.
        at: the pointer to it.
        rules: what the rows are held against.
        calls: ids of the tool calls so far; those of these messages are added.
    """
    name = at.rpartition("/")[2]
    if not isinstance(value, list):
        yield Fault("wrong_messages_type", at, f"`{name}` is {shown(value)}, no list")
    elif value:
        yield from _messages(cast("list[object]", value), at, rules, calls)
    else:
        yield Fault("empty_messages", at, f"`{name}` has no message")


def role_of(message: object) -> str | None:
    """The role of a message, where it has one that is known."""
    role = cast("Row", message).get("role") if isinstance(message, dict) else None
    return role if isinstance(role, str) and role in ROLES else None


def _messages(messages: list[object], at: str, rules: RowRules, calls: set[str]) -> Iterator[Fault]:
    for index, item in enumerate(messages):
        place = f"{at}/{index}"
        if not isinstance(item, dict):
            text = f"the message is {shown(item)}, no object"
            yield Fault("message_not_an_object", place, text)
            continue
        message = cast("Row", item)
        yield from _message(message, place, rules)
        yield from message_tool_faults(message, place, rules, calls)
        calls.update(call_ids(message))
    yield from _order(messages, at)


def _message(message: Row, at: str, rules: RowRules) -> Iterator[Fault]:
    role = message.get("role")
    if "role" not in message:
        yield Fault("missing_role", at, "the message has no `role`")
    elif role not in ROLES:
        yield Fault("unknown_role", f"{at}/role", f"the role {shown(role)} is not known")
    yield from _name(message, at, rules)
    yield from _keys(message, at, rules)
    if rules.format == "chat":
        yield from _weight(message, at, rules)
    yield from _content(message, at, rules)


def _name(message: Row, at: str, rules: RowRules) -> Iterator[Fault]:
    if "name" not in message:
        return
    if not isinstance(message["name"], str):
        yield Fault("bad_name", f"{at}/name", f"`name` is {shown(message['name'])}, no string")
    elif "name" not in rules.content:
        yield Fault("unsupported_content", f"{at}/name", "names of speakers are not read here")


def _keys(message: Row, at: str, rules: RowRules) -> Iterator[Fault]:
    known = _KEYS | _WEIGHED if rules.format == "chat" else _KEYS
    if message.get("role") == "tool":
        known |= {"tool_call_id"}
    for key in message:
        if key not in known:
            text = f"{shown(key)} is no key of this kind of message"
            yield Fault("unknown_message_key", step(at, key), text)


def _weight(message: Row, at: str, rules: RowRules) -> Iterator[Fault]:
    if "weight" not in message:
        return
    weight, at = message["weight"], f"{at}/weight"
    if message.get("role") in ROLES and message["role"] != "assistant":
        text = f"a message of role {shown(message['role'])} has a `weight`"
        yield Fault("misplaced_weight", at, text)
    elif type(weight) is not int or weight not in (0, 1):
        yield Fault("bad_weight", at, f"`weight` is {shown(weight)}, neither 0 nor 1")
    elif weight == 0 and "weight" not in rules.content:
        yield Fault("unsupported_content", at, "every message is learned here, of any weight")


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
    holder = part.get("image_url")
    url = cast("Row", holder).get("url") if isinstance(holder, dict) else None
    place = f"{at}/image_url" if "image_url" in part else at
    if not isinstance(url, str) or not image_of(url).addressed:
        text = f"`image_url.url` is {shown(url)}, neither a web address nor a data URL"
        yield Fault("bad_image", place, text)
    else:
        yield from image_faults(image_of(url), f"{place}/url", rules)


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


def _order(messages: list[object], at: str) -> Iterator[Fault]:
    begun = False
    roles = [role_of(message) for message in messages]
    for index, role in enumerate(roles):
        if role not in ("system", "developer"):
            begun = True
        elif begun:
            text = f"the {role} message comes after others"
            yield Fault("system_not_first", f"{at}/{index}", text)


def turn_faults(value: object, at: str) -> Iterator[Fault]:
    """Messages of a conversation that come out of turn, where all roles are known."""
    roles = [role_of(message) for message in listed(value)]
    if None in roles:
        return
    for index in out_of_turn("".join(letter(role) for role in roles if role)):
        text = f"it is not the turn of the {roles[index]}"
        yield Fault("roles_do_not_alternate", f"{at}/{index}", text)
