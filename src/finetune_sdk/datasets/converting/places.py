"""A row turned into another format, that still knows where each of its values came from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from finetune_sdk.datasets.pointers import follow
from finetune_sdk.datasets.read import Row

NOTHING: Mapping[str, object] = MappingProxyType({})


class Turned(NamedTuple):
    """A row in another format.

    Attributes:
        row: the same in the other format, good or bad.
        pointer: from a pointer into it to the one into the row as it was.
        left: what the row said besides, under keys that its format does not know.
        notes: what was put in that was not there.
    """

    row: Row
    pointer: Callable[[str], str]
    left: Mapping[str, object] = NOTHING
    notes: tuple[str, ...] = ()


class Origin(NamedTuple):
    """Where a message came from.

    Attributes:
        at: the pointer to what it was made of.
        keys: below that, the places of its keys that are called otherwise there.
    """

    at: str
    keys: Mapping[str, str] = MappingProxyType({})


def turned(
    row: Row,
    given: Row,
    *,
    messages: str,
    origins: Sequence[Origin],
    left: Mapping[str, object] = NOTHING,
    notes: tuple[str, ...] = (),
) -> Turned:
    """A row of messages.

    Args:
        row: the row in the format `chat`.
        given: the row as it was.
        messages: the pointer to what all the messages were made of.
        origins: where each of them came from.
        left: what `row` leaves out.
        notes: what was put in.
    """
    return Turned(row, partial(_place, given, messages, origins), left, notes)


def _place(given: Row, messages: str, origins: Sequence[Origin], pointer: str) -> str:
    """The place that `pointer` means, as far as the row as it was has it."""
    _, *tokens = pointer.split("/")
    if tokens[:1] != ["messages"]:
        return follow(given, pointer).pointer
    match tokens[1:]:
        case [index, *rest] if index.isdecimal() and int(index) < len(origins):
            return follow(given, _origin(origins[int(index)], rest)).pointer
        case _:
            return messages


def _origin(origin: Origin, tokens: Sequence[str]) -> str:
    if not tokens:
        return origin.at
    key, *rest = tokens
    steps = "".join(f"/{token}" for token in rest)
    return f"{origin.at}{origin.keys.get(key, f'/{key}')}{steps}"
