"""What came of comparing models on rows that none of them has learned from."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field, JsonValue

from finetune_sdk.types._base import Document, Value
from finetune_sdk.types.job import Job, Metric

CandidateKind = Literal["base", "few_shot", "retrieved", "fine_tuned", "other"]
"""What answered.

base         the base model, asked as the rows ask
few_shot     the base model, with a few rows of the training data before each question
retrieved    the base model, with the rows of the training data that are nearest to each question
fine_tuned   the fine-tuned model
other        another deployment
"""

Word = Literal["better", "worse", "cannot_tell"]


class Estimate(Value):
    """A number of these rows, and where that of all such rows lies, 19 times out of 20.

    Attributes:
        rows: that it was measured on; None of a difference, which tells them by itself.
    """

    value: float
    low: float
    high: float
    rows: int | None = None


class Manner(Value):
    """How all were asked.

    Attributes:
        temperature: None is the server's own.
        max_tokens: of an answer; None is the server's own.
        shots: examples before a question, for the candidates that have some.
        concurrency: questions at a time; None is as many as each place answers, up to 4.
    """

    temperature: float | None = None
    max_tokens: int | None = None
    shots: int
    concurrency: int | None = None


class Usage(Value):
    """What a candidate's answers took.

    Attributes:
        requests: answers that were asked for.
        failed: of them, those that gave none.
        cut: of them, those that were cut off at their longest length.
        cached: of them, those that an earlier comparison has asked already.
        latency_p50: seconds of an answer, the median; None where none was measured.
        latency_p95: seconds of the slowest answer but for 1 in 20.
        prompt_tokens: read for a request, on average; None where the server does not count.
        completion_tokens: written for a request, on average.
        cost_per_thousand: US dollars for a thousand such requests; None where it is not known.
        cost_source: how it was reckoned, or why it is not known.
    """

    requests: int
    failed: int = 0
    cut: int = 0
    cached: int = 0
    latency_p50: float | None = None
    latency_p95: float | None = None
    prompt_tokens: float | None = None
    completion_tokens: float | None = None
    cost_per_thousand: float | None = None
    cost_source: str = "not known"


class Candidate(Value):
    """One that answered.

    Attributes:
        name: `base`, `few_shot`, `retrieved`, `fine_tuned`, or the caller's name of another one.
        deployment: its handle; None of a function.
        model: what the deployment serves.
        scores: by measure.
    """

    name: str
    kind: CandidateKind
    deployment: str | None = None
    model: str | None = None
    scores: dict[str, Estimate] = Field(default_factory=dict)
    usage: Usage


class Difference(Value):
    """The fine-tuned model against another candidate, row by row.

    Attributes:
        difference: what the fine-tuned model has more.
        p_value: how often chance alone gives a difference as large, by swapping answers.
        better: rows on which the fine-tuned model scores more.
        worse: rows on which it scores less.
        same: rows on which both score the same.
    """

    measure: str
    against: str
    difference: Estimate
    p_value: float
    better: int
    worse: int
    same: int
    word: Word


class Verdict(Value):
    """Was it worth it?

    Attributes:
        word: of the fine-tuned model against the best of the others.
        against: which one that was; None where there was none.
        headline: the answer in one sentence.
        advice: what to try next, most promising first.
    """

    word: Word
    against: str | None = None
    headline: str
    advice: tuple[str, ...] = ()


class BreakEven(Value):
    """After how many requests the training has paid for itself.

    Attributes:
        requests: None where it never does, or nobody can tell.
        against: the candidate that would be used otherwise.
        training_cost: US dollars; None where it is not known.
        saved_per_thousand: US dollars that a thousand requests cost less; below 0 they cost more.
        reason: how it was reckoned, or why it cannot be.
    """

    requests: int | None = None
    against: str | None = None
    training_cost: float | None = None
    saved_per_thousand: float | None = None
    reason: str


class Gate(Value):
    """A requirement, and whether it is met.

    Attributes:
        text: as it was written, `exact_match>=0.8`.
        measured: what was held against it, in words.
    """

    text: str
    measured: str
    met: bool


class Answer(Value):
    """What a candidate answered to a row.

    Attributes:
        text: what it says, empty where it only calls tools; None where it gave no answer.
        calls: of tools, as a JSON list of names and arguments; None where there are none.
        error: why it gave none.
        scores: by measure; a measure is missing where the answer could not be graded.
        label: what a classification took the answer for.
        seconds: that it took; waiting for a place that is asked too much is not counted.
        at_once: questions that were under way meanwhile.
        cached: it was asked by an earlier comparison.
        cut: it was cut off, at `max_tokens` or where the server ends.
    """

    text: str | None = None
    calls: str | None = None
    error: str | None = None
    scores: dict[str, float] = Field(default_factory=dict)
    label: str | None = None
    seconds: float | None = None
    at_once: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached: bool = False
    cut: bool = False


class ComparedRow(Value):
    """A row of the test data and all answers to it.

    Attributes:
        line: of the file, from 1.
        messages: what was asked, as OpenAI's chat has them.
        expected: what the row's answer says; None where the row has none.
        expected_calls: the calls of tools that it has, as in an answer.
        label: the expected answer as a label, where there is a classification.
        answers: by the candidate's name.
    """

    line: int
    messages: tuple[dict[str, JsonValue], ...]
    expected: str | None = None
    expected_calls: str | None = None
    label: str | None = None
    answers: dict[str, Answer] = Field(default_factory=dict)


class Comparison(Document):
    """Models compared on rows that none of them has learned from.

    Attributes:
        provider: of the fine-tuned model.
        job: that made it; None where only a deployment was named.
        learning: the losses of the job, oldest first; empty where the provider tells none.
        test_data: the file's name.
        training_rows: rows that the examples were taken from, and overlap was looked for in; None
            where there were none.
        measure: the one that the verdict goes by.
        measures: all, in the order of the scorers.
        manner: how all were asked; None of comparisons that did not tell it.
        confidence: of the intervals, 0.95.
        seed: of the resampling and of the choice of examples.
        candidates: the fine-tuned model is always one.
        differences: one for each other candidate and measure.
        compared: the rows.
        gates: the requirements.
        folder: where report, card and rows lie; None where none were wanted.
    """

    created_at: datetime
    created_by: str
    provider: str
    job: Job | None = None
    learning: tuple[Metric, ...] = ()
    test_data: str
    rows: int
    training_rows: int | None = None
    measure: str
    measures: tuple[str, ...]
    manner: Manner | None = None
    confidence: float = 0.95
    seed: int = 0
    candidates: tuple[Candidate, ...]
    differences: tuple[Difference, ...] = ()
    verdict: Verdict
    break_even: BreakEven
    gates: tuple[Gate, ...] = ()
    compared: tuple[ComparedRow, ...] = ()
    warnings: tuple[str, ...] = ()
    folder: str | None = None

    @property
    def met(self) -> bool:
        """Every requirement is met."""
        return all(gate.met for gate in self.gates)

    def candidate(self, name: str) -> Candidate:
        """The candidate of that name.

        Raises:
            KeyError: there is none.
        """
        return {one.name: one for one in self.candidates}[name]
