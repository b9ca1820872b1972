"""A prompt and the answers to it: messages, or plain text as TRL allows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import cast

from finetune_sdk.datasets.faults import Fault, shown, step
from finetune_sdk.datasets.messages import conversation_faults, role_of, turn_faults
from finetune_sdk.datasets.read import Row
from finetune_sdk.datasets.rules import RowRules
from finetune_sdk.datasets.tools import listed

_ASKING = ("user", "tool")


def spoken_faults(
    row: Row, prompt: str, answers: Sequence[str], rules: RowRules
) -> Iterator[Fault]:
    """What is wrong with a prompt and its answers, all of them text or all of them messages.

    Args:
        row: holds them.
        prompt: the key of the prompt.
        answers: the keys of the answers.
        rules: what the rows are held against.
    """
    given = {key: row[key] for key in (prompt, *answers) if key in row}
    texts = [key for key, value in given.items() if isinstance(value, str)]
    lists = [key for key, value in given.items() if isinstance(value, list)]
    if texts and lists:
        text = f"`{texts[0]}` is text and `{lists[0]}` is a list of messages"
        yield Fault("text_beside_messages", "", text)
        return
    calls: set[str] = set()
    for key, value in given.items():
        at = step("", key)
        if isinstance(value, str):
            yield from _text_faults(value, at, "empty_prompt" if key == prompt else "empty_answer")
        elif not isinstance(value, list):
            text = f"`{key}` is {shown(value)}, neither text nor a list of messages"
            yield Fault("wrong_turn_type", at, text)
        elif key == prompt:
            yield from prompt_faults(cast("object", value), at, rules, calls)
        else:
            yield from answer_faults(cast("object", value), at, rules, calls)


def prompt_faults(value: object, at: str, rules: RowRules, calls: set[str]) -> Iterator[Fault]:
    """What is wrong with the messages that are answered; the ids of their calls are added."""
    yield from conversation_faults(value, at, rules, calls)
    yield from turn_faults(value, at)
    if last := _last(value):
        place, role = last
        if role not in _ASKING:
            text = f"the prompt ends with a message of role {shown(role)}, which asks nothing"
            yield Fault("prompt_end", f"{at}/{place}", text)


def answer_faults(value: object, at: str, rules: RowRules, calls: set[str]) -> Iterator[Fault]:
    """What is wrong with the list that holds the one message of an answer."""
    for fault in conversation_faults(value, at, rules, set(calls)):
        yield replace(fault, code="empty_answer") if fault.code == "empty_content" else fault
    count, last = len(listed(value)), _last(value)
    if count > 1:
        yield Fault("bad_answer", at, f"the answer is {count} messages long")
    elif last and last[1] != "assistant":
        text = f"the answer is a message of role {shown(last[1])}"
        yield Fault("bad_answer", f"{at}/0/role", text)


def _last(value: object) -> tuple[int, str] | None:
    """Place and role of the last message; None where it is broken, which is told by itself."""
    messages = listed(value)
    role = role_of(messages[-1]) if messages else None
    return None if role is None else (len(messages) - 1, role)


def _text_faults(text: str, at: str, code: str) -> Iterator[Fault]:
    if not text.strip():
        yield Fault(code, at, "the text is empty")
