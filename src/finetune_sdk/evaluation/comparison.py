"""What comes of answers that are graded: scores, differences, the verdict, what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from finetune_sdk._version import __version__
from finetune_sdk.evaluation import gates, judging
from finetune_sdk.evaluation.course import Asked
from finetune_sdk.evaluation.gates import Requirement
from finetune_sdk.evaluation.money import break_even
from finetune_sdk.evaluation.scoring import Scoring
from finetune_sdk.evaluation.statistics import Measured, difference, estimate, measured
from finetune_sdk.evaluation.usage import usage_of
from finetune_sdk.types import (
    BreakEven,
    Candidate,
    ComparedRow,
    Comparison,
    CostEstimate,
    Difference,
    Job,
    Manner,
    Metric,
    NoEstimate,
    Verdict,
)


@dataclass(frozen=True, kw_only=True)
class Findings:
    """All that a comparison is made of.

    Attributes:
        provider: of the fine-tuned model.
        at: the moment.
        job: that made the model, where it is known.
        learning: its losses.
        test_data: the name of the file.
        training_rows: rows that examples were taken from; None where there were none.
        spent: what the training has cost.
        seed: of the resampling.
        manner: how all were asked.
        asked: everybody's answers.
        compared: the same, graded, row by row.
        scoring: what graded them.
        required: what has to hold.
        warnings: what the caller should know.
        folder: where it will lie.
    """

    provider: str
    at: datetime
    job: Job | None
    learning: tuple[Metric, ...]
    test_data: str
    training_rows: int | None
    spent: CostEstimate | NoEstimate
    seed: int
    manner: Manner
    asked: Sequence[Asked]
    compared: Sequence[ComparedRow]
    scoring: Scoring
    required: Sequence[Requirement]
    warnings: tuple[str, ...] = ()
    folder: str | None = None

    @property
    def measure(self) -> str:
        """The one that the verdict goes by."""
        return self.scoring.measures[0]

    def measured(self, measure: str, name: str) -> Measured:
        """A measure of a candidate."""
        return measured(measure, name, self.compared, labels=self.scoring.labels)


def of(found: Findings) -> Comparison:
    """The comparison."""
    candidates = tuple(_candidate(found, one) for one in found.asked)
    cut = tuple(_cut(one, found.manner) for one in candidates if one.usage.cut)
    tuned = next(one for one in candidates if one.kind == "fine_tuned")
    differences = tuple(_differences(found, tuned, candidates))
    verdict = judging.verdict(
        candidates,
        differences,
        measure=found.measure,
        rows=len(found.compared),
        training_rows=found.training_rows,
        learning=found.learning,
    )
    held = gates.held(
        found.required,
        tuned=tuned,
        verdict=verdict,
        differences=differences,
        measure=found.measure,
    )
    return Comparison(
        created_at=found.at,
        created_by=f"finetune-anywhere {__version__}",
        provider=found.provider,
        job=found.job,
        learning=found.learning,
        test_data=found.test_data,
        rows=len(found.compared),
        training_rows=found.training_rows,
        measure=found.measure,
        measures=found.scoring.measures,
        seed=found.seed,
        manner=found.manner,
        candidates=candidates,
        differences=differences,
        verdict=verdict,
        break_even=_pays(found, tuned, candidates, verdict),
        gates=held,
        compared=tuple(found.compared),
        warnings=(*found.warnings, *cut),
        folder=found.folder,
    )


def _candidate(found: Findings, asked: Asked) -> Candidate:
    name, endpoint = asked.entrant.name, asked.endpoint
    scores = {
        measure: estimate(found.measured(measure, name), seed=found.seed)
        for measure in found.scoring.measures
    }
    return Candidate(
        name=name,
        kind=asked.entrant.kind,
        deployment=endpoint.handle,
        model=endpoint.model,
        scores={measure: one for measure, one in scores.items() if one is not None},
        usage=usage_of(asked.answers, endpoint),
    )


def _cut(one: Candidate, manner: Manner) -> str:
    where = f"{manner.max_tokens} tokens" if manner.max_tokens else "the server's longest length"
    return (
        f"{one.usage.cut} of {one.usage.requests} answers of {one.name} were cut off at {where}: "
        "they are scored as they are; a larger `max_tokens` lets them end"
    )


def _differences(
    found: Findings, tuned: Candidate, candidates: Sequence[Candidate]
) -> Iterator[Difference]:
    for other in candidates:
        for measure in found.scoring.measures if other is not tuned else ():
            ours, theirs = (found.measured(measure, one.name) for one in (tuned, other))
            seen = difference(ours, theirs, against=other.name, seed=found.seed)
            if seen is not None:
                yield seen


def _pays(
    found: Findings, tuned: Candidate, candidates: Sequence[Candidate], verdict: Verdict
) -> BreakEven:
    other = next((one for one in candidates if one.name == verdict.against), None)
    alone = judging.alone(found.measure, len(candidates) - 1)
    if isinstance(found.spent, NoEstimate):
        return break_even(None, tuned, other, why_not=found.spent.reason, alone=alone)
    return break_even(found.spent.high, tuned, other, alone=alone)
