"""The format `completion`: `{"prompt": ..., "completion": ...}`, of text or of messages.

Only the completion is learned, as TRL has it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from finetune_sdk.datasets.converting.outcome import ODD, Lost, Outcome
from finetune_sdk.datasets.converting.places import Origin, Turned, turned
from finetune_sdk.datasets.converting.spoken import (
    AS_MESSAGES,
    TOOL_KEYS,
    Turn,
    learned,
    messages_of,
    said,
    tool_keys,
    unlearned,
)
from finetune_sdk.datasets.read import Row

_KEYS = frozenset({"prompt", "completion", *TOOL_KEYS})


def read(row: Row) -> Turned:
    """The row in the format `chat`."""
    if "prompt" not in row:
        return turned(row, row, messages="/messages", origins=())
    pairs = [
        *_turns(row, "prompt", "user", unlearned),
        *_turns(row, "completion", "assistant", list),
    ]
    return turned(
        {"messages": [message for message, _ in pairs], **tool_keys(row)},
        row,
        messages="",
        origins=[origin for _, origin in pairs],
        left={key: value for key, value in row.items() if key not in _KEYS},
        notes=(AS_MESSAGES,) if isinstance(row["prompt"], str) else (),
    )


def _turns(
    row: Row, key: str, role: str, weighed: Callable[[Sequence[object]], list[object]]
) -> list[Turn]:
    value = row.get(key)
    if isinstance(value, list):
        messages = weighed(cast("list[object]", value))
        return [(message, Origin(f"/{key}/{index}")) for index, message in enumerate(messages)]
    return [said(role, value, f"/{key}")] if key in row else []


def write(row: Row) -> Outcome:
    """A row of the format `chat`: the last answer that is learned is the completion."""
    messages = messages_of(row)
    answers = [
        place for place, message in enumerate(messages or ()) if message["role"] == "assistant"
    ]
    if not messages or not answers:
        return ODD
    lessons = [place for place in answers if learned(messages[place])]
    place = (lessons or answers)[-1]
    lost = {
        "weights": not lessons,
        "answers": len(lessons) > 1,
        "turns": place < len(messages) - 1,
    }
    made: Row = {"prompt": _bare(messages[:place]), "completion": _bare([messages[place]])}
    made |= {key: row[key] for key in TOOL_KEYS if key in row}
    return Outcome((made,), tuple(Lost(what) for what, is_so in lost.items() if is_so))


def _bare(messages: Sequence[Row]) -> list[Row]:
    return [{key: value for key, value in m.items() if key != "weight"} for m in messages]
