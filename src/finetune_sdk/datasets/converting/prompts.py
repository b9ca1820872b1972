"""A conversation as a row of the format `prompts`: the answer is what graders compare with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from finetune_sdk.datasets.converting.outcome import ODD, Lost, Outcome, fields
from finetune_sdk.datasets.converting.spoken import TOOL_KEYS, learned, messages_of, plain
from finetune_sdk.datasets.read import Row

ANSWER = "reference_answer"

_SAID = frozenset({"role", "content", "weight"})
_LOSSES: Mapping[str, Lost] = MappingProxyType({"tool_calls": Lost("tools"), "name": Lost("names")})


def write(row: Row) -> Outcome:
    """A row of the format `chat`: the answer that it ends with is what graders compare with."""
    messages = messages_of(row)
    if not messages or not any(message["role"] == "assistant" for message in messages):
        return ODD
    last = messages[-1] if messages[-1]["role"] == "assistant" else None
    before = messages[:-1] if last else messages
    lost = [Lost("answers")] if any(map(learned, before)) else []
    made: Row = {"messages": [_bare(message) for message in before]}
    made |= {key: row[key] for key in TOOL_KEYS if key in row}
    if not before:
        return ODD
    if last is None:
        return Outcome((made,), tuple(lost))
    text = plain(last.get("content"))
    made |= {} if text is None else {ANSWER: text}
    return Outcome((made,), (*lost, *_lost_of(last, text)))


def _lost_of(answer: Row, text: str | None) -> Iterator[Lost]:
    """What an answer says besides its text."""
    if not learned(answer):
        yield Lost("weights")
    if text is None and "tool_calls" not in answer:
        yield Lost("answers")
    yield from (loss for key, loss in _LOSSES.items() if key in answer)
    yield from fields([key for key in answer if key not in _SAID and key not in _LOSSES])


def _bare(message: Row) -> Row:
    return {key: value for key, value in message.items() if key != "weight"}
