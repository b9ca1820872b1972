"""A prompt and an answer to it as token ids: for the methods that compare or grade answers.

The prompt is exactly what the model will be asked with, and the answer ends with the token that
ends a turn, so both are what they are when a supervised job learns the same conversation. Plain
strings are taken as they are: no template, the tokenizer's own first token in front, its token for
the end of a text behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from finetune_sdk.providers.local.training.failures import TrainingFailure
from finetune_sdk.providers.local.training.rows.chat import Message, Say, messages_of
from finetune_sdk.providers.local.training.rows.encoding import Encoder
from finetune_sdk.providers.local.training.rows.turns import Tools

Text = str | list[Mapping[str, object]]
"""A prompt or an answer as a row has it: a string, or messages."""

_PROBE: list[Message] = [
    {"role": "user", "content": "Hello"},
    {"role": "assistant", "content": "finetune-probe"},
]


class Answer(NamedTuple):
    """Token ids of a prompt and of an answer to it."""

    prompt: list[int]
    answer: list[int]

    @property
    def whole(self) -> list[int]:
        return self.prompt + self.answer


class AnswerEncoder(Encoder):
    """Turns prompts and answers into tokens."""

    def __init__(self, tokenizer: Any, say: Say) -> None:
        super().__init__(tokenizer, "assistant", say)
        self._words: Any = tokenizer

    def answer(self, prompt: Text, answer: Text, tools: Tools) -> Answer:
        """One prompt with one answer.

        Raises:
            TrainingFailure: they cannot be written for this model.
        """
        if isinstance(prompt, str) and isinstance(answer, str):
            texts = self._opened(prompt), self._closed(answer)
        elif isinstance(prompt, list) and isinstance(answer, list):
            texts = self._talk(prompt, answer, tools)
        else:
            raise TrainingFailure(
                "wrong_row",
                "the prompt and its answers must all be strings, or all be lists of messages",
            )
        return Answer(*self._parts(texts))

    def prompt(self, prompt: Text, tools: Tools) -> str:
        """The text that the model is asked with.

        Raises:
            TrainingFailure: it cannot be written for this model.
        """
        if isinstance(prompt, str):
            return self._opened(prompt)
        messages = [*self._ready(prompt), _PROBE[1]]
        self._check_tools(messages[:-1], tools)
        return self._template.cut(messages, tools, {len(messages) - 1})[0].text

    def ids(self, text: str) -> list[int]:
        """Token ids of a text that has all its special tokens."""
        return self._ids(text)

    def learn_end(self) -> None:
        """Finds out which token ends a turn, from the template alone."""
        text = "".join(piece.text for piece in self._template.cut(_PROBE, None, {1}))
        end: str | None = self._template.ending(text) or self._words.eos_token
        self.ends.update([end] if end else [])

    def _talk(
        self,
        prompt: Sequence[Mapping[str, object]],
        answer: Sequence[Mapping[str, object]],
        tools: Tools,
    ) -> tuple[str, str]:
        asked, answered = self._ready(prompt), self._ready(answer)
        if not answered or answered[0]["role"] != "assistant":
            raise TrainingFailure("wrong_row", "an answer begins with a message of the `assistant`")
        messages, place = [*asked, *answered], len(asked)
        first, *others = self._template.cut(messages, tools, {place})
        text = "".join(piece.text for piece in others)
        self._check_turn(messages[place], text)
        self._check_tools(messages, tools)
        added = "".join(token for token, _ in self._end(text))
        return first.text, (text if added else text.rstrip()) + added

    def _ready(self, messages: Sequence[Mapping[str, object]]) -> list[Message]:
        return messages_of({"messages": messages}, self._say)

    def _opened(self, text: str) -> str:
        bos: str | None = self._words.bos_token
        opens = self._words.encode("", add_special_tokens=True)[:1] == [self._words.bos_token_id]
        return bos + text if bos and opens and not text.startswith(bos) else text

    def _closed(self, text: str) -> str:
        eos: str | None = self._words.eos_token
        if eos is None:
            self._say("the tokenizer has no token that ends a text")
            return text
        self.ends.add(eos)
        return text if text.endswith(eos) else text + eos


def field(row: Mapping[str, object], key: str) -> Any:
    """A field that a row must have.

    Raises:
        TrainingFailure: it has none.
    """
    if key not in row:
        raise TrainingFailure("wrong_row", f"the row has no `{key}`; it has {sorted(row)}")
    return row[key]
