"""Rows of reinforcement: a prompt, and what the rewards need to judge the answers to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from finetune_sdk.providers.local.training import graders
from finetune_sdk.providers.local.training.failures import TrainingFailure
from finetune_sdk.providers.local.training.rewarding import OURS
from finetune_sdk.providers.local.training.rows.answers import AnswerEncoder, field
from finetune_sdk.providers.local.training.rows.chat import tools_of
from finetune_sdk.providers.local.training.rows.counts import Count
from finetune_sdk.types import Grader


@dataclass(frozen=True)
class Prompt:
    """A row to be answered.

    Attributes:
        line: the row's line in its file, from 1.
        text: what the model is asked with, special tokens and all.
        tokens: how many that are.
        row: all of its fields.
    """

    line: int
    text: str
    tokens: int
    row: Mapping[str, object]

    @property
    def count(self) -> Count:
        """Its tokens; those of the answers are not known before."""
        return Count(self.line, self.tokens, None, self.tokens)


def prompt(
    row: Mapping[str, object], line: int, encoder: AnswerEncoder, grader: Grader | None
) -> Prompt:
    """A row with `messages`, the last of which is not the assistant's, or with `prompt`.

    Raises:
        TrainingFailure: it has neither, lacks what the grader needs, or cannot be written for
            this model.
    """
    asked = field(row, "messages" if "messages" in row else "prompt")
    text = encoder.prompt(asked, tools_of(row))
    _check_fields(row, grader)
    return Prompt(line, text, len(encoder.ids(text)), row)


def _check_fields(row: Mapping[str, object], grader: Grader | None) -> None:
    taken = [name for name in OURS if name in row]
    if taken:
        raise TrainingFailure(
            "wrong_row", f"a field is called {taken[0]!r}, as what rewards get from us; rename it"
        )
    lacking = graders.missing(grader, row) if grader else []
    if lacking:
        raise TrainingFailure(
            "wrong_row",
            f"the grader {grader.name if grader else ''!r} names `{lacking[0]}`, which the row "
            f"does not have; it has {sorted(row)}",
        )
