"""Answers and their scores, row by row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from pydantic import JsonValue

from finetune_sdk.evaluation.asking import Asker, Question
from finetune_sdk.evaluation.course import Asked, Opening
from finetune_sdk.evaluation.examples import Example
from finetune_sdk.evaluation.scoring import JUDGE, Scoring, judge_grade, judge_messages
from finetune_sdk.evaluation.statistics import MACRO
from finetune_sdk.types import Answer, ComparedRow, Judge


def graded(
    asked: Sequence[Asked], examples: Sequence[Example], scoring: Scoring
) -> list[ComparedRow]:
    """The rows with what each candidate answered and what that is worth, but for a judge's grade.

    An answer that failed is worth 0 by every measure.

    Raises:
        ConfigurationError: a function of the caller's failed, or a pattern took too long.
    """
    return [_row(at, example, asked, scoring) for at, example in enumerate(examples)]


def _row(at: int, example: Example, asked: Sequence[Asked], scoring: Scoring) -> ComparedRow:
    expected = example.expected
    return ComparedRow(
        line=example.line,
        messages=cast("tuple[dict[str, JsonValue], ...]", tuple(map(dict, example.messages))),
        expected=example.expected_text,
        expected_calls=example.expected_calls,
        label=None if expected is None else scoring.label(expected),
        answers={one.entrant.name: _graded(one.answers[at], example, scoring) for one in asked},
    )


def _graded(answer: Answer, example: Example, scoring: Scoring) -> Answer:
    if answer.text is None:
        single = (name for name in scoring.measures if name not in MACRO)
        return answer.model_copy(update={"scores": dict.fromkeys(single, 0.0)})
    found = scoring.score(
        answer.text or answer.calls or "",
        example.expected,
        example.row,
        calls=answer.calls,
        expected_calls=example.expected_calls,
        line=example.line,
    )
    return answer.model_copy(update={"scores": found.scores, "label": found.label})


def judged(
    rows: Sequence[ComparedRow], judge: Judge, opening: Opening, asker: Asker
) -> tuple[list[ComparedRow], int]:
    """The rows with the grades of a judge, and how many of its grades could not be read.

    Raises:
        EvaluationStoppedError: it answers no more. What it has graded is kept.
    """
    places = [
        (at, name)
        for at, row in enumerate(rows)
        for name, one in row.answers.items()
        if one.text is not None
    ]
    with opening() as endpoint:
        replies = asker.answers(
            [Question(messages=_asking(rows[at], name, judge)) for at, name in places],
            endpoint.begin,
            name="judge",
            identity=endpoint.identity,
        )
    grades = [None if one.text is None else judge_grade(one.text) for one in replies]
    given = dict(zip(places, grades, strict=True))
    return list(_with(rows, given)), sum(one is None for one in grades)


def _asking(row: ComparedRow, name: str, judge: Judge) -> Sequence[Mapping[str, object]]:
    answer = row.answers[name]
    return judge_messages(
        judge,
        row.messages,
        row.expected,
        answer.text or "",
        calls=answer.calls,
        expected_calls=row.expected_calls,
    )


def _with(
    rows: Sequence[ComparedRow], grades: Mapping[tuple[int, str], float | None]
) -> Iterator[ComparedRow]:
    for at, row in enumerate(rows):
        answers = {
            name: _with_grade(one, grades.get((at, name))) for name, one in row.answers.items()
        }
        yield row.model_copy(update={"answers": answers})


def _with_grade(answer: Answer, grade: float | None) -> Answer:
    if grade is None:
        return answer
    return answer.model_copy(update={"scores": {**answer.scores, JUDGE: grade}})
