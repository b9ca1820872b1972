"""The format `prompts`: what the model answers by itself, and what its answers are graded by.

A row is `{"messages": [...]}` that ends with the user's message, or `{"prompt": ...}`. All other
keys are fields for graders.
"""

from __future__ import annotations

from collections.abc import Iterator

from finetune_sdk.datasets.faults import Fault, shown
from finetune_sdk.datasets.messages import conversation_faults, role_of, turn_faults
from finetune_sdk.datasets.read import Row
from finetune_sdk.datasets.rules import RowRules
from finetune_sdk.datasets.tools import listed, row_tool_faults
from finetune_sdk.datasets.turns import spoken_faults

KEYS = ("messages", "prompt")


def row_faults(row: Row, rules: RowRules) -> Iterator[Fault]:
    """All that is wrong with one row."""
    yield from row_tool_faults(row, rules)
    match [key for key in KEYS if key in row]:
        case []:
            keys = shown(list(row)) if row else "none"
            text = f"the row has neither `messages` nor `prompt`; its keys are: {keys}"
            yield Fault("no_prompt", "", text)
        case [key]:
            yield from _prompt(row[key], key, rules)
        case _:
            text = "the row has `messages` and `prompt`: two prompts"
            yield Fault("two_prompts", "/prompt", text)


def _prompt(value: object, key: str, rules: RowRules) -> Iterator[Fault]:
    at = f"/{key}"
    messages = listed(value)
    if key == "messages" or messages:
        yield from conversation_faults(value, at, rules, set())
        yield from turn_faults(value, at)
        yield from _ending(messages, at)
    else:
        yield from spoken_faults({key: value}, key, (), rules)


def _ending(messages: list[object], at: str) -> Iterator[Fault]:
    for index, message in enumerate(messages):
        if role_of(message) in ("system", "developer"):
            text = f"the prompt has a message of role {role_of(message)!r}"
            yield Fault("system_in_prompt", f"{at}/{index}", text)
    role = role_of(messages[-1]) if messages else None
    place = f"{at}/{len(messages) - 1}"
    if role == "assistant":
        yield Fault("answered_prompt", place, "the prompt ends with an answer")
    elif role not in ("user", None):
        text = f"the prompt ends with a message of role {shown(role)}, and not with the user's"
        yield Fault("prompt_end", place, text)
