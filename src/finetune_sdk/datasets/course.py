"""One check on its way through the rows: good rows are looked at together, others one by one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from finetune_sdk.datasets.balance import Balance, told_of
from finetune_sdk.datasets.batches import Batch
from finetune_sdk.datasets.converting import FOREIGN, base_of, reader
from finetune_sdk.datasets.counting import Counting
from finetune_sdk.datasets.faults import Fault
from finetune_sdk.datasets.formats import row_faults
from finetune_sdk.datasets.hazards import text_faults
from finetune_sdk.datasets.identity import mark_of
from finetune_sdk.datasets.images import image_count
from finetune_sdk.datasets.lines import BLANKS, Blanks, Line, is_blank
from finetune_sdk.datasets.marks import Marks
from finetune_sdk.datasets.neighbours import Neighbours
from finetune_sdk.datasets.quick import Look, quick
from finetune_sdk.datasets.read import Record, Row, examine
from finetune_sdk.datasets.rules import RowRules
from finetune_sdk.datasets.sieve import Held, separate, sieve
from finetune_sdk.datasets.tally import Tally
from finetune_sdk.datasets.tools import listed
from finetune_sdk.types.dataset import DatasetReport, RowFormat


class Course:
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
        self._place, self._rules = place, rules
        self._source: RowFormat = source
        self._tally = Tally(place, rules, limit)
        self._sieve, self._quick = sieve(), quick(source, rules)
        self._near = near
        self._counting = counting
        self._counted: RowFormat = _read_as(source, rules)
        self._blanks, self._balance = Blanks(), Balance()
        self._rows = self._pictured = 0

    def batch(self, batch: Batch) -> None:
        """Looks at some lines."""
        held = self._sieve(batch.data)
        look = self._look(batch, held)
        if look is None:
            self._keep(*self._one_by_one(batch))
        else:
            self._tell(self._blanks.between())
            self._rows += len(batch.numbers)
            self._keep(batch, look)
            self._tell(_hazards(batch, held.places))
        if batch.last is not None:
            self._line(*batch.last)
        if self._near is not None:
            self._near.add(batch)

    def _look(self, batch: Batch, held: Held) -> Look | None:
        count = len(batch.numbers)
        if self._quick is None or not count:
            return None
        if held.two and not separate(batch.data, count):
            return None
        look = self._quick(batch.data, count)
        # With an odd row or two it is simpler to go through all of them.
        return None if look is None or look.odd else look

    def _keep(self, batch: Batch, look: Look) -> None:
        """Remembers rows that are good."""
        self.marks.extend(batch.numbers, look.marks)
        self._balance.add(look.told)
        self._pictured += look.pictured
        if self._counting is not None:
            self._tell(self._counting.look(batch.numbers, look))
            if not all(look.texts):
                self._tell(self._counting.rows(_rich(batch, look), self._counted))

    def _one_by_one(self, batch: Batch) -> tuple[Batch, Look]:
        """Looks at each line, and gives those that are good."""
        numbers: list[int] = []
        lines: list[bytes] = []
        good = Look()
        for number, line in batch.rows():
            look = self._line(number, line)
            if look is not None:
                numbers.append(number)
                lines.append(line)
                good.join(look)
        return Batch(numbers, b"", None, lines), good

    def _line(self, number: int, line: Line) -> Look | None:
        """Looks at a line; what is found on one that is good."""
        if is_blank(line):
            self._blanks.note(number)
            return None
        self._tell(self._blanks.between())
        if isinstance(line, Fault):
            self._rows += line not in BLANKS
            self._tally.add(number, line)
            return None
        self._rows += 1
        look = self._quick(line, 1) if self._quick is not None else None
        good = look if look is not None and not look.odd else None
        hazard = bool(self._sieve(line).places)
        if good is None or hazard:
            self._slowly(examine(number, line), kept=good is not None, hazard=hazard)
        return good

    def _slowly(self, record: Record, *, kept: bool, hazard: bool) -> None:
        self._tell((record.line, fault) for fault in record.faults)
        if record.row is None:
            return
        try:
            if not kept:
                self._judge(record.line, record.row)
            if hazard:
                self._tell((record.line, fault) for fault in text_faults(record.row))
            if not kept and not record.faults:
                self._remember(record.line, record.row)
        except RecursionError:
            deep = Fault("not_json", "", "values are nested too deeply to be looked at")
            self._tally.add(record.line, deep)

    def _judge(self, line: int, row: Row) -> None:
        self._tell((line, fault) for fault in row_faults(row, self._rules, self._source))

    def _remember(self, line: int, row: Row) -> None:
        self.marks.extend([line], [mark_of(row)])
        if self._rules.format in ("kto", "preference"):
            self._balance.add(told_of(row))
        self._pictured += image_count(listed(row.get("messages"))) > 0
        if self._counting is not None:
            base = reader(self._source)(row).row if self._source in FOREIGN else row
            self._tell(self._counting.rows([(line, base)], self._counted))

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
            codes=dict(self._tally.codes.most_common()),
            notes=self._near.notes if self._near is not None else (),
            tokens=self._counting.report() if self._counting is not None else None,
        )


def _rich(batch: Batch, look: Look) -> Iterator[tuple[int, Row]]:
    """Good rows with more than text."""
    for (number, line), texts in zip(batch.rows(), look.texts, strict=True):
        if not texts:
            yield number, _row(number, line)


def _hazards(batch: Batch, places: Sequence[int]) -> Iterator[tuple[int, Fault]]:
    """What good rows hold at these places."""
    if not places:
        return
    rows = list(batch.rows())
    ends = list(accumulate(len(line) + batch.gap for _, line in rows))
    for at in sorted({bisect_right(ends, place) for place in places}):
        number, line = rows[at]
        for fault in text_faults(_row(number, line)):
            yield number, fault


def _row(number: int, line: bytes) -> Row:
    row = examine(number, line).row
    assert row is not None  # noqa: S101 - the quick look has read it
    return row


def _read_as(source: RowFormat, rules: RowRules) -> RowFormat:
    """The format in which rows are judged."""
    native = base_of(source) == rules.format and source not in FOREIGN
    return source if native else rules.format
