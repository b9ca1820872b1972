"""Counts the tokens of rows, many rows in one call of what counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from finetune_sdk.datasets.dataset import Dataset
from finetune_sdk.datasets.faults import shown
from finetune_sdk.datasets.read import Row
from finetune_sdk.datasets.tokens.counter import Counter
from finetune_sdk.datasets.tokens.framing import (
    COUNTED,
    Frame,
    Gap,
    TrainOn,
    UncountableError,
    frame,
)
from finetune_sdk.datasets.tokens.tally import TokenTally
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.types.dataset import RowFormat, TokenReport

# What is kept until it is counted: enough to be quick, little enough to be no burden.
_TEXTS = 2048
_CHARACTERS = 1024 * 1024

_PAIRS = ("preference", "preference_trl")
_TWICE = "a row counts its prompt once and both answers"


class Counted(NamedTuple):
    """The tokens of one row.

    Attributes:
        line: where it stands, from 1.
        total: all its tokens.
        trained: those that carry loss; None where it is not known which do.
        gaps: what it holds that cannot be counted exactly.
    """

    line: int
    total: int
    trained: int | None
    gaps: frozenset[Gap]


def count(
    dataset: Dataset,
    *,
    counter: Counter,
    format: RowFormat = "chat",  # noqa: A002 - the word of the field
    train_on: TrainOn = "assistant",
    limit: int | None = None,
) -> TokenReport:
    """Counts the tokens of a dataset. A row that a check finds broken is passed over.

    Args:
        dataset: what `load` gave.
        counter: what `encoding` gave, or another.
        format: what the rows look like.
        train_on: what is learned: the assistant's turns and the answers, or every token.
        limit: tokens that the model reads of a row, where that is known.

    Raises:
        ConfigurationError: rows of such a format are converted before they are counted.
        DatasetError: the file itself cannot be read.
    """
    tally = tally_of(counter, format=format, limit=limit)
    for row in counted(_rows(dataset), counter, format=format, train_on=train_on):
        tally.add(*row)
    return tally.report()


def tally_of(
    counter: Counter,
    *,
    format: RowFormat = "chat",  # noqa: A002 - the word of the field
    limit: int | None = None,
) -> TokenTally:
    """An empty tally that says what the counter leaves open, and rows of the format do."""
    notes = (counter.note, _TWICE if format in _PAIRS else None)
    note = "; ".join(filter(None, notes)) or None
    return TokenTally(counter.name, exact=counter.exact, note=note, limit=limit)


def counted(
    rows: Iterable[tuple[int, Row]],
    counter: Counter,
    *,
    format: RowFormat = "chat",  # noqa: A002 - the word of the field
    train_on: TrainOn = "assistant",
) -> Iterator[Counted]:
    """The tokens of each row with its line; a row that is not of the format is passed over.

    Raises:
        ConfigurationError: as `count`.
    """
    if format not in COUNTED:
        raise ConfigurationError(
            f"`format` is {shown(format)}; what can be counted is {', '.join(COUNTED)}: "
            "convert the rows first"
        )
    return _counted(rows, counter, format, train_on)


def row_tokens(
    row: Row,
    counter: Counter,
    *,
    format: RowFormat = "chat",  # noqa: A002 - the word of the field
    train_on: TrainOn = "assistant",
) -> tuple[int, int | None] | None:
    """All tokens of a row and those that carry loss; None for a row that is not of the format.

    Raises:
        ConfigurationError: as `count`.
    """
    for found in counted([(1, row)], counter, format=format, train_on=train_on):
        return found.total, found.trained
    return None


def _rows(dataset: Dataset) -> Iterator[tuple[int, Row]]:
    for record in dataset.records():
        bad = any(fault.severity == "error" for fault in record.faults)
        if record.row is not None and not bad:
            yield record.line, record.row


def _counted(
    rows: Iterable[tuple[int, Row]],
    counter: Counter,
    format: RowFormat,  # noqa: A002 - the word of the field
    train_on: TrainOn,
) -> Iterator[Counted]:
    frames: list[tuple[int, Frame]] = []
    texts = characters = 0
    for line, row in rows:
        try:
            made = frame(row, format, train_on)
        except UncountableError:
            continue
        frames.append((line, made))
        texts += len(made.other) + len(made.learned)
        characters += sum(map(len, made.other)) + sum(map(len, made.learned))
        if texts >= _TEXTS or characters >= _CHARACTERS:
            yield from _summed(frames, counter)
            frames, texts, characters = [], 0, 0
    yield from _summed(frames, counter)


def _summed(frames: list[tuple[int, Frame]], counter: Counter) -> Iterator[Counted]:
    texts = [text for _, made in frames for text in (*made.other, *made.learned)]
    counts, start = counter.count(texts), 0
    for line, made in frames:
        middle = start + len(made.other)
        end = middle + len(made.learned)
        learned = sum(counts[middle:end])
        total = sum(counts[start:middle]) + learned + made.fixed
        trained = learned + made.ends if made.known else None
        yield Counted(line, total, trained, frozenset(made.gaps))
        start = end
