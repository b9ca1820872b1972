"""Rows of the test data: what is asked, and what is expected."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from finetune_sdk import datasets
from finetune_sdk.datasets import EVERYTHING, Dataset, RowRules
from finetune_sdk.datasets.near import BREAK, NearDuplicates
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
        expected: the answer; None where the row has none.
        row: as it stands in the file.
        tools: that the model may call.
    """

    line: int
    messages: tuple[Message, ...]
    expected: str | None
    row: Mapping[str, object]
    tools: tuple[Message, ...] = ()

    @property
    def question(self) -> str:
        """All that is said before the answer but for what the system says."""
        said = (text_of(one) for one in self.messages if one.get("role") not in _SYSTEM)
        return "\n".join(said)


_SYSTEM = ("system", "developer")


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
    answered = messages[-1].get("role") == "assistant"
    asked = messages[:-1] if answered else messages
    tools = cast("Sequence[Message]", row.get("tools") or ())
    return Example(
        line=line,
        messages=tuple(_plain(one) for one in asked),
        expected=answer_of(messages[-1]) if answered else None,
        row=given,
        tools=tuple(tools),
    )


def _plain(message: Message) -> Message:
    # Whether a turn is learned from is nothing that a server knows.
    return {name: value for name, value in message.items() if name != "weight"}


def answer_of(message: Message) -> str:
    """An answer as one text; the calls of tools as JSON, where it says nothing else."""
    calls = message.get("tool_calls")
    text = text_of(message)
    if text or not isinstance(calls, Sequence):
        return text
    return calls_text(cast("Sequence[Mapping[str, object]]", calls))


def calls_text(calls: Sequence[Mapping[str, object]]) -> str:
    """Calls of tools as JSON: names and arguments, without the ids that no two answers share."""
    return json.dumps([_call(call) for call in calls], ensure_ascii=False, sort_keys=True)


def _call(call: Mapping[str, object]) -> dict[str, object]:
    function = cast("Mapping[str, object]", call.get("function") or {})
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        with suppress(ValueError, RecursionError):
            arguments = json.loads(arguments)
    return {"name": function.get("name"), "arguments": arguments}


def text_of(message: Message) -> str:
    """What a message says; images are no text."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = cast("Sequence[object]", content) if isinstance(content, Sequence) else ()
    return "".join(_part(part) for part in parts)


def _part(part: object) -> str:
    return str(cast("Message", part).get("text") or "") if isinstance(part, Mapping) else ""


def refuse_overlap(
    tests: Sequence[Example], learned: Sequence[Example], *, place: str, source: str
) -> None:
    """Refuses questions that the model has learned the answers to.

    Upper and lower case and blanks aside, what is asked has to differ; the answer does not matter.

    Args:
        tests: rows to measure on.
        learned: rows that were learned from.
        place: what messages call the first.
        source: what they call the second.

    Raises:
        DatasetError: a question stands in both; names the rows.
    """
    known = {_folded(one): one.line for one in reversed(learned)}
    found = [(one.line, known[_folded(one)]) for one in tests if _folded(one) in known]
    if not found:
        return
    named = ", ".join(f"{place}:{line} is {source}:{other}" for line, other in found[:_NAMED])
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    raise DatasetError(
        f"{len(found)} of {len(tests)} rows to measure on ask what was learned: {named}{more}; "
        "take them out of the test data, or a model that knows them by heart looks good "
        "(`finetune data split` keeps such rows together)"
    )


def _folded(example: Example) -> str:
    asked = [(str(one.get("role")), _loose(text_of(one))) for one in example.messages]
    return json.dumps(asked)


def _loose(text: str) -> str:
    return " ".join(text.casefold().split())


def near_overlap(tests: Sequence[Example], learned: Sequence[Example]) -> list[tuple[int, int]]:
    """Rows that say nearly the same as one that was learned: their lines, and that one's."""
    seen, lines = NearDuplicates(), [one.line for one in learned]
    for number, one in enumerate(learned):
        seen.add(number, _whole(one))
    # Among each other the tests may be alike: each is compared, and one after another.
    found = ((one.line, seen.add(len(lines), _whole(one))) for one in tests)
    return [(line, lines[at]) for line, at in found if at is not None and at < len(lines)]


def _whole(example: Example) -> str:
    return BREAK.join((*map(text_of, example.messages), example.expected or ""))
