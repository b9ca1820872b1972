"""Rows as typed structs: decoding judges their shape, and a row's hash is C's work.

Only good rows are decoded into them. A key that is not there is something else than one that says
what is meant without it: rows that differ in that are two.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

Text = Annotated[str, Meta(min_length=1)]


class Strict(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Base: no other keys, comparable by value."""


class TextPart(Strict, frozen=True, gc=False, tag_field="type", tag="text"):
    text: str


class Url(Strict, frozen=True, gc=False):
    url: Text
    detail: Literal["auto", "low", "high"] | UnsetType = UNSET


class ImagePart(Strict, frozen=True, gc=False, tag_field="type", tag="image_url"):
    image_url: Url


Texts = Annotated[tuple[TextPart, ...], Meta(min_length=1)]
Parts = Annotated[tuple[TextPart | ImagePart, ...], Meta(min_length=1)]


class Function(Strict, frozen=True, gc=False):
    name: Text
    arguments: str


class Call(Strict, frozen=True, gc=False):
    id: Text
    type: Literal["function"]
    function: Function


Calls = Annotated[tuple[Call, ...], Meta(min_length=1)]


class Message(Strict, frozen=True, gc=False):
    """Base of messages."""

    name: str | UnsetType = UNSET


class System(Message, frozen=True, gc=False, kw_only=True, tag_field="role", tag="system"):
    content: str | Texts


class Developer(Message, frozen=True, gc=False, kw_only=True, tag_field="role", tag="developer"):
    content: str | Texts


class User(Message, frozen=True, gc=False, kw_only=True, tag_field="role", tag="user"):
    content: str | Parts


class Assistant(Message, frozen=True, gc=False, kw_only=True, tag_field="role", tag="assistant"):
    content: str | Texts | UnsetType | None = UNSET
    tool_calls: Calls | UnsetType = UNSET
    weight: Literal[0, 1] | UnsetType = UNSET


class Tool(Message, frozen=True, gc=False, kw_only=True, tag_field="role", tag="tool"):
    content: str | Texts
    tool_call_id: Text


Turn = System | Developer | User | Assistant | Tool
Turns = tuple[Turn, ...]

LETTERS: dict[type, str] = {System: "s", Developer: "s", User: "u", Assistant: "a", Tool: "t"}


class ChatRow(Strict, frozen=True, gc=False):
    """`tools` are judged apart: the same ones are listed in row after row."""

    messages: Turns
    tools: Raw = Raw()
    parallel_tool_calls: bool | UnsetType = UNSET


class Said(Strict, frozen=True, gc=False, tag_field="role", tag="assistant"):
    """An answer to compare: text alone."""

    content: str


Answer = Annotated[tuple[Said, ...], Meta(min_length=1, max_length=1)]


class Input(Strict, frozen=True, gc=False):
    messages: Turns


class PairRow(Strict, frozen=True, gc=False):
    input: Input
    preferred_output: Answer
    non_preferred_output: Answer


class TrlPairRow(Strict, frozen=True, gc=False):
    prompt: str | Turns
    chosen: str | Answer
    rejected: str | Answer


class ThumbRow(Strict, frozen=True, gc=False):
    prompt: str | Turns
    completion: str | Answer
    label: bool


class DeclaredFunction(Struct):
    """A function of `tools`; other keys are for the tools' own readers."""

    name: Text
    parameters: dict[str, Raw] = {}


class DeclaredTool(Struct):
    type: Literal["function"]
    function: DeclaredFunction
