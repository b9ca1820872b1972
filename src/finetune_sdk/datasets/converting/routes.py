"""Which format is made of which, and by which steps.

Everything that has an answer can be a conversation, and a conversation nearly everything else.
What has one answer never becomes a pair of them, and what has none gets none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import get_args

from finetune_sdk.datasets.converting import alpaca, completion, pairs, prompts, sharegpt
from finetune_sdk.datasets.converting.content import trimmed
from finetune_sdk.datasets.converting.outcome import ODD, Outcome, Stage, fields, through
from finetune_sdk.datasets.converting.readers import FOREIGN, reader
from finetune_sdk.datasets.converting.spoken import CHAT_KEYS
from finetune_sdk.datasets.detect import format_of
from finetune_sdk.datasets.read import Row
from finetune_sdk.datasets.rules import EVERYTHING, Content
from finetune_sdk.types.dataset import RowFormat


def _read(source: RowFormat, row: Row) -> Outcome:
    if format_of(row) not in (None, source):
        return ODD
    turned = reader(source)(row)
    if "messages" not in turned.row:
        return ODD
    return Outcome((turned.row,), left=turned.left, notes=turned.notes)


def _alone(row: Row) -> Outcome:
    """The conversation without what stands beside it."""
    if "messages" not in row:
        return ODD
    kept = {key: value for key, value in row.items() if key in CHAT_KEYS}
    return Outcome((kept,), left={key: row[key] for key in row if key not in CHAT_KEYS})


def _as_it_is(row: Row) -> Outcome:
    return Outcome((row,))


_TO_CHAT: Mapping[RowFormat, Stage] = MappingProxyType(
    {
        "chat": _alone,
        **{source: partial(_read, source) for source in FOREIGN},
        "preference": pairs.better_to_chat,
        "preference_trl": pairs.better_to_chat,
        "kto": pairs.good_to_chat,
    }
)
_FROM_CHAT: Mapping[RowFormat, Stage] = MappingProxyType(
    {
        "chat": _as_it_is,
        "completion": completion.write,
        "sharegpt": sharegpt.write,
        "alpaca": alpaca.write,
        "prompts": prompts.write,
    }
)
_DIRECT: Mapping[tuple[RowFormat, RowFormat], Stage] = MappingProxyType(
    {
        ("preference", "preference_trl"): pairs.to_trl,
        ("preference_trl", "preference"): pairs.to_openai,
        ("preference", "kto"): pairs.to_thumbs,
        ("preference_trl", "kto"): pairs.to_thumbs,
    }
)

_TEXT: frozenset[Content] = frozenset({"text"})
_HOLDS: Mapping[RowFormat, frozenset[Content]] = MappingProxyType(
    {"sharegpt": _TEXT, "alpaca": _TEXT}
)
"""What messages of a format can hold, where that is not everything."""

_WEIGHT: frozenset[Content] = frozenset({"weight"})
_RESOLVES: Mapping[RowFormat, frozenset[Content]] = MappingProxyType(
    {"completion": _WEIGHT, "prompts": _WEIGHT}
)
"""What a format says in another way, so that it is kept until then."""

_WORDS = CHAT_KEYS | {
    *("input", "preferred_output", "non_preferred_output", "prompt", "chosen", "rejected"),
    *("completion", "label", "conversations", "system", "instruction", "output", "history"),
    *("context", "response"),
}
_CARRIES: Mapping[RowFormat, frozenset[str]] = MappingProxyType(
    {**dict.fromkeys(FOREIGN, _WORDS), "prompts": _WORDS - {"label"}}
)
"""The formats whose rows may have more keys than theirs, and those that would mean something."""

_READ_AS: Mapping[RowFormat, tuple[str, ...]] = MappingProxyType(
    {
        "sharegpt": ("`conversations` is `messages`", "`from` is `role`", "`value` is `content`"),
        "alpaca": (
            "`instruction` and `input` are the user's message",
            "`output` is the assistant's message",
        ),
        "completion": (
            "`prompt` is messages that are not learned",
            "`completion` is messages that are learned",
        ),
        "preference": ("`preferred_output` is the assistant's message",),
        "preference_trl": ("`chosen` is the assistant's message",),
        "kto": ("`completion` is the assistant's message",),
    }
)
_WRITTEN_AS: Mapping[RowFormat, tuple[str, ...]] = MappingProxyType(
    {
        "sharegpt": ("`messages` is `conversations`", "`role` is `from`", "`content` is `value`"),
        "alpaca": (
            "the last question is `instruction`",
            "its answer is `output`",
            "earlier turns are `history`",
        ),
        "completion": (
            "the last answer is `completion`",
            "the messages before it are `prompt`",
        ),
        "prompts": (f"the last answer is `{prompts.ANSWER}`",),
    }
)
_RENAMED: Mapping[tuple[RowFormat, RowFormat], tuple[str, ...]] = MappingProxyType(
    {
        ("preference", "preference_trl"): (
            "`input` is `prompt`",
            "`preferred_output` is `chosen`",
            "`non_preferred_output` is `rejected`",
        ),
        ("preference_trl", "preference"): (
            "`prompt` is `input`",
            "`chosen` is `preferred_output`",
            "`rejected` is `non_preferred_output`",
        ),
        ("preference", "kto"): (
            "`input` is `prompt`",
            "`preferred_output` is a `completion` with the `label` true",
            "`non_preferred_output` is a `completion` with the `label` false",
        ),
        ("preference_trl", "kto"): (
            "`chosen` is a `completion` with the `label` true",
            "`rejected` is a `completion` with the `label` false",
        ),
    }
)


def convertible(source: RowFormat, target: RowFormat) -> bool:
    """Rows of `source` can be made rows of `target`, though something may be lost."""
    chatty = source in _TO_CHAT and target in _FROM_CHAT
    return source == target or (source, target) in _DIRECT or chatty


def targets(source: RowFormat) -> tuple[RowFormat, ...]:
    """All that rows of `source` can be made."""
    formats: tuple[RowFormat, ...] = get_args(RowFormat)
    return tuple(target for target in formats if convertible(source, target))


def renamed(source: RowFormat, target: RowFormat) -> tuple[str, ...]:
    """What is called otherwise on the way."""
    if source == target:
        return ()
    long_way = (*_READ_AS.get(source, ()), *_WRITTEN_AS.get(target, ()))
    return _RENAMED.get((source, target), long_way)


def route(source: RowFormat, target: RowFormat, content: frozenset[Content]) -> Stage:
    """The whole way of a row.

    Args:
        source: what it looks like.
        target: what can be made of it.
        content: what its messages may hold then.
    """
    if source == target:
        return partial(_kept, source, content)
    if (source, target) in _DIRECT:
        trim = partial(trimmed, source=source, content=content)
        return partial(_whole, target, (trim, _DIRECT[source, target]))
    return partial(_whole, target, (_TO_CHAT[source], _trim(target, content), _FROM_CHAT[target]))


def _trim(target: RowFormat, content: frozenset[Content]) -> Stage:
    held = _HOLDS.get(target, EVERYTHING)
    content = (content | _RESOLVES.get(target, frozenset())) & held
    return partial(trimmed, source="chat", content=content)


def _whole(target: RowFormat, stages: Sequence[Stage], row: Row) -> Outcome:
    done = through(stages, row)
    return done if done.odd or not done.left else _settled(done, target)


def _settled(done: Outcome, target: RowFormat) -> Outcome:
    """What the format of the source has no word for goes along where it may, and is lost else."""
    words = _CARRIES.get(target)
    made = done.rows[0] if done.rows else {}
    carried = {
        key: value
        for key, value in done.left.items()
        if words is not None and key not in words and key not in made
    }
    lost = [key for key, value in done.left.items() if {**made, **carried}.get(key) != value]
    rows = tuple({**row, **carried} for row in done.rows)
    return Outcome(rows, (*done.lost, *fields(lost)), notes=done.notes)


def _kept(source: RowFormat, content: frozenset[Content], row: Row) -> Outcome:
    """The row as it is, unless something has to be taken out."""
    if source not in FOREIGN:
        return trimmed(row, source, content)
    read = (_TO_CHAT[source], partial(trimmed, source="chat", content=content))
    trim = through(read, row)
    if not trim.lost:
        return trim._replace(rows=(row,), notes=(), left={})
    return _whole(source, (*read, _FROM_CHAT[source]), row)
