"""Finds everything that is wrong with a dataset, before anybody is paid to learn from it."""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import NamedTuple

from finetune_sdk.datasets.batches import batches
from finetune_sdk.datasets.counting import Counting
from finetune_sdk.datasets.course import Course
from finetune_sdk.datasets.dataset import Dataset
from finetune_sdk.datasets.detect import detect
from finetune_sdk.datasets.marks import Marks
from finetune_sdk.datasets.neighbours import Neighbours
from finetune_sdk.datasets.rules import RowRules
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.types.dataset import DatasetReport

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
    with ExitStack() as opened:
        other = None
        if against is not None:
            seen = _examined(against, rules=RowRules(), limit=0, near_duplicates=False)
            other = against, opened.enter_context(closing(seen.marks))
        checked = _examined(
            dataset,
            rules=rules,
            limit=limit,
            near_duplicates=near_duplicates,
            counting=counting,
            against=other,
        )
        checked.marks.close()
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
    source = detect(dataset) or rules.format
    near = (
        None
        if near_duplicates is False
        else Neighbours(dataset.bytes or 0, asked=bool(near_duplicates))
    )
    course = Course(dataset.place, rules, source, limit, near=near, counting=counting)
    try:
        for batch in batches(dataset.raw):
            course.batch(batch)
        course.end()
    except BaseException:
        course.marks.close()
        raise
    finally:
        if counting is not None:
            counting.close()
    if against is not None:
        other, marks = against
        course.overlap(other.place, marks)
    return Checked(course.report(), course.marks)
