"""The format `alpaca`: `{"instruction": ..., "input": ..., "output": ...}`.

`system` and `history`, a list of earlier questions with their answers, are read as LLaMA-Factory
has them: the answers are learned as well. Dolly's spelling, `context` and `response`, is the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple, cast

from finetune_sdk.datasets.converting.outcome import ODD, Lost, Outcome, fields
from finetune_sdk.datasets.converting.places import Origin, Turned, turned
from finetune_sdk.datasets.converting.spoken import (
    TOOL_KEYS,
    Turn,
    messages_of,
    plain,
    said,
    system_turn,
    tool_keys,
)
from finetune_sdk.datasets.read import Row
from finetune_sdk.datasets.tools import listed

_KEYS = frozenset({"instruction", "system", "history", *TOOL_KEYS})


def read(row: Row) -> Turned:
    """The row in the format `chat`."""
    if "instruction" not in row:
        return turned(row, row, messages="/messages", origins=())
    given, answer = _spelling(row)
    pairs = list(chain(system_turn(row), _history(row), _lesson(row, given, answer)))
    return turned(
        {"messages": [message for message, _ in pairs], **tool_keys(row)},
        row,
        messages="",
        origins=[origin for _, origin in pairs],
        left={key: row[key] for key in row if key not in _KEYS and key not in (given, answer)},
    )


def _spelling(row: Row) -> tuple[str, str]:
    """The keys of the input and of the output."""
    dolly = "response" in row and "output" not in row
    return ("context", "response") if dolly else ("input", "output")


def _history(row: Row) -> Iterator[Turn]:
    history = row.get("history")
    earlier = listed(history)
    if not earlier and history not in (None, []):
        yield history, Origin("/history")
    for index, item in enumerate(earlier):
        at, pair = f"/history/{index}", listed(item)
        if len(pair) == 2:
            yield said("user", pair[0], f"{at}/0")
            yield said("assistant", pair[1], f"{at}/1")
        else:
            yield item, Origin(at)


def _lesson(row: Row, given: str, answer: str) -> Iterator[Turn]:
    question, more = row["instruction"], row.get(given)
    if not isinstance(question, str) or more in (None, ""):
        yield said("user", question, "/instruction")
    elif not isinstance(more, str):
        yield said("user", more, f"/{given}")
    else:
        text = f"{question}\n\n{more}" if question else more
        yield said("user", text, "/instruction")
    if answer in row:
        yield said("assistant", row[answer], f"/{answer}")


class _Pairs(NamedTuple):
    """Questions with their answers, and whether there was anything else."""

    told: list[list[str]]
    others: bool


def write(row: Row) -> Outcome:
    """A row of the format `chat` that holds only text."""
    messages = messages_of(row)
    texts = [plain(message.get("content")) for message in messages or ()]
    if not messages or None in texts:
        return ODD
    first = messages[0]["role"] == "system" and bool(texts[0])
    roles = [str(message["role"]) for message in messages]
    pairs = _paired(roles[first:], cast("list[str]", texts)[first:])
    if not pairs.told:
        return ODD
    *history, (question, answer) = pairs.told
    made: Row = {"instruction": question, "input": "", "output": answer}
    made |= {"system": texts[0]} if first else {}
    made |= {"history": history} if history else {}
    strange = {key for message in messages for key in message} - {"role", "content"}
    lost = (Lost("turns"),) if pairs.others else ()
    return Outcome((made,), (*lost, *fields(sorted(strange))))


def _paired(roles: list[str], texts: list[str]) -> _Pairs:
    told = [
        [texts[place - 1], texts[place]]
        for place in range(1, len(roles))
        if roles[place - 1 : place + 1] == ["user", "assistant"]
    ]
    return _Pairs(told, 2 * len(told) != len(roles))
