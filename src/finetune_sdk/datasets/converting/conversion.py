"""A dataset in another format: read row by row whenever it is gone through."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, get_args

from finetune_sdk.datasets.converting.outcome import LOSSES, Lost, Outcome, Stage
from finetune_sdk.datasets.converting.routes import convertible, renamed, route, targets
from finetune_sdk.datasets.dataset import Dataset
from finetune_sdk.datasets.detect import detect
from finetune_sdk.datasets.faults import shown
from finetune_sdk.datasets.lines import Line
from finetune_sdk.datasets.read import Row, encode, line_of
from finetune_sdk.datasets.rules import EVERYTHING, Content
from finetune_sdk.errors import ConfigurationError, DatasetError
from finetune_sdk.types.dataset import ConversionReport, Loss, RowFormat

_ALL = "all"
_NAMED = 5


class Conversion(NamedTuple):
    """What `convert` gives.

    Attributes:
        dataset: the rows in the other format, with the lines of the source.
        report: what was done to them.
    """

    dataset: Dataset
    report: ConversionReport


def convert(
    dataset: Dataset,
    *,
    to: RowFormat,
    content: frozenset[Content] = EVERYTHING,
    allow_loss: Collection[str] = (),
) -> Conversion:
    """The same rows in another format.

    They are gone through once for the report, and converted one at a time whenever the new dataset
    is read. A line that cannot be read, and a row that is none of its format, stay as they are:
    `check` finds them.

    Args:
        dataset: what to convert. Its format is what the caller has said, or what most of the first
            rows look like.
        to: the format that is wanted.
        content: what messages may hold there.
        allow_loss: what may be lost, as `Loss.what` names it; "all" is everything.

    Raises:
        ConfigurationError: rows of this format cannot be made rows of `to`, or an argument is
            wrong.
        DatasetError: something would be lost that `allow_loss` does not name, the format cannot be
            told, or the file cannot be read.
    """
    allowed = _allowed(allow_loss)
    source = _source(dataset, to)
    stage = route(source, to, content)
    tally = _tallied(dataset, stage)
    report = tally.report(source, to)
    _refuse([loss for loss in report.lost if loss.what not in allowed], dataset, to)
    if source == to and not tally.changed:
        return Conversion(dataset, report)
    lines = _Converted(dataset, stage)
    return Conversion(
        Dataset(lines, name=dataset.name, place=dataset.place, format=to),
        report,
    )


@dataclass(frozen=True)
class _Converted:
    """Lines that are made when they are asked for, with the numbers of the source's."""

    source: Dataset
    stage: Stage

    def __iter__(self) -> Iterator[tuple[int, Line]]:
        """Raises:
        DatasetError: the file cannot be read.
        """
        for record in self.source.records():
            if record.row is None or record.faults:
                yield record.line, record.faults[0]
                continue
            outcome = _outcome(self.stage, record.row)
            yield from ((record.line, _line(row)) for row in outcome.rows)


def _outcome(stage: Stage, row: Row) -> Outcome:
    try:
        return stage(row)
    except RecursionError:
        return Outcome((row,), odd=True)


def _line(row: Row) -> Line:
    try:
        return encode(row)
    except RecursionError:
        return line_of(row)


def _allowed(given: Collection[str]) -> frozenset[str]:
    names = {given} if isinstance(given, str) else set(given)
    if strange := sorted(map(str, names - {*LOSSES, _ALL})):
        raise ConfigurationError(
            f"`allow_loss` has {shown(strange[0])}; it takes {', '.join(map(repr, LOSSES))}, "
            f"or {_ALL!r}"
        )
    return frozenset(LOSSES if _ALL in names else names)


def _source(dataset: Dataset, target: RowFormat) -> RowFormat:
    words = get_args(RowFormat)
    if target not in words:
        raise ConfigurationError(f"`to` is {shown(target)}; it is one of {', '.join(words)}")
    source = detect(dataset)
    if source is None:
        raise DatasetError(
            f"{dataset.place}: no row looks like a format that is known; say which one it is, as "
            f'in `load(..., format="chat")`; there are {", ".join(words)}'
        )
    if not convertible(source, target):
        ways = ", ".join(map(repr, targets(source)))
        raise ConfigurationError(
            f"`to` is {target!r}, and rows of the format {source!r}, as {dataset.place} has them, "
            f"lack what that needs; they can be made {ways}"
        )
    return source


@dataclass
class _Count:
    """How many rows lose something, the first of them, and what that is."""

    rows: int
    line: int
    details: set[str] = field(default_factory=set[str])


class _Tally:
    """Counts what becomes of rows.

    Attributes:
        rows_in: rows read, good and bad.
        rows_out: rows that came out.
        changed: one of them is not what it was.
    """

    def __init__(self) -> None:
        self.rows_in = self.rows_out = 0
        self.changed = False
        self._counts: dict[str, _Count] = {}
        self._notes: dict[str, None] = {}
        self._odd: list[int] = [0, 0]

    def bad(self) -> None:
        """A line that is no row."""
        self.rows_in += 1
        self.rows_out += 1

    def add(self, line: int, row: Row, outcome: Outcome) -> None:
        """A row, and what became of it."""
        self.rows_in += 1
        self.changed |= outcome.rows != (row,)
        self.rows_out += len(outcome.rows)
        self._notes.update(dict.fromkeys(outcome.notes))
        if outcome.odd:
            self._odd = [self._odd[0] + 1, self._odd[1] or line]
        for what in dict.fromkeys(lost.what for lost in outcome.lost):
            self._counts.setdefault(what, _Count(0, line)).rows += 1
        for lost in outcome.lost:
            self._detail(lost)

    def _detail(self, lost: Lost) -> None:
        details = self._counts[lost.what].details
        if lost.detail and len(details) < _NAMED:
            details.add(lost.detail)

    def report(self, source: RowFormat, target: RowFormat) -> ConversionReport:
        return ConversionReport(
            source=source,
            target=target,
            rows_in=self.rows_in,
            rows_out=self.rows_out,
            renamed=renamed(source, target),
            lost=tuple(_loss(what, self._counts[what]) for what in LOSSES if what in self._counts),
            notes=(*self._notes, *self._strangers(source)),
        )

    def _strangers(self, source: RowFormat) -> Iterator[str]:
        count, line = self._odd
        if count:
            yield (
                f"{count} row(s), the first in line {line}, are none of the format `{source}` and "
                "stay as they are; `check` tells what they lack"
            )


def _loss(what: str, count: _Count) -> Loss:
    details = f": {', '.join(sorted(count.details))}" if count.details else ""
    return Loss(what=what, rows=count.rows, line=count.line, message=f"{LOSSES[what]}{details}")


def _tallied(dataset: Dataset, stage: Stage) -> _Tally:
    tally = _Tally()
    for record in dataset.records():
        if record.row is not None and not record.faults:
            tally.add(record.line, record.row, _outcome(stage, record.row))
        elif not record.blank:
            tally.bad()
    return tally


def _refuse(losses: Sequence[Loss], dataset: Dataset, target: RowFormat) -> None:
    if not losses:
        return
    told = "; ".join(
        f"`{loss.what}` in {loss.rows} row(s), the first in line {loss.line} ({loss.message})"
        for loss in losses
    )
    names = ", ".join(f'"{loss.what}"' for loss in losses)
    comma = "" if losses[1:] else ","
    raise DatasetError(
        f"{dataset.place}: as `{target}` its rows would lose something: {told}; let it go with "
        f"`allow_loss=({names}{comma})` (`--allow-loss`), or choose another format"
    )
