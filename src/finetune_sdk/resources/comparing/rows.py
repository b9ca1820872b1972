"""The rows to measure on, and those that the fine-tuned model has learned from."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from finetune_sdk import datasets
from finetune_sdk.datasets import Dataset
from finetune_sdk.datasets.dataset import Source
from finetune_sdk.errors import AuthenticationError, DatasetError, FineTuneError
from finetune_sdk.evaluation import examples, overlap
from finetune_sdk.evaluation.examples import Example
from finetune_sdk.providers.base import CanExport
from finetune_sdk.resources.context import Context
from finetune_sdk.types import DatasetFile, Job

_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class TestRows:
    """What is compared on.

    Attributes:
        name: of the test data.
        tests: the rows to measure on.
        learned: the rows to take examples from; None where they could not be had.
    """

    name: str
    tests: Sequence[Example]
    learned: Sequence[Example] | None


def read(
    context: Context,
    test_data: Source,
    training_data: Source | None,
    job: Job | None,
    warn: Callable[[str], None],
) -> TestRows:
    """Reads both, and refuses rows to measure on that were learned from.

    Args:
        context: of the fine-tuned model.
        test_data: rows to measure on.
        training_data: rows that were learned from; None are the job's own.
        job: that made the model, where it is known.
        warn: is told what could not be done.

    Raises:
        DatasetError: rows are wrong, there are none, or some stand in both.
    """
    given = datasets.load(test_data)
    tests = examples.read(given)
    # Intervals and tests take each row for one more that was drawn.
    examples.refuse_repeated(tests, given.place)
    learned = _given(training_data) if training_data is not None else _own(context, job, warn)
    if learned is not None:
        overlap.refuse(tests, learned.rows, place=given.place, where=learned.where)
        _warn_of_near(tests, learned, warn)
    rows = None if learned is None else learned.rows
    return TestRows(name=given.name, tests=tests, learned=rows)


@dataclass(frozen=True, kw_only=True)
class _Learned:
    """Rows that were learned from.

    Attributes:
        place: what messages call them.
        of_file: the place is a file's, whose lines the caller can look up.
    """

    place: str
    rows: Sequence[Example]
    of_file: bool

    def where(self, line: int) -> str:
        """What messages call one of them."""
        return f"{self.place}:{line}" if self.of_file else f"row {line} of {self.place}"


def _given(source: Source) -> _Learned:
    dataset = datasets.load(source)
    return _Learned(place=dataset.place, rows=examples.read(dataset), of_file=True)


def _own(context: Context, job: Job | None, warn: Callable[[str], None]) -> _Learned | None:
    """The job's own rows, by the place that holds them."""
    try:
        file = _file_of(job)
        with tempfile.TemporaryDirectory(prefix="finetune-") as folder:
            dataset = _downloaded(context, file, Path(folder) / "training.jsonl")
            place = f"the training data of {job.handle}" if job else ""
            return _Learned(place=place, rows=examples.read(dataset), of_file=False)
    except AuthenticationError:
        raise
    except FineTuneError as error:
        warn(
            f"the rows that were learned could not be had ({error}): no examples are put before "
            "questions, and nobody has looked whether the test data was learned; give "
            "`training_data`"
        )
        return None


def _file_of(job: Job | None) -> DatasetFile:
    if job is None:
        raise DatasetError("the job that made the model is not known")
    if job.training_file is None:
        raise DatasetError("the provider does not say which file it was")
    return job.training_file


def _downloaded(context: Context, file: DatasetFile, path: Path) -> Dataset:
    holder = context.need(CanExport, "jobs.export")
    context.call(lambda: holder.download_dataset(file.id, path))
    return datasets.load(path)


def _warn_of_near(tests: Sequence[Example], learned: _Learned, warn: Callable[[str], None]) -> None:
    near = overlap.near(tests, learned.rows)
    if near:
        named = ", ".join(f"{line} ({other} there)" for line, other in near[:_NAMED])
        more = ", and more" if len(near) > _NAMED else ""
        warn(
            f"{len(near)} rows to measure on say nearly the same as a row of {learned.place}, in "
            f"lines {named}{more}: a model that knows that by heart looks better than it is"
        )
