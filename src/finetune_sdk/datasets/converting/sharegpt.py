"""The format `sharegpt`: `{"conversations": [{"from": "human", "value": ...}, ...]}`.

It comes from exported chats and is spelled in several ways. Calls of functions are read as
LLaMA-Factory writes them: a turn of `function_call` that holds the call as JSON, and one of
`observation` that answers it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import cast

import msgspec

from finetune_sdk.datasets.converting.outcome import ODD, Outcome, fields
from finetune_sdk.datasets.converting.places import Origin, Turned, turned
from finetune_sdk.datasets.converting.spoken import (
    TOOL_KEYS,
    Turn,
    messages_of,
    plain,
    system_turn,
    tool_keys,
)
from finetune_sdk.datasets.read import Row
from finetune_sdk.datasets.tools import listed

_KEYS = frozenset({"conversations", "system", *TOOL_KEYS})
_ROLES: Mapping[str, str] = MappingProxyType(
    {
        "human": "user",
        "user": "user",
        "gpt": "assistant",
        "chatgpt": "assistant",
        "assistant": "assistant",
        "model": "assistant",
        "system": "system",
        "tool": "tool",
        "observation": "tool",
        "function": "tool",
    }
)
_SPEAKERS: Mapping[object, str] = MappingProxyType({"user": "human", "assistant": "gpt"})
_RENAMED: Mapping[str, str] = MappingProxyType({"from": "role", "value": "content"})
_NUMBERED = "calls of functions had no ids, and have got some: `call_1`, `call_2`, ..."


class _Call(msgspec.Struct, forbid_unknown_fields=True):
    """A call as a turn holds it; the arguments stay as they are written."""

    name: str
    arguments: msgspec.Raw


_calls: msgspec.json.Decoder[_Call | list[_Call]] = msgspec.json.Decoder(_Call | list[_Call])


def read(row: Row) -> Turned:
    """The row in the format `chat`."""
    if "conversations" not in row:
        return turned(row, row, messages="/messages", origins=())
    conversation, waiting = row["conversations"], _Waiting()
    pairs = list(chain(system_turn(row), _turns(listed(conversation), waiting)))
    messages = [m for m, _ in pairs] if isinstance(conversation, list) else conversation
    return turned(
        {"messages": messages, **tool_keys(row)},
        row,
        messages="/conversations",
        origins=[origin for _, origin in pairs],
        left={key: value for key, value in row.items() if key not in _KEYS},
        notes=(_NUMBERED,) if waiting.calls else (),
    )


class _Waiting:
    """Calls that have no answer yet."""

    def __init__(self) -> None:
        self.calls = 0
        self._ids: list[str] = []

    def add(self) -> str:
        """The id of another call."""
        self.calls += 1
        self._ids.append(f"call_{self.calls}")
        return self._ids[-1]

    def answered(self, message: Row) -> Row:
        """The message, with the id of the call that it answers."""
        if message.get("role") != "tool" or "tool_call_id" in message or not self._ids:
            return message
        return {**message, "tool_call_id": self._ids.pop(0)}


def _turns(items: Sequence[object], waiting: _Waiting) -> Iterator[Turn]:
    for index, item in enumerate(items):
        at = f"/conversations/{index}"
        if not isinstance(item, dict):
            yield item, Origin(at)
            continue
        said = cast("Row", item)
        # A turn may be spelled like a message already, or be so by half.
        names = {old: new for old, new in _RENAMED.items() if new not in said}
        message = _named({names.get(key, key): value for key, value in said.items()})
        places = {new: f"/{old}" for old, new in names.items()}
        if calling := _calling(message, waiting):
            yield calling, Origin(at, {**places, "tool_calls": places.get("content", "/content")})
        else:
            yield waiting.answered(message), Origin(at, places)


def _named(message: Row) -> Row:
    role = message.get("role")
    return {**message, "role": _ROLES.get(role, role)} if isinstance(role, str) else message


def _calling(message: Row, waiting: _Waiting) -> Row | None:
    """The message that calls; None where it does not, or not in a way that can be read."""
    content = message.get("content")
    if message.get("role") != "function_call" or "tool_calls" in message:
        return None
    try:
        found = _calls.decode(content if isinstance(content, str) else "")
        calls = found if isinstance(found, list) else [found]
        spoken = [(call.name, _arguments(call.arguments)) for call in calls]
    except (ValueError, RecursionError):
        return None
    made = [_call(name, arguments, waiting.add()) for name, arguments in spoken]
    return {**message, "role": "assistant", "content": None, "tool_calls": made} if made else None


def _call(name: str, arguments: str, call_id: str) -> Row:
    function = {"name": name, "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function}


def _arguments(raw: msgspec.Raw) -> str:
    text = bytes(raw).decode()
    return msgspec.json.decode(text, type=str) if text.startswith('"') else text


def write(row: Row) -> Outcome:
    """A row of the format `chat` that holds only text."""
    messages = messages_of(row)
    texts = [plain(message.get("content")) for message in messages or ()]
    if not messages or None in texts:
        return ODD
    turns = [
        {"from": _SPEAKERS.get(message["role"], message["role"]), "value": text}
        for message, text in zip(messages, texts, strict=True)
    ]
    strange = {key for message in messages for key in message} - {"role", "content"}
    return Outcome(({"conversations": turns},), fields(sorted(strange)))
