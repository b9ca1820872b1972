"""Finds everything that is wrong with a dataset, before anybody is paid to learn from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import NamedTuple

from finetune_sdk.datasets.balance import Balance, told_of
from finetune_sdk.datasets.batches import Batch, batches
from finetune_sdk.datasets.converting import FOREIGN, base_of, reader
from finetune_sdk.datasets.counting import Counting
from finetune_sdk.datasets.dataset import Dataset
from finetune_sdk.datasets.detect import detect
from finetune_sdk.datasets.faults import Fault
from finetune_sdk.datasets.formats import row_faults
from finetune_sdk.datasets.hazards import text_faults
from finetune_sdk.datasets.images import image_count
from finetune_sdk.datasets.lines import Blanks, Line, is_blank
from finetune_sdk.datasets.marks import Marks
from finetune_sdk.datasets.neighbours import Neighbours
from finetune_sdk.datasets.quick import Look, quick
from finetune_sdk.datasets.read import Record, Row, examine, fingerprint
from finetune_sdk.datasets.rules import RowRules
from finetune_sdk.datasets.sieve import sieve
from finetune_sdk.datasets.tally import Tally
from finetune_sdk.datasets.tools import listed
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.types.dataset import DatasetReport, RowFormat

_TEXT = RowRules()


class Checked(NamedTuple):
    """A report, and what is remembered of the rows."""

    report: DatasetReport
    marks: Marks


def check(
    dataset: Dataset,
    *,
    rules: RowRules = _TEXT,
    limit: int = 1000,
    near_duplicates: bool | None = None,
    counting: Counting | None = None,
    against: Dataset | None = None,
) -> DatasetReport:
    """Reads all rows and reports every fault of every row. A bad row never raises.

    Memory does not grow with the size of the dataset.

    Args:
        dataset: what `load` gave.
        rules: what the rows are held against.
        limit: how many findings the report shows, errors first; all are counted.
        near_duplicates: look for rows that are nearly the same; None does so for datasets of up
            to 16 MiB, and says so in the notes where it does not.
        counting: counts the tokens on the way.
        against: another dataset, of which no row should stand in this one.

    Raises:
        ConfigurationError: `limit` is no number of findings.
        DatasetError: the file itself cannot be read.
    """
    other = (
        None
        if against is None
        else _examined(against, rules=RowRules(), limit=0, near_duplicates=False)
    )
    checked = _examined(
        dataset,
        rules=rules,
        limit=limit,
        near_duplicates=near_duplicates,
        counting=counting,
        against=None if against is None or other is None else (against, other.marks),
    )
    for done in (checked, other):
        if done is not None:
            done.marks.close()
    return checked.report


def check_both(
    training: Dataset,
    validation: Dataset,
    *,
    rules: RowRules,
    validation_rules: RowRules,
    limit: int = 1000,
    counting: Counting | None = None,
) -> tuple[DatasetReport, DatasetReport]:
    """Checks the rows to learn from and those to measure on, and tells which stand in both.

    Raises:
        DatasetError: a file itself cannot be read.
    """
    first = _examined(training, rules=rules, limit=limit, counting=counting)
    with closing(first.marks):
        second = _examined(
            validation, rules=validation_rules, limit=limit, against=(training, first.marks)
        )
        second.marks.close()
    return first.report, second.report


def _examined(
    dataset: Dataset,
    *,
    rules: RowRules,
    limit: int,
    near_duplicates: bool | None = None,
    counting: Counting | None = None,
    against: tuple[Dataset, Marks] | None = None,
) -> Checked:
    """As `check`, with what is remembered of the rows; the caller closes it.

    Args:
        against: another dataset, of which no row should stand in this one.
    """
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:  # pyright: ignore[reportUnnecessaryIsInstance] - it comes from users
        raise ConfigurationError(f"`limit` is {limit!r}; it is a whole number, 0 or more")
    source = rules.source or detect(dataset) or rules.format
    near = (
        None
        if near_duplicates is False
        else Neighbours(_size(dataset), asked=bool(near_duplicates))
    )
    course = _Course(dataset.place, rules, source, limit, near=near, counting=counting)
    try:
        for batch in batches(dataset.raw):
            course.batch(batch)
        course.end()
    finally:
        if counting is not None:
            counting.close()
    if against is not None:
        other, marks = against
        course.overlap(other.place, marks)
    return Checked(course.report(), course.marks)


def _read_as(source: RowFormat, rules: RowRules) -> RowFormat:
    """The format in which rows are judged."""
    native = base_of(source) == rules.format and source not in FOREIGN
    return source if native else rules.format


def _size(dataset: Dataset) -> int:
    """Bytes of the file, where there is one: less than those of its rows where it is packed."""
    return dataset.path.stat().st_size if dataset.path is not None else 0


class _Course:
    """One check on its way through the rows."""

    def __init__(
        self,
        place: str,
        rules: RowRules,
        source: RowFormat,
        limit: int,
        *,
        near: Neighbours | None,
        counting: Counting | None,
    ) -> None:
        self.marks = Marks()
        self._place, self._rules, self._source = place, rules, source
        self._tally = Tally(place, rules, limit)
        self._held_back, self._quick = sieve(), quick(source, rules)
        self._near = near
        self._counting, self._counted = counting, _read_as(source, rules)
        self._blanks, self._balance = Blanks(), Balance()
        self._rows = self._pictured = 0

    def batch(self, batch: Batch) -> None:
        """Looks at some lines."""
        look = self._look(batch)
        if look is None:
            self._one_by_one(batch.lines())
        else:
            self._all(batch, look)
        if self._near is not None:
            self._near.add(batch)

    def _look(self, batch: Batch) -> Look | None:
        count = len(batch.numbers)
        if self._quick is None or not count or self._held_back(batch.data):
            return None
        look = self._quick(batch.data, count)
        # A handful of odd rows is looked at by itself; with more, it is simpler to go through all.
        return None if look is None or look.odd else look

    def _all(self, batch: Batch, look: Look) -> None:
        self._tell(self._blanks.between())
        self._rows += len(batch.numbers)
        self._keep(batch.numbers, look)
        if self._counting is not None:
            self._count_rich(self._counting, batch, look)
        if batch.last is not None:
            self._one_by_one(iter([batch.last]))

    def _keep(self, numbers: Sequence[int], look: Look) -> None:
        self.marks.extend(numbers, look.marks)
        self._balance.add(look.told)
        self._pictured += look.pictured
        if self._counting is not None:
            self._tell(self._counting.look(numbers, look))

    def _count_rich(self, counting: Counting, batch: Batch, look: Look) -> None:
        """Rows with more than text are counted one by one."""
        if all(look.texts):
            return
        for (number, line), texts in zip(batch.lines(), look.texts, strict=False):
            row = examine(number, line).row if not texts and isinstance(line, bytes) else None
            if row is not None:
                self._tell(counting.row(number, row, self._counted))

    def _one_by_one(self, lines: Iterator[tuple[int, Line]]) -> None:
        for number, line in lines:
            if is_blank(line):
                self._blanks.note(number)
                continue
            self._tell(self._blanks.between())
            self._rows += 1
            self._line(number, line)

    def _line(self, number: int, line: Line) -> None:
        if isinstance(line, Fault):
            self._tally.add(number, line)
            return
        look = self._quick(line, 1) if self._quick is not None else None
        good = look if look is not None and not look.odd else None
        hazard = self._held_back(line)
        if good is not None:
            self._keep([number], good)
            if self._counting is not None:
                self._count_rich(self._counting, Batch([number], line), good)
        if good is None or hazard:
            self._slowly(examine(number, line), kept=good is not None, hazard=hazard)

    def _slowly(self, record: Record, *, kept: bool, hazard: bool) -> None:
        self._tell((record.line, fault) for fault in record.faults)
        if record.row is None:
            return
        try:
            self._judge(record.line, record.row, hazard=hazard)
            if not kept and not record.faults:
                self._remember(record.line, record.row)
        except RecursionError:
            deep = Fault("not_json", "", "values are nested too deeply to be looked at")
            self._tally.add(record.line, deep)

    def _judge(self, line: int, row: Row, *, hazard: bool) -> None:
        self._tell((line, fault) for fault in row_faults(row, self._rules, self._source))
        if hazard:
            self._tell((line, fault) for fault in text_faults(row))

    def _remember(self, line: int, row: Row) -> None:
        self.marks.extend([line], [int.from_bytes(fingerprint(row))])
        if self._rules.format in ("kto", "preference"):
            self._balance.add(told_of(row))
        self._pictured += image_count(listed(row.get("messages"))) > 0
        if self._counting is not None:
            base = reader(self._source)(row).row if self._source in FOREIGN else row
            self._tell(self._counting.row(line, base, self._counted))

    def _tell(self, faults: Iterable[tuple[int, Fault]]) -> None:
        for line, fault in faults:
            self._tally.add(line, fault)

    def end(self) -> None:
        """All lines were seen: what speaks of the dataset as a whole."""
        if self._counting is not None:
            self._tell(self._counting.finish())
        self._tell(self._blanks.at_end())
        near = dict(self._near.faults) if self._near is not None else {}
        for line, earlier in self.marks.repeats():
            text = f"the same row stands in line {earlier}"
            self._tally.add(line, Fault("duplicate_row", "", text))
            near.pop(line, None)
        self._tell(near.items())
        self._tell((0, fault) for fault in self._whole())

    def _whole(self) -> Iterator[Fault]:
        rows, rules = self._rows, self._rules
        if not rows:
            yield Fault("empty_dataset", "", "the dataset has no row")
        elif rows < rules.min_rows:
            text = f"the dataset has {rows} row(s), and {rules.min_rows} are needed"
            yield Fault("too_few_rows", "", text)
        if rules.images is not None and self._pictured > rules.images.rows:
            text = f"{self._pictured} rows have images, and {rules.images.rows} are taken"
            yield Fault("too_many_image_rows", "", text)
        yield from self._balance.faults()

    def overlap(self, place: str, marks: Marks) -> None:
        """Tells which rows stand in another dataset, too."""
        for line, there in self.marks.shared(marks):
            text = f"the same row stands in {place}, line {there}"
            self._tally.add(line, Fault("validation_overlap", "", text))

    def report(self) -> DatasetReport:
        """What was found."""
        base = base_of(self._source)
        return DatasetReport(
            file=self._place,
            format=self._source if base == self._rules.format else self._rules.format,
            rows=self._rows,
            findings=self._tally.findings(),
            errors=self._tally.counts["error"],
            warnings=self._tally.counts["warning"],
            notes=self._near.notes if self._near is not None else (),
            tokens=self._counting.report() if self._counting is not None else None,
        )
