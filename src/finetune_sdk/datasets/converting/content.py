"""Takes out of a row what the messages of a provider, or of a format, cannot hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import cast

from finetune_sdk.datasets.converting.outcome import Lost, Outcome
from finetune_sdk.datasets.converting.spoken import TOOL_KEYS, is_message
from finetune_sdk.datasets.preference import OPENAI, TRL
from finetune_sdk.datasets.read import Row
from finetune_sdk.datasets.rules import EVERYTHING, Content
from finetune_sdk.datasets.tools import listed
from finetune_sdk.types.dataset import RowFormat

_TALKS: Mapping[RowFormat, tuple[str, ...]] = MappingProxyType(
    {
        "chat": ("messages",),
        "preference": (*OPENAI[1:], *TRL),
        "preference_trl": TRL,
        "kto": ("prompt", "completion"),
        "prompts": ("messages", "prompt"),
    }
)
"""The keys of each format that have messages, in any of its spellings; OpenAI's `input` has some
below."""


class _Losses:
    """What one row has lost, each loss once."""

    def __init__(self) -> None:
        self.what: set[str] = set()
        self.emptied = False


_Taker = Callable[[object, _Losses], Iterator[object]]
"""Gives the message without something, or nothing where nothing is left of it."""


def trimmed(row: Row, source: RowFormat, content: frozenset[Content]) -> Outcome:
    """The row with nothing but `content`; a row is left out when nothing is left to learn.

    Args:
        row: good or bad.
        source: what it looks like; a format that has messages.
        content: what messages may hold.
    """
    if content >= EVERYTHING:
        return Outcome((row,))
    losses = _Losses()
    made = _holder(row, _TALKS[source], content, losses)
    if source == "preference" and isinstance(row.get("input"), dict):
        made["input"] = _holder(cast("Row", row["input"]), ("messages",), content, losses)
    silenced = source == "chat" and _answered(row) and not _answered(made)
    rows = () if losses.emptied or silenced else (made,)
    return Outcome(rows, tuple(map(Lost, sorted(losses.what))))


def _holder(row: Row, keys: tuple[str, ...], content: frozenset[Content], losses: _Losses) -> Row:
    """An object with its lists of messages, and what it says about tools, made anew."""
    made = dict(row)
    takers = [take for what, take in _TAKERS.items() if what not in content]
    for key in keys:
        if isinstance(row.get(key), list):
            made[key] = _messages(cast("list[object]", row[key]), takers, losses)
    if "tools" not in content:
        taken = [key for key in TOOL_KEYS if key in made]
        losses.what.update(taken)
        made = {key: value for key, value in made.items() if key not in taken}
    return made


def _messages(messages: list[object], takers: list[_Taker], losses: _Losses) -> list[object]:
    kept = messages
    for take in takers:
        kept = [left for message in kept for left in take(message, losses)]
    losses.emptied |= bool(messages) and not kept
    return kept


def _answered(row: Row) -> bool:
    return any(is_message(message, "assistant") for message in listed(row.get("messages")))


def _without_weight(message: object, losses: _Losses) -> Iterator[object]:
    # A weight of 1 says what is so without it.
    what = None if _value(message, "weight") == 1 else "weights"
    yield from _without(message, "weight", what, losses)


def _without_name(message: object, losses: _Losses) -> Iterator[object]:
    yield from _without(message, "name", "names", losses)


def _without_tools(message: object, losses: _Losses) -> Iterator[object]:
    if is_message(message, "tool"):
        losses.what.add("tools")
        return
    says = _value(message, "content") not in (None, "", [])
    if says or not _has(message, "tool_calls"):
        yield from _without(message, "tool_calls", "tools", losses)
    else:
        losses.what.add("tools")


def _without_images(message: object, losses: _Losses) -> Iterator[object]:
    content = _value(message, "content")
    parts = cast("list[object]", content) if isinstance(content, list) else []
    kept = [part for part in parts if _value(part, "type") != "image_url"]
    if len(kept) == len(parts):
        yield message
        return
    losses.what.add("images")
    losses.emptied |= not kept
    yield {**cast("Row", message), "content": kept}


def _without(message: object, key: str, what: str | None, losses: _Losses) -> Iterator[object]:
    if not _has(message, key):
        yield message
        return
    losses.what.update({what} if what else ())
    yield {name: value for name, value in cast("Row", message).items() if name != key}


def _has(message: object, key: str) -> bool:
    return isinstance(message, dict) and key in message


def _value(message: object, key: str) -> object:
    return cast("Row", message).get(key) if isinstance(message, dict) else None


_TAKERS: Mapping[Content, _Taker] = MappingProxyType(
    {
        "weight": _without_weight,
        "name": _without_name,
        "tools": _without_tools,
        "image": _without_images,
    }
)
