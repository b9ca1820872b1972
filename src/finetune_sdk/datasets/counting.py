"""Counts tokens while rows are checked: the texts of good rows are there already.

What counts lets go of Python's lock, so that one thread counts while another decodes the next rows:
two cores are used where there are two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from finetune_sdk.datasets.faults import Fault
from finetune_sdk.datasets.quick import Look
from finetune_sdk.datasets.read import Row
from finetune_sdk.datasets.tokens import Counter, TrainOn, counted, tally_of
from finetune_sdk.datasets.tokens.framing import PER_CONVERSATION, PER_MESSAGE
from finetune_sdk.types.dataset import RowFormat, TokenReport

_ROLES = {"s": "system", "u": "user", "a": "assistant"}
_ANSWERS: dict[RowFormat, int] = {"preference": 2, "preference_trl": 2, "kto": 1}
"""How many texts at the end are learned; of others, all that the assistant says are."""

_END = 1


class _Around(NamedTuple):
    """Tokens around the texts of a row, and which of all are learned."""

    fixed: int
    ends: int
    learned: tuple[int, ...]


class _Handful(NamedTuple):
    numbers: Sequence[int]
    texts: list[Sequence[str]]
    speakers: list[str]
    counts: Future[list[int]]


class Counting:
    """Counts the tokens of one dataset.

    Args:
        counter: what `tokens.encoding` gave, or another.
        format: what the rows look like.
        train_on: what is learned: the assistant's turns and the answers, or every token.
        limit: tokens that the model reads of a row, where that is known; longer rows are told,
            where they are counted exactly.
    """

    def __init__(
        self,
        counter: Counter,
        *,
        format: RowFormat = "chat",  # noqa: A002 - the word of the field
        train_on: TrainOn = "assistant",
        limit: int | None = None,
    ) -> None:
        self._counter = counter
        self._format: RowFormat = format
        self._train_on: TrainOn = train_on
        self._limit = limit if counter.exact else None
        self._tally = tally_of(counter, format=format, limit=limit)
        self._around: dict[str, _Around] = {}
        self._worker: ThreadPoolExecutor | None = None
        self._waiting: _Handful | None = None

    def look(self, numbers: Sequence[int], look: Look) -> Iterator[tuple[int, Fault]]:
        """Counts the rows of a look that have texts; tells of those before that are too long."""
        if self._worker is None:
            self._worker = ThreadPoolExecutor(1, thread_name_prefix="finetune_sdk-tokens")
        texts = [text for row in look.texts for text in row]
        counts = self._worker.submit(self._counter.count, texts)
        before = self._waiting
        self._waiting = _Handful(numbers, look.texts, look.speakers, counts)
        if before is not None:
            yield from self._sum(before)

    def rows(
        self,
        rows: Iterable[tuple[int, Row]],
        format: RowFormat,  # noqa: A002 - the word of the field
    ) -> Iterator[tuple[int, Fault]]:
        """Counts rows, with their lines, that were looked at in another way."""
        for one in counted(rows, self._counter, format=format, train_on=self._train_on):
            self._tally.add(*one)
            yield from self._too_long(one.line, one.total)

    def finish(self) -> Iterator[tuple[int, Fault]]:
        """Waits for what is not counted yet."""
        if self._waiting is not None:
            last, self._waiting = self._waiting, None
            yield from self._sum(last)

    def close(self) -> None:
        """Lets go of its thread. Twice is allowed."""
        if self._worker is not None:
            self._worker.shutdown()
            self._worker = None

    def report(self) -> TokenReport:
        """The sums so far."""
        return self._tally.report()

    def _sum(self, handful: _Handful) -> Iterator[tuple[int, Fault]]:
        counts, start = handful.counts.result(), 0
        for line, texts, speakers in zip(
            handful.numbers, handful.texts, handful.speakers, strict=True
        ):
            if not texts:
                continue
            around = self._around.get(speakers) or self._learn(speakers)
            total = sum(counts[start : start + len(texts)]) + around.fixed
            trained = around.ends + sum([counts[start + place] for place in around.learned])
            self._tally.add(line, total, total if self._train_on == "all" else trained)
            yield from self._too_long(line, total)
            start += len(texts)

    def _too_long(self, line: int, total: int) -> Iterator[tuple[int, Fault]]:
        if self._limit is not None and total > self._limit:
            text = f"the row has {total} tokens, and the model reads {self._limit}"
            yield line, Fault("row_too_long", "", text)

    def _learn(self, speakers: str) -> _Around:
        """What stands around the texts: the formula of `tokens.framing`, for texts alone."""
        places = [place for place, letter in enumerate(speakers) if letter == "a"]
        learned = tuple(places[-_ANSWERS.get(self._format, 0) :])
        if speakers.startswith("p"):
            around = _Around(0, 0, learned)
        else:
            roles = self._counter.count([_ROLES[letter] for letter in speakers])
            fixed = PER_CONVERSATION + PER_MESSAGE * len(speakers) + sum(roles)
            around = _Around(fixed, _END * len(learned), learned)
        self._around[speakers] = around
        return around
