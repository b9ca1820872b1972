"""The format `chat`: a conversation, of which the assistant's turns are learned.

A row is `{"messages": [...]}`, with `tools` and `parallel_tool_calls` where they are needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from finetune_sdk.datasets.faults import Fault, shown, step
from finetune_sdk.datasets.images import row_image_faults
from finetune_sdk.datasets.messages import conversation_faults, role_of, turn_faults
from finetune_sdk.datasets.read import Row
from finetune_sdk.datasets.rules import RowRules
from finetune_sdk.datasets.tools import declaration_faults, pairing_faults, row_tool_faults

_KEYS = frozenset({"messages", "tools", "parallel_tool_calls"})


def row_faults(row: Row, rules: RowRules) -> Iterator[Fault]:
    """All that is wrong with one row."""
    yield from row_tool_faults(row, rules)
    if "messages" not in row:
        keys = shown(list(row)) if row else "none"
        yield Fault("no_messages", "", f"the row has no `messages`; its keys are: {keys}")
        return
    for key in row:
        if key not in _KEYS:
            yield Fault("unknown_row_key", step("", key), f"{shown(key)} is no key of a chat row")
    messages = row["messages"]
    yield from conversation_faults(messages, "/messages", rules, set())
    if isinstance(messages, list) and messages:
        turns = cast("list[object]", messages)
        yield from turn_faults(turns, "/messages")
        yield from _lessons(turns, rules)
        if "tools" in rules.content:
            yield from pairing_faults(turns, "/messages")
            yield from declaration_faults(turns, row.get("tools"), "/messages")
        yield from row_image_faults(turns, "/messages", rules)


def _lessons(messages: list[object], rules: RowRules) -> Iterator[Fault]:
    roles = [role_of(message) for message in messages]
    if "assistant" not in roles:
        # A message that is broken has its own finding, and may well be the assistant's.
        if None not in roles:
            text = f"there is no assistant message to {rules.purpose}"
            yield Fault("no_assistant_turn", "/messages", text)
        return
    if roles[-1] in ("user", "system", "developer", "tool"):
        text = f"the conversation ends with a message of role {roles[-1]!r}"
        yield Fault("ends_without_answer", f"/messages/{len(roles) - 1}", text)
    turns = (cast("Row", m) for m, role in zip(messages, roles, strict=True) if role == "assistant")
    if all(_is_zero(turn.get("weight")) for turn in turns):
        text = f"every assistant message has `weight` 0: there is nothing to {rules.purpose}"
        yield Fault("nothing_to_learn", "/messages", text)


def _is_zero(weight: object) -> bool:
    return type(weight) is int and weight == 0
