"""Answers that were compared with each other, or marked good or bad."""

from __future__ import annotations

from typing import NamedTuple, cast

from finetune_sdk.datasets.converting.outcome import ODD, Lost, Outcome, fields
from finetune_sdk.datasets.converting.spoken import (
    AS_MESSAGES,
    TOOL_KEYS,
    as_messages,
    tool_keys,
    unlearned,
)
from finetune_sdk.datasets.preference import OPENAI, TRL
from finetune_sdk.datasets.read import Row

THUMB_KEYS = ("prompt", "completion", "label")


class _Pair(NamedTuple):
    """A question and two answers, each as text or as messages."""

    prompt: str | list[object]
    better: str | list[object]
    worse: str | list[object]
    tools: Row
    left: Row
    strange: tuple[str, ...]


def to_openai(row: Row) -> Outcome:
    """A pair in OpenAI's spelling, which has messages only."""
    pair = _pair(row)
    if pair is None:
        return ODD
    given = {"messages": as_messages(pair.prompt, "user"), **pair.tools}
    better, worse = (as_messages(answer, "assistant") for answer in (pair.better, pair.worse))
    made: Row = dict(zip(OPENAI, (given, better, worse), strict=True))
    return _made(pair, made, notes=_notes(pair.prompt))


def to_trl(row: Row) -> Outcome:
    """A pair in TRL's spelling."""
    pair = _pair(row)
    if pair is None:
        return ODD
    made: Row = dict(zip(TRL, (pair.prompt, pair.better, pair.worse), strict=True))
    return _made(pair, {**made, **pair.tools})


def to_thumbs(row: Row) -> Outcome:
    """Two rows of the format `kto`: the better answer is good, the worse one bad."""
    pair = _pair(row)
    if pair is None:
        return ODD
    made: list[Row] = [
        {"prompt": pair.prompt, "completion": answer, "label": label, **pair.tools}
        for answer, label in ((pair.better, True), (pair.worse, False))
    ]
    return _made(pair, *made)


def better_to_chat(row: Row) -> Outcome:
    """The conversation that ends with the better answer."""
    pair = _pair(row)
    if pair is None:
        return ODD
    made = _conversation(pair.prompt, pair.better, pair.tools)
    return _made(pair, made, lost=(Lost("rejected"),), notes=_notes(pair.prompt))


def good_to_chat(row: Row) -> Outcome:
    """The conversation that ends with the answer, where that is marked good."""
    prompt, answer = row.get("prompt"), row.get("completion")
    if not _is_said(prompt) or not _is_said(answer) or not isinstance(row.get("label"), bool):
        return ODD
    if not row["label"]:
        return Outcome((), (Lost("label"),))
    left = {key: row[key] for key in row if key not in (*THUMB_KEYS, *TOOL_KEYS)}
    made = _conversation(prompt, answer, tool_keys(row))
    return Outcome((made,), left=left, notes=_notes(prompt))


def _conversation(prompt: object, answer: object, tools: Row) -> Row:
    before, after = as_messages(prompt, "user") or [], as_messages(answer, "assistant") or []
    return {"messages": [*unlearned(before), *after], **tools}


def _pair(row: Row) -> _Pair | None:
    """The pair of a row in either spelling; None where it cannot be read."""
    if not row.keys() & set(OPENAI):
        return _pair_of(row, row, TRL)
    given = row.get("input")
    if not isinstance(given, dict):
        return None
    given = cast("Row", given)
    return _pair_of({**row, "input": given.get("messages")}, given, OPENAI)


def _pair_of(row: Row, holder: Row, keys: tuple[str, str, str]) -> _Pair | None:
    """Args:
    row: has the three under these keys.
    holder: what says something about tools.
    """
    said = [row.get(key) for key in keys]
    if not all(map(_is_said, said)):
        return None
    prompt, better, worse = cast("list[str | list[object]]", said)
    known = {*keys, *(TOOL_KEYS if keys == TRL else ())}
    left = {key: value for key, value in row.items() if key not in known}
    strange = [key for key in holder if key not in ("messages", *TOOL_KEYS, *row)]
    return _Pair(prompt, better, worse, tool_keys(holder), left, tuple(strange))


def _is_said(value: object) -> bool:
    return isinstance(value, (str, list))


def _made(
    pair: _Pair, *rows: Row, lost: tuple[Lost, ...] = (), notes: tuple[str, ...] = ()
) -> Outcome:
    return Outcome(rows, (*lost, *fields(pair.strange)), pair.left, notes)


def _notes(prompt: object) -> tuple[str, ...]:
    return (AS_MESSAGES,) if isinstance(prompt, str) else ()
