"""One row, judged by its format; a row of another format is told as such, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from finetune_sdk.datasets import chat, kto, preference, prompts
from finetune_sdk.datasets.converting import FOREIGN, base_of, reader
from finetune_sdk.datasets.detect import format_of
from finetune_sdk.datasets.faults import Fault, shown, step
from finetune_sdk.datasets.keys import misspelt
from finetune_sdk.datasets.messages import role_of
from finetune_sdk.datasets.read import Row
from finetune_sdk.datasets.rules import FORMATS, RowRules
from finetune_sdk.datasets.tools import listed
from finetune_sdk.types.dataset import RowFormat

_JUDGES: Mapping[RowFormat, Callable[[Row, RowRules], Iterator[Fault]]] = MappingProxyType(
    {
        "chat": chat.row_faults,
        "preference": preference.row_faults,
        "kto": kto.row_faults,
        "prompts": prompts.row_faults,
    }
)
_SHAPES: Mapping[RowFormat, str] = MappingProxyType(
    {
        "chat": '{"messages": [...]}',
        "preference": '{"prompt": ..., "chosen": ..., "rejected": ...}',
        "kto": '{"prompt": ..., "completion": ..., "label": true}',
        "prompts": '{"messages": [...]} that ends with the user',
    }
)
_PAIR = (*preference.OPENAI[1:], *preference.TRL[1:])
_MARKS: Mapping[RowFormat, tuple[str, ...]] = MappingProxyType(
    {
        "chat": ("messages",),
        "preference": _PAIR,
        "kto": ("completion",),
        "prompts": prompts.KEYS,
    }
)
"""The keys that tell a row of each format; misspelt they do so too."""


def row_faults(row: Row, rules: RowRules, source: RowFormat) -> Iterator[Fault]:
    """All that is wrong with one row.

    Args:
        row: what stands there.
        rules: what it is held against.
        source: what the rows of the dataset look like; a row that is of another format than the
            first ones is told as such.
    """
    if base_of(source) == rules.format and source in FOREIGN:
        yield from _turned_faults(row, rules, source)
        return
    other = _mistaken(row, rules.format)
    if other is None:
        yield from _JUDGES[rules.format](row, rules)
    else:
        yield _wrong_format(other, rules.format)


def _turned_faults(row: Row, rules: RowRules, source: RowFormat) -> Iterator[Fault]:
    found = format_of(row)
    if found not in (None, source):
        yield Fault(
            "wrong_format", "", f"the row is of the format `{found}`, others are `{source}`"
        )
        return
    turned = reader(source)(row)
    for key in turned.left:
        yield _unread(key, source)
    for fault in _JUDGES[rules.format](turned.row, rules):
        yield replace(fault, pointer=turned.pointer(fault.pointer))


_TELLING = frozenset(
    {
        *("kto_tag", "label", "chosen", "rejected", "preferred_output", "non_preferred_output"),
        *("messages", "conversations", "prompt", "completion", "instruction", "input", "context"),
        *("output", "response", "answer", "history", "system", "tools", "functions"),
        *("weight", "weights", "image", "images", "video", "videos", "audio", "audios"),
    }
)
"""Keys that say something in one format or another; others are names and numbers of rows."""


def _unread(key: str, source: RowFormat) -> Fault:
    code = "unread_key" if key.lower() in _TELLING else "unknown_row_key"
    return Fault(code, step("", key), f"{shown(key)} is no key that is read of a row of `{source}`")


def _mistaken(row: Row, wanted: RowFormat) -> RowFormat | None:
    """The format that the row has instead of the wanted one."""
    found = _looks_like(row)
    if found in (None, wanted):
        return None
    meant = any(misspelt(key, row) for key in _MARKS[wanted])
    return None if meant else found


def _looks_like(row: Row) -> RowFormat | None:
    if any(key in row for key in _PAIR):
        return "preference"
    if "label" in row and ("completion" in row or "prompt" in row):
        return "kto"
    if "messages" in row:
        answered = any(role_of(message) == "assistant" for message in listed(row["messages"]))
        return "chat" if answered else "prompts"
    # A prompt and a completion may be anything: many formats have questions and answers.
    return "prompts" if "prompt" in row and "completion" not in row else None


def _wrong_format(found: RowFormat, wanted: RowFormat) -> Fault:
    text = (
        f"the row is of the format `{found}`, for {_takers(found)}; "
        f"{_takers(wanted)} needs rows like {_SHAPES[wanted]}"
    )
    return Fault("wrong_format", "", text)


def _takers(wanted: RowFormat) -> str:
    names = [f"`{name.value}`" for name, rows in FORMATS.items() if rows == wanted]
    return " or ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
