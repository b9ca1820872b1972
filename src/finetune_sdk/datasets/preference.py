"""The format `preference`: a prompt, a better answer and a worse one.

OpenAI spells a row `{"input": {"messages": [...]}, "preferred_output": [...],
"non_preferred_output": [...]}`, TRL `{"prompt": ..., "chosen": ..., "rejected": ...}`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from finetune_sdk.datasets.faults import Fault, shown
from finetune_sdk.datasets.keys import key_faults, misspelt
from finetune_sdk.datasets.read import Row
from finetune_sdk.datasets.rules import RowRules
from finetune_sdk.datasets.tools import row_tool_faults
from finetune_sdk.datasets.turns import answer_faults, prompt_faults, spoken_faults

OPENAI = ("input", "preferred_output", "non_preferred_output")
TRL = ("prompt", "chosen", "rejected")

_TOOL_KEYS = ("tools", "parallel_tool_calls")
_KIND = "a preference row"


def row_faults(row: Row, rules: RowRules) -> Iterator[Fault]:
    """All that is wrong with one row."""
    ours, theirs = ([key for key in keys if key in row] for keys in (OPENAI, TRL))
    if ours and theirs:
        text = f"`{ours[0]}` is OpenAI's spelling and `{theirs[0]}` is TRL's"
        yield Fault("mixed_spellings", "", text)
        return
    openai = bool(ours) or (not theirs and any(misspelt(key, row) for key in OPENAI))
    faults = list(_openai(row, rules) if openai else _trl(row, rules))
    yield from faults
    if not any(fault.severity == "error" for fault in faults):
        yield from _sameness(row, OPENAI if openai else TRL)


def _openai(row: Row, rules: RowRules) -> Iterator[Fault]:
    yield from key_faults(row, wanted=OPENAI, known=OPENAI, kind=_KIND)
    calls: set[str] = set()
    if "input" in row:
        yield from _input(row["input"], rules, calls)
    for key in OPENAI[1:]:
        if key in row:
            yield from answer_faults(row[key], f"/{key}", rules, calls)


def _input(value: object, rules: RowRules, calls: set[str]) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield Fault("wrong_input_type", "/input", f"`input` is {shown(value)}, no object")
        return
    given = cast("Row", value)
    known = ("messages", *_TOOL_KEYS)
    yield from key_faults(given, wanted=("messages",), known=known, at="/input", kind="`input`")
    yield from row_tool_faults(given, rules, "/input")
    if "messages" in given:
        yield from prompt_faults(given["messages"], "/input/messages", rules, calls)


def _trl(row: Row, rules: RowRules) -> Iterator[Fault]:
    yield from key_faults(row, wanted=TRL, known=(*TRL, *_TOOL_KEYS), kind=_KIND)
    yield from row_tool_faults(row, rules)
    yield from spoken_faults(row, TRL[0], TRL[1:], rules)


def _sameness(row: Row, keys: tuple[str, str, str]) -> Iterator[Fault]:
    _, better, worse = keys
    if _said(row[better]) == _said(row[worse]):
        text = f"`{better}` and `{worse}` are the same: there is nothing to prefer"
        yield Fault("same_answers", f"/{worse}", text)


def _said(answer: object) -> object:
    """What an answer says, however it is written: its text, and its calls."""
    if not isinstance(answer, list):
        return answer
    message = cast("list[Row]", answer)[0]
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(str(part.get("text")) for part in cast("list[Row]", content))
    return content or None, message.get("tool_calls")
