"""Chat rows as token ids and labels.

A row means what it means at OpenAI: the assistant's turns are learned, each with the token that
ends it, except those of `"weight": 0`. The header of a turn and the blank after it are given, not
learned.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from finetune_sdk.providers.local.training.failures import TrainingFailure
from finetune_sdk.providers.local.training.rows.chat import (
    Message,
    Say,
    assistant_turns,
    called_functions,
    messages_of,
    silent_turns,
    tools_of,
)
from finetune_sdk.providers.local.training.rows.counts import Count
from finetune_sdk.providers.local.training.rows.turns import Template, Tokenizer, Tools
from finetune_sdk.types import TrainOn

IGNORED = -100
"""The label of a token that carries no loss, as torch and TRL have it."""

_SHOWN = 5

Made = TypeVar("Made")


@dataclass(frozen=True)
class Example:
    """A row, ready to be learned.

    Attributes:
        line: the row's line in its file, from 1.
        tokens: ids of the whole text.
        labels: the id where a token is learned, else `IGNORED`.
    """

    line: int
    tokens: list[int]
    labels: list[int]

    @property
    def carries(self) -> list[bool]:
        """Which tokens carry loss; the first of a text has nothing before it to be told from."""
        return [place > 0 and label != IGNORED for place, label in enumerate(self.labels)]

    @property
    def learned(self) -> int:
        """Tokens that carry loss."""
        return sum(self.carries)

    @property
    def count(self) -> Count:
        """Its tokens."""
        total = len(self.tokens)
        return Count(self.line, total, self.learned, total)


class Encoder:
    """Turns rows into examples, all by the same template and the same rule."""

    def __init__(self, tokenizer: Tokenizer, train_on: TrainOn, say: Say) -> None:
        self._tokenizer = tokenizer
        self._train_on = train_on
        self._say = say
        self._tools_seen = False
        self.ends: set[str] = set()
        """Tokens that end the assistant's turns in what was encoded so far."""

    @cached_property
    def _template(self) -> Template:
        # Rows of plain strings need none, and base models have none.
        return Template(self._tokenizer, self._say)

    def example(self, row: Mapping[str, object], line: int) -> Example:
        """One row.

        Raises:
            TrainingFailure: it cannot be written for this model.
        """
        messages, tools = messages_of(row, self._say), tools_of(row)
        stretches = self._stretches(row, messages, tools)
        self._check_tools(messages, tools)
        tokens, labels = self._encode([one for one in stretches if one[0]])
        return Example(line, tokens, labels)

    def _stretches(
        self, row: Mapping[str, object], messages: Sequence[Message], tools: Tools
    ) -> list[tuple[str, bool]]:
        everything = self._train_on == "all"
        silent, turns = silent_turns(row), assistant_turns(row)
        places = silent if everything else {turn for turn in turns if turn not in silent}
        pieces = self._template.cut(messages, tools, places)
        # With `all` the silent turns are cut out of what is learned, else the learned ones are.
        stretches = [(text, (place is None) == everything) for text, place in pieces]
        for text, place in pieces:
            if place is not None and not everything:
                self._check_turn(messages[place], text)
        if turns and turns[-1] == len(messages) - 1 and turns[-1] not in silent:
            last = [text for text, place in pieces if everything or place == turns[-1]]
            stretches += self._end("".join(last))
        return stretches

    def _end(self, text: str) -> list[tuple[str, bool]]:
        """What must be added so that the model learns to stop."""
        end = self._template.ending(text)
        if end is not None:
            self.ends.add(end)
            return []
        token = self._tokenizer.eos_token
        if token is None:
            self._say("neither the chat template nor the tokenizer has a token that ends a turn")
            return []
        self._say(
            f"the chat template ends a turn with no token of its own; {token!r} was added after "
            "the last one, so that the model learns to stop"
        )
        self.ends.add(token)
        return [(token, True)]

    def _check_turn(self, message: Message, text: str) -> None:
        if any(name not in text for name in called_functions(message)):
            raise TrainingFailure(
                "chat_template",
                "the base model's chat template leaves tool calls out, so they cannot be learned; "
                "take a model whose template writes them, or give one with "
                "`LocalOptions(chat_template=...)`",
            )
        content = str(message["content"]).strip()
        if content not in text:
            self._say(
                "the chat template changed or left out some of the assistant's words; compare "
                "what it writes with your rows"
            )

    def _check_tools(self, messages: Sequence[Message], tools: Tools) -> None:
        if not tools or self._tools_seen:
            return
        self._tools_seen = True
        if self._template.write(messages, None) == self._template.write(messages, tools):
            self._say(
                "the base model's chat template leaves `tools` out: the model does not see which "
                "functions there are"
            )

    def _encode(self, stretches: Sequence[tuple[str, bool]]) -> tuple[list[int], list[int]]:
        parts = self._parts([text for text, _ in stretches])
        tokens: list[int] = []
        labels: list[int] = []
        for ids, (_, learned) in zip(parts, stretches, strict=True):
            tokens += ids
            labels += ids if learned else [IGNORED] * len(ids)
        return tokens, labels

    def _parts(self, texts: Sequence[str]) -> list[list[int]]:
        """Tokens of each stretch of a text."""
        return self._as_one(texts) or self._one_by_one(texts)

    def _as_one(self, texts: Sequence[str]) -> list[list[int]] | None:
        """Tokens of the whole text, where a token ends at the end of each stretch."""
        whole = self._ids("".join(texts))
        parts: list[list[int]] = []
        text, done = "", 0
        for one in texts:
            text += one
            ids = self._ids(text)
            if whole[: len(ids)] != ids:
                return None
            parts.append(whole[done : len(ids)])
            done = len(ids)
        return parts

    def _one_by_one(self, texts: Sequence[str]) -> list[list[int]]:
        """Tokens of each stretch: so a token starts where the model starts to write."""
        first, *others = texts
        return [self._ids(first), *(self._inner(text) for text in others)]

    def _inner(self, text: str) -> list[int]:
        # SentencePiece puts a blank before the start of a text; after a new line it does not.
        line = self._ids("\n")
        ids = self._ids("\n" + text)
        return ids[len(line) :] if ids[: len(line)] == line else self._ids(text)

    def _ids(self, text: str) -> list[int]:
        return self._tokenizer.encode(text, add_special_tokens=False)


def read(path: Path) -> Iterator[dict[str, object]]:
    """The rows of a dataset file."""
    with path.open("rb") as file:
        for line in file:
            yield json.loads(line)


def encode_all(
    rows: Iterable[Mapping[str, object]], encoder: Encoder, *, limit: int, name: str
) -> tuple[list[Example], int]:
    """All rows with something to learn, and the number of those without.

    Args:
        limit: tokens that a row may have.
        name: of the data, for messages.

    Raises:
        TrainingFailure: a row cannot be written or is too long, or there is nothing to learn.
    """
    examples = made(rows, encoder.example, name)
    check_lengths(((one.line, len(one.tokens)) for one in examples), limit, name)
    kept = [example for example in examples if example.learned]
    if not kept:
        raise TrainingFailure(
            "nothing_to_learn", f"no row of the {name} has a token to learn; check `weight`"
        )
    return kept, len(examples) - len(kept)


def made(
    rows: Iterable[Mapping[str, object]],
    make: Callable[[Mapping[str, object], int], Made],
    name: str,
) -> list[Made]:
    """What `make` makes of each row and its line.

    Raises:
        TrainingFailure: that of a row, with its line.
    """
    return [_made(row, line, make, name) for line, row in enumerate(rows, start=1)]


def check_lengths(lengths: Iterable[tuple[int, int]], limit: int, name: str) -> None:
    """Looks for rows that are too long.

    Args:
        lengths: a row's line and its tokens.
        limit: tokens that a row may have.
        name: of the data, for messages.

    Raises:
        TrainingFailure: a row is longer.
    """
    long = [(line, tokens) for line, tokens in lengths if tokens > limit]
    if not long:
        return
    shown = ", ".join(f"line {line} has {tokens}" for line, tokens in long[:_SHOWN])
    more = f", and {len(long) - _SHOWN} more rows" if len(long) > _SHOWN else ""
    raise TrainingFailure(
        "row_too_long",
        f"{len(long)} row(s) of the {name} are longer than {limit} tokens: {shown}{more}; nothing "
        "is cut in silence: shorten or split them, or raise `max_length` where it is below what "
        "the model can read",
    )


def _made(
    row: Mapping[str, object],
    line: int,
    make: Callable[[Mapping[str, object], int], Made],
    name: str,
) -> Made:
    try:
        return make(row, line)
    except TrainingFailure as failure:
        raise TrainingFailure(failure.code, f"line {line} of the {name}: {failure}") from failure
