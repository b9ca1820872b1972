"""Rows that prefer: pairs of answers in both spellings, and single answers marked good or bad."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from finetune_sdk.providers.local.training.failures import TrainingFailure
from finetune_sdk.providers.local.training.rows.answers import AnswerEncoder, field
from finetune_sdk.providers.local.training.rows.chat import tools_of
from finetune_sdk.providers.local.training.rows.counts import Count


@dataclass(frozen=True)
class Pair:
    """A prompt with a better and a worse answer, as token ids.

    Attributes:
        line: the row's line in its file, from 1.
    """

    line: int
    prompt: list[int]
    chosen: list[int]
    rejected: list[int]

    @property
    def longest(self) -> int:
        """Tokens of the prompt with the longer answer."""
        return len(self.prompt) + max(len(self.chosen), len(self.rejected))

    @property
    def count(self) -> Count:
        """Its tokens: those of the prompt once, and of both answers."""
        answers = len(self.chosen) + len(self.rejected)
        return Count(self.line, len(self.prompt) + answers, answers, self.longest)

    @property
    def says_nothing(self) -> bool:
        """The two answers are the same."""
        return self.chosen == self.rejected


@dataclass(frozen=True)
class Judged:
    """A prompt with an answer that was found good or bad, as token ids."""

    line: int
    prompt: list[int]
    completion: list[int]
    good: bool

    @property
    def longest(self) -> int:
        """Tokens of the prompt with the answer."""
        return len(self.prompt) + len(self.completion)

    @property
    def count(self) -> Count:
        """Its tokens."""
        return Count(self.line, self.longest, len(self.completion), self.longest)


def pair(row: Mapping[str, object], line: int, encoder: AnswerEncoder) -> Pair:
    """A row in OpenAI's spelling (`input`, `preferred_output`) or in TRL's (`prompt`, `chosen`).

    Raises:
        TrainingFailure: it is neither, or cannot be written for this model.
    """
    prompt, better, worse, tools = _spelled(row)
    chosen = encoder.answer(prompt, better, tools)
    rejected = encoder.answer(prompt, worse, tools)
    if chosen.prompt != rejected.prompt:
        raise TrainingFailure(
            "chat_template",
            "the chat template writes the prompt differently before the two answers, so they "
            "cannot be compared; give another with `LocalOptions(chat_template=...)`",
        )
    return Pair(line, chosen.prompt, chosen.answer, rejected.answer)


def judged(row: Mapping[str, object], line: int, encoder: AnswerEncoder) -> Judged:
    """A row with `prompt`, `completion` and `label`.

    Raises:
        TrainingFailure: a field is missing or wrong, or the model's template cannot write it.
    """
    label = field(row, "label")
    if not isinstance(label, bool):
        raise TrainingFailure("wrong_row", f"`label` is {label!r}; it must be true or false")
    made = encoder.answer(field(row, "prompt"), field(row, "completion"), tools_of(row))
    return Judged(line, made.prompt, made.answer, label)


def _spelled(row: Mapping[str, object]) -> tuple[Any, Any, Any, Any]:
    if "input" in row:
        asked: Mapping[str, object] = field(row, "input")
        better, worse = field(row, "preferred_output"), field(row, "non_preferred_output")
        return field(asked, "messages"), better, worse, tools_of(asked)
    return field(row, "prompt"), field(row, "chosen"), field(row, "rejected"), tools_of(row)
