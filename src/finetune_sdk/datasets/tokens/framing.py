"""What of a row is counted: its texts, and the tokens that stand around them.

OpenAI's cookbook ("How to count tokens with tiktoken" and Chat_finetuning_data_prep, 2024) counts
a conversation so: three tokens for each message, its role and its content; one more and the name,
where it has one; and three for the conversation. The three of a message are `<|im_start|>`, what
parts the role from the content, and `<|im_end|>`.

Of these the model learns, of each message that it learns, the content, the tool calls, and the end.

What is not published: how tools and tool calls are written for the model, and how many tokens an
image is. Tools count as their JSON, a call as its function's name and arguments, an image not at
all, and the row says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, cast

import msgspec

from finetune_sdk.datasets.read import Row
from finetune_sdk.types.dataset import RowFormat

TrainOn = Literal["assistant", "all"]
"""What is learned: the assistant's turns and the answers, or every token."""

Gap = Literal["tools", "tool_calls", "images"]
"""What a row may hold that nobody can count exactly."""

PER_MESSAGE = 3
PER_NAME = 1
PER_CONVERSATION = 3
_END = 1


class UncountableError(Exception):
    """The row is not of the format; a check tells what is wrong with it."""


@dataclass(slots=True)
class Frame:
    """The texts of a row that are counted, and the tokens beyond them.

    All tokens are those of `other` and `learned` and the `fixed` ones; what is learned is
    `learned` and the `ends`.

    Attributes:
        other: texts that are read, not learned.
        learned: texts that are learned.
        fixed: tokens around the texts.
        ends: those of the fixed ones that are learned.
        known: it is known what is learned.
        gaps: what it holds that cannot be counted exactly.
    """

    other: list[str] = field(default_factory=list[str])
    learned: list[str] = field(default_factory=list[str])
    fixed: int = 0
    ends: int = 0
    known: bool = True
    gaps: set[Gap] = field(default_factory=set[Gap])

    def conversation(self, messages: object) -> None:
        """Adds messages of which the assistant's are learned, unless their weight is 0."""
        for item in _items(messages):
            message = _object(item)
            learned = message.get("role") == "assistant" and message.get("weight", 1) != 0
            self._message(message, learned=learned)

    def prompt(self, said: object) -> None:
        """Adds what is answered: messages, or text."""
        if isinstance(said, str):
            self.other.append(said)
            return
        self.fixed += PER_CONVERSATION
        for message in _items(said):
            self._message(_object(message), learned=False)

    def answer(self, said: object) -> None:
        """Adds an answer to the prompt: messages, or text."""
        if isinstance(said, str):
            self.learned.append(said)
        else:
            self.conversation(said)

    def tools(self, row: Row) -> None:
        """Adds the tools of a row, where it has some."""
        if tools := row.get("tools"):
            self.other.append(msgspec.json.encode(tools).decode())
            self.gaps.add("tools")

    def learn_all(self) -> None:
        """What was read is learned, too."""
        self.learned += self.other
        self.other, self.ends = [], self.fixed

    def _message(self, message: Row, *, learned: bool) -> None:
        texts = self.learned if learned else self.other
        self.fixed += PER_MESSAGE
        self.ends += _END if learned else 0
        self.other.append(_text(message.get("role")))
        if "name" in message:
            self.fixed += PER_NAME
            self.other.append(_text(message["name"]))
        content = message.get("content")
        if isinstance(content, str):
            texts.append(content)
        elif content is not None or "tool_calls" not in message:
            texts += self._parts(content)
        if calls := message.get("tool_calls"):
            self.gaps.add("tool_calls")
            texts += _called(calls)

    def _parts(self, content: object) -> Iterator[str]:
        for part in map(_object, _items(content)):
            if part.get("type") == "image_url":
                self.gaps.add("images")
            else:
                yield _text(part.get("text"))


def frame(
    row: Row,
    format: RowFormat = "chat",  # noqa: A002 - the word of the field
    train_on: TrainOn = "assistant",
) -> Frame:
    """What of a row is counted. A pair counts its prompt once and both answers.

    Args:
        row: to be counted.
        format: one of `COUNTED`.
        train_on: what is learned. Of `prompts` nobody knows: the model writes the answers.

    Raises:
        UncountableError: the row is not of the format.
    """
    made = Frame()
    try:
        _WAYS[format](row, made)
    except RecursionError as error:
        raise UncountableError from error
    if train_on == "all":
        made.learn_all()
    return made


def _chat(row: Row, made: Frame) -> None:
    made.tools(row)
    made.fixed += PER_CONVERSATION
    made.conversation(row.get("messages"))


def _preference(row: Row, made: Frame) -> None:
    asked = _object(row.get("input"))
    made.tools(asked)
    made.prompt(_items(asked.get("messages")))
    for key in ("preferred_output", "non_preferred_output"):
        made.conversation(row.get(key))


def _prompts(row: Row, made: Frame) -> None:
    made.known = False
    made.tools(row)
    made.prompt(row["messages"] if "messages" in row else row.get("prompt"))


def _answered(*answers: str) -> Callable[[Row, Frame], None]:
    def way(row: Row, made: Frame) -> None:
        made.tools(row)
        made.prompt(row.get("prompt"))
        for key in answers:
            made.answer(row.get(key))

    return way


_WAYS: Mapping[RowFormat, Callable[[Row, Frame], None]] = MappingProxyType(
    {
        "chat": _chat,
        "completion": _answered("completion"),
        "preference": _preference,
        "preference_trl": _answered("chosen", "rejected"),
        "kto": _answered("completion"),
        "prompts": _prompts,
    }
)
COUNTED = tuple(_WAYS)
"""The formats that can be counted; others are converted first."""


def _called(calls: object) -> Iterator[str]:
    for call in _items(calls):
        function = _object(_object(call).get("function"))
        yield _text(function.get("name"))
        yield _text(function.get("arguments"))


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise UncountableError


def _object(value: object) -> Row:
    if isinstance(value, dict):
        return cast("Row", value)
    raise UncountableError


def _items(value: object) -> list[object]:
    if isinstance(value, list):
        return cast("list[object]", value)
    raise UncountableError
