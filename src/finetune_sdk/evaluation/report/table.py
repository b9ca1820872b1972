"""All answers as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from finetune_sdk.csv_text import cell
from finetune_sdk.evaluation.report.plain import visible
from finetune_sdk.evaluation.report.rows import question, told
from finetune_sdk.types.comparison import Answer, ComparedRow, Comparison


def write(comparison: Comparison, path: Path) -> None:
    """A row for each row of the test data, a column for each answer and each of its scores."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([_safe(name) for name in _header(comparison)])
        for row in comparison.compared:
            writer.writerow([_safe(value) for value in _cells(comparison, row)])


def _header(comparison: Comparison) -> Iterator[str]:
    yield from ("line", "question", "expected")
    for one in comparison.candidates:
        yield one.name
        yield from (f"{one.name}: {measure}" for measure in comparison.measures)


def _cells(comparison: Comparison, row: ComparedRow) -> Iterator[object]:
    yield from (row.line, question(row), told(row.expected, row.expected_calls))
    for one in comparison.candidates:
        answer = row.answers.get(one.name, _NONE)
        yield told(answer.text, answer.calls)
        yield from (answer.scores.get(measure) for measure in comparison.measures)


_NONE = Answer()


def _safe(value: object) -> object:
    return cell(visible(value)) if isinstance(value, str) else value
