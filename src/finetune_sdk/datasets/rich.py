"""Conversations with tools, images, names or weights: what their types cannot say of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from msgspec import UNSET, Meta, Raw
from msgspec.json import Decoder

from finetune_sdk.datasets.images import Image, image_of, within
from finetune_sdk.datasets.rules import Content, RowRules
from finetune_sdk.datasets.structs import (
    Assistant,
    Call,
    ChatRow,
    DeclaredTool,
    ImagePart,
    TextPart,
    Tool,
    Turn,
    Turns,
    User,
)

_tools = Decoder(Annotated[list[DeclaredTool], Meta(min_length=1)]).decode
_any = Decoder().decode
_object = Decoder(dict[str, object]).decode
_REMEMBERED = 64


class Rich:
    """Tells rows that are good from those that have to be looked at slowly."""

    def __init__(self, rules: RowRules) -> None:
        self._rules = rules
        # The same functions are listed in row after row.
        self._declared: dict[bytes, frozenset[str]] = {}

    def good(self, row: ChatRow, speakers: str) -> bool:
        """The row is good; who speaks after whom was judged before.

        Args:
            row: what was decoded.
            speakers: a letter for each message.
        """
        try:
            return (
                _used(row, speakers) <= self._rules.content
                and all(map(_says_something, row.messages))
                and _learns(row.messages)
                and self._calls_well(row)
                and within([*_images(row.messages)], self._rules)
            )
        except (ValueError, RecursionError):
            return False

    def _calls_well(self, row: ChatRow) -> bool:
        declared = self._functions(row.tools)
        unanswered: set[str] = set()
        for message in row.messages:
            if isinstance(message, Tool):
                if message.tool_call_id not in unanswered:
                    return False
                unanswered.discard(message.tool_call_id)
            elif unanswered:
                return False
            elif isinstance(message, Assistant) and message.tool_calls is not UNSET:
                if not all(_well_formed(call, declared) for call in message.tool_calls):
                    return False
                unanswered = {call.id for call in message.tool_calls}
        return True

    def _functions(self, tools: Raw) -> frozenset[str] | None:
        """Names of the functions that may be called; None where there are none.

        Raises:
            ValueError: they are not well formed.
        """
        text = bytes(tools)
        if not text:
            return None
        known = self._declared.get(text)
        if known is None:
            # Typed decoding passes over what it does not need; half a character may hide there.
            _any(text)
            known = frozenset(tool.function.name for tool in _tools(text))
            if len(self._declared) < _REMEMBERED:
                self._declared[text] = known
        return known


def _well_formed(call: Call, declared: frozenset[str] | None) -> bool:
    _object(call.function.arguments)
    return declared is None or call.function.name in declared


def _used(row: ChatRow, speakers: str) -> set[Content]:
    used: set[Content] = {"text"}
    if row.tools or "t" in speakers or any(map(_calls, row.messages)):
        used.add("tools")
    for message in row.messages:
        if message.name:
            used.add("name")
        if isinstance(message, Assistant) and message.weight is not UNSET:
            used.add("weight")
    return used


def _says_something(message: Turn) -> bool:
    content = message.content
    if isinstance(content, str):
        return bool(content.strip()) or _calls(message)
    if content is None:
        return _calls(message)
    return any(not isinstance(part, TextPart) or part.text.strip() for part in content)


def _calls(message: Turn) -> bool:
    return isinstance(message, Assistant) and message.tool_calls is not UNSET


def _learns(messages: Turns) -> bool:
    return any(isinstance(message, Assistant) and message.weight != 0 for message in messages)


def _images(messages: Turns) -> Iterator[Image]:
    for message in messages:
        if isinstance(message, User) and not isinstance(message.content, str):
            for part in message.content:
                if isinstance(part, ImagePart):
                    yield image_of(part.image_url.url)


def has_images(messages: Turns) -> bool:
    """There is an image in the conversation."""
    return any(True for _ in _images(messages))
