"""Rows of the test data: what is asked, and what is expected."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from finetune_sdk import datasets
from finetune_sdk.datasets import EVERYTHING, Dataset, RowRules
from finetune_sdk.errors import DatasetError, DatasetValidationError

Message = Mapping[str, object]

_ASKED_ONLY = "prompts"
_NAMED = 10


@dataclass(frozen=True, kw_only=True)
class Example:
    """A conversation up to the answer, and the answer.

    Attributes:
        line: of the file, from 1.
        messages: what is asked.
        expected: the answer, as `answer_of` gives it; None where the row has none.
        row: as it stands in the file.
        tools: that the model may call.
        answer: the answer's own message, where it calls tools.
        unlearned: the answer has the weight 0, and is none to learn.
    """

    line: int
    messages: tuple[Message, ...]
    expected: str | None
    row: Mapping[str, object]
    tools: tuple[Message, ...] = ()
    answer: Message | None = None
    unlearned: bool = False

    @property
    def expected_text(self) -> str | None:
        """What the answer says, whatever it calls."""
        return self.expected if self.answer is None else text_of(self.answer)

    @property
    def expected_calls(self) -> str | None:
        """The calls of tools in the answer, as JSON; None where there are none."""
        return None if self.answer is None else calls_text(_calls(self.answer))

    @property
    def question(self) -> str:
        """All that is said before the answer but for what the system says."""
        return "\n".join(map(text_of, self.turns))

    @property
    def turns(self) -> list[Message]:
        """What is asked but for what the system says."""
        return [one for one in self.messages if one.get("role") not in SYSTEM]


SYSTEM = ("system", "developer")


def read(dataset: Dataset) -> list[Example]:
    """The rows as examples, in order.

    Rows of a completion, of Alpaca or of ShareGPT are asked as the conversations that they are.

    Raises:
        DatasetValidationError: rows are wrong; every one of them is named.
        DatasetError: the rows cannot be read, or hold no answers.
    """
    kind = datasets.detect(dataset) or "chat"
    chat = dataset if kind in ("chat", _ASKED_ONLY) else _as_chat(dataset)
    wanted = RowRules(
        format="prompts" if kind == _ASKED_ONLY else "chat", content=EVERYTHING, validation=True
    )
    report = datasets.check(chat, rules=wanted, near_duplicates=False)
    if not report.ok:
        raise DatasetValidationError(report)
    given = dict(dataset.numbered())
    return [_example(line, row, given[line]) for line, row in chat.numbered()]


def _as_chat(dataset: Dataset) -> Dataset:
    return datasets.convert(dataset, to="chat", allow_loss=("fields",)).dataset


def _example(line: int, row: Mapping[str, object], given: Mapping[str, object]) -> Example:
    messages = cast("Sequence[Message]", row["messages"])
    last = messages[-1]
    answered = last.get("role") == "assistant"
    asked = messages[:-1] if answered else messages
    tools = cast("Sequence[Message]", row.get("tools") or ())
    return Example(
        line=line,
        messages=tuple(_plain(one) for one in asked),
        expected=answer_of(last) if answered else None,
        row=given,
        tools=tuple(tools),
        answer=_plain(last) if answered and _calls(last) else None,
        unlearned=answered and last.get("weight") == 0,
    )


def _plain(message: Message) -> Message:
    # Whether a turn is learned from is nothing that a server knows.
    return {name: value for name, value in message.items() if name != "weight"}


def answer_of(message: Message) -> str:
    """An answer as one text; the calls of tools as JSON, where it says nothing else."""
    text, calls = text_of(message), _calls(message)
    return text if text or not calls else calls_text(calls)


def _calls(message: Message) -> Sequence[Message]:
    return cast("Sequence[Message]", message.get("tool_calls") or ())


def calls_text(calls: Sequence[Message]) -> str:
    """Calls of tools as JSON: names and arguments, without the ids that no two answers share."""
    return json.dumps([_call(call) for call in calls], ensure_ascii=False, sort_keys=True)


def _call(call: Message) -> dict[str, object]:
    function = cast("Message", call.get("function") or {})
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        # What is no JSON, or has a name twice, is told as the text that it is.
        with suppress(ValueError, RecursionError):
            arguments = json.loads(arguments, object_pairs_hook=_distinct)
    return {"name": function.get("name"), "arguments": arguments}


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands there twice")
    return found


def text_of(message: Message) -> str:
    """What a message says; images are no text."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = cast("Sequence[object]", content) if isinstance(content, Sequence) else ()
    return "".join(_part(part) for part in parts)


def _part(part: object) -> str:
    return str(cast("Message", part).get("text") or "") if isinstance(part, Mapping) else ""


def refuse_repeated(examples: Sequence[Example], place: str) -> None:
    """Refuses questions that are asked twice: rows are taken for as many witnesses.

    Conversation and tools are compared, blanks aside; the expected answer does not matter.

    Args:
        examples: rows to measure on.
        place: what messages call them.

    Raises:
        DatasetError: names the rows.
    """
    first: dict[str, int] = {}
    asked = [(one.line, _asked(one)) for one in examples]
    found = [(line, at) for line, key in asked if (at := first.setdefault(key, line)) != line]
    if not found:
        return
    named = ", ".join(f"line {line} is line {at}" for line, at in found[:_NAMED])
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    raise DatasetError(
        f"{place}: {len(found)} of {len(examples)} rows to measure on ask what another one asks: "
        f"{named}{more}; keep one of each, since the same question again tells nothing new"
    )


def _asked(example: Example) -> str:
    return json.dumps(_even([example.messages, example.tools]), sort_keys=True, default=str)


def _even(value: object) -> object:
    """The value, with one blank for any number of them in its texts."""
    if isinstance(value, str):
        return " ".join(value.split())
    if isinstance(value, Mapping):
        return {name: _even(one) for name, one in cast("Message", value).items()}
    if isinstance(value, Sequence):
        return [_even(one) for one in cast("Sequence[object]", value)]
    return value
