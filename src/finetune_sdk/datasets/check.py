"""Finds everything that is wrong with a dataset, before anybody is paid to learn from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from finetune_sdk.datasets.dataset import Dataset
from finetune_sdk.datasets.faults import Fault
from finetune_sdk.datasets.formats import row_faults
from finetune_sdk.datasets.kto import label_faults
from finetune_sdk.datasets.read import Record, Row, fingerprint
from finetune_sdk.datasets.rules import RowRules
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.types.dataset import DatasetReport, Finding, Severity

_TEXT = RowRules()


def check(dataset: Dataset, *, rules: RowRules = _TEXT, limit: int = 1000) -> DatasetReport:
    """Reads all rows and reports every fault of every row. A bad row never raises.

    Memory does not grow with the size of rows; eight bytes a row are kept to find repeats.

    Args:
        dataset: what `load` gave.
        rules: what the rows are held against.
        limit: how many findings the report shows, errors first; all are counted.

    Raises:
        ConfigurationError: `limit` is no number of findings.
        DatasetError: the file itself cannot be read.
    """
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:  # pyright: ignore[reportUnnecessaryIsInstance] - it comes from users
        raise ConfigurationError(f"`limit` is {limit!r}; it is a whole number, 0 or more")
    tally = _Tally(dataset.place, rules, limit)
    seen = _Seen()
    for record in dataset.records():
        tally.rows += not record.blank
        for fault in _faults(record, rules, seen):
            tally.add(record.line, fault)
    for fault in _whole(tally.rows, rules, seen):
        tally.add(0, fault)
    return tally.report()


@dataclass
class _Seen:
    """What is remembered of the rows so far.

    Attributes:
        marks: eight bytes a row.
        labels: those of KTO rows.
    """

    marks: set[bytes] = field(default_factory=set[bytes])
    labels: set[bool] = field(default_factory=set[bool])


def _faults(record: Record, rules: RowRules, seen: _Seen) -> Iterator[Fault]:
    yield from record.faults
    if record.row is None:
        return
    try:
        yield from row_faults(record.row, rules)
        if not record.faults:
            yield from _remembered(record.row, seen)
    except RecursionError:
        yield Fault("not_json", "", "values are nested too deeply to be looked at")


def _remembered(row: Row, seen: _Seen) -> Iterator[Fault]:
    mark = fingerprint(row)
    if mark in seen.marks:
        yield Fault("duplicate_row", "", "the same row comes earlier in the dataset")
    seen.marks.add(mark)
    label = row.get("label")
    if isinstance(label, bool):
        seen.labels.add(label)


def _whole(rows: int, rules: RowRules, seen: _Seen) -> Iterator[Fault]:
    if not rows:
        yield Fault("empty_dataset", "", "the dataset has no row")
    elif rows < rules.min_rows:
        text = f"the dataset has {rows} row(s), and {rules.min_rows} are needed"
        yield Fault("too_few_rows", "", text)
    if rules.format == "kto":
        yield from label_faults(seen.labels)


class _Tally:
    """Counts all findings and keeps as many as are shown: warnings never crowd out errors."""

    def __init__(self, place: str, rules: RowRules, limit: int) -> None:
        self.rows = 0
        self._format = rules.format
        self._place = place
        self._limit = limit
        self._counts: dict[Severity, int] = {"error": 0, "warning": 0}
        self._kept: dict[Severity, list[Finding]] = {"error": [], "warning": []}

    def add(self, line: int, fault: Fault) -> None:
        severity = fault.severity
        self._counts[severity] += 1
        if len(self._kept[severity]) < self._limit or not line:
            self._kept[severity].append(fault.finding(self._place, line))

    def report(self) -> DatasetReport:
        # What speaks of the whole dataset was found last and is told first.
        errors, warnings = (sorted(kept, key=_line) for kept in self._kept.values())
        shown = (errors + warnings)[: self._limit]
        return DatasetReport(
            file=self._place,
            format=self._format,
            rows=self.rows,
            findings=tuple(sorted(shown, key=_line)),
            errors=self._counts["error"],
            warnings=self._counts["warning"],
        )


def _line(finding: Finding) -> int:
    return finding.line
