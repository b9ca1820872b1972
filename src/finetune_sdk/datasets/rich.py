"""Conversations with tools, images, names or weights: what their types cannot say of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from msgspec import UNSET, Meta, Raw
from msgspec.json import Decoder

from finetune_sdk.datasets.images import Image, image_of, within
from finetune_sdk.datasets.rules import RowRules
from finetune_sdk.datasets.structs import (
    Assistant,
    Call,
    ChatRow,
    DeclaredTool,
    Developer,
    ImagePart,
    Parts,
    System,
    Texts,
    Tool,
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

    def good(self, row: ChatRow) -> bool:
        """The row is good; who speaks after whom was judged before."""
        try:
            declared = self._functions(row.tools)
            if declared is not None and "tools" not in self._rules.content:
                return False
            case = _Case(self._rules, declared)
            return all(map(case.passes, row.messages)) and case.teaches
        except (ValueError, RecursionError):
            return False

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


class _Case:
    """One row, message by message."""

    __slots__ = ("_calling", "_declared", "_pictured", "_rules", "teaches")

    def __init__(self, rules: RowRules, declared: frozenset[str] | None) -> None:
        self._rules, self._declared = rules, declared
        self._calling: set[str] = set()
        self._pictured = 0
        self.teaches = False

    def passes(self, message: Any) -> bool:
        """Nothing is odd about the next message."""
        if message.name is not UNSET and "name" not in self._rules.content:
            return False
        return _JUDGES[message.__class__](self, message)

    def system(self, message: System | Developer) -> bool:
        return not self._calling and _says_something(message.content)

    def user(self, message: User) -> bool:
        content = message.content
        if self._calling or not _says_something(content):
            return False
        if isinstance(content, str):
            return True
        images = [image_of(part.image_url.url) for part in content if isinstance(part, ImagePart)]
        return not images or self._may_show(images)

    def assistant(self, message: Assistant) -> bool:
        weight, calls = message.weight, message.tool_calls
        if self._calling or (weight == 0 and "weight" not in self._rules.content):
            return False
        self.teaches |= weight != 0
        if calls is UNSET:
            content = message.content
            return isinstance(content, (str, tuple)) and _says_something(content)
        self._calling = {call.id for call in calls}
        return "tools" in self._rules.content and all(map(self._well_formed, calls))

    def tool(self, message: Tool) -> bool:
        known = message.tool_call_id in self._calling
        self._calling.discard(message.tool_call_id)
        return known

    def _well_formed(self, call: Call) -> bool:
        _object(call.function.arguments)
        return self._declared is None or call.function.name in self._declared

    def _may_show(self, images: list[Image]) -> bool:
        before, self._pictured = self._pictured, self._pictured + len(images)
        # A second message with images is rare, and counted slowly.
        return not before and within(images, self._rules)


_JUDGES: dict[type, Callable[[_Case, Any], bool]] = {
    System: _Case.system,
    Developer: _Case.system,
    User: _Case.user,
    Assistant: _Case.assistant,
    Tool: _Case.tool,
}


def _says_something(content: str | Texts | Parts) -> bool:
    if isinstance(content, str):
        return bool(content.strip())
    return any(isinstance(part, ImagePart) or part.text.strip() for part in content)


def has_images(messages: Turns) -> bool:
    """There is an image in the conversation."""
    return any(
        isinstance(part, ImagePart)
        for message in messages
        if isinstance(message, User) and not isinstance(message.content, str)
        for part in message.content
    )
