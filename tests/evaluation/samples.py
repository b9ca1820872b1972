"""Comparisons as they come out: a real one's likeness, and the ends of what there may be."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from finetune_sdk.types import DatasetFile, Job, JobStatus, Metric, Supervised
from finetune_sdk.types.comparison import (
    Answer,
    BreakEven,
    Candidate,
    CandidateKind,
    ComparedRow,
    Comparison,
    Difference,
    Estimate,
    Gate,
    Usage,
    Verdict,
)

RECIPES = Path(__file__).parents[2] / "examples" / "recipes" / "test.jsonl"
NOON = datetime(2026, 3, 5, 12, 30, tzinfo=UTC)
MEASURES = ("exact_match", "json_valid", "json_fields", "rouge_l")
BASE = "HuggingFaceTB/SmolLM2-135M-Instruct"

JOB = Job(
    id="ft-20260305-7c1d",
    provider="local",
    profile="laptop",
    status=JobStatus.SUCCEEDED,
    model=BASE,
    method=Supervised(epochs=2, batch_size=8, learning_rate=1e-3, lora=True),
    fine_tuned_model="ft-20260305-7c1d",
    training_file=DatasetFile(id="sha256-1", name="train.jsonl", rows=160),
    validation_file=DatasetFile(id="sha256-2", name="validation.jsonl", rows=32),
    created_at=NOON - timedelta(hours=1),
    started_at=NOON - timedelta(minutes=58),
    finished_at=NOON - timedelta(minutes=49),
    suffix="recipes",
    seed=7,
    trained_tokens=14_632,
    settings={"precision": "float32, for a CPU without bfloat16"},
)

LEARNING = tuple(
    Metric(step=step, name="loss", value=1.9 / (1 + step / 6), split="train")
    for step in range(1, 41)
) + tuple(
    Metric(step=step, name="loss", value=2.0 / (1 + step / 7), split="validation")
    for step in (10, 20, 30, 40)
)

_CHANCES: dict[CandidateKind, float] = {
    "base": 0.0,
    "few_shot": 0.3,
    "retrieved": 0.5,
    "fine_tuned": 0.86,
}


def recipes() -> Comparison:
    """44 recipes, 4 candidates, the losses of a job: better."""
    rows = _rows()
    kinds: tuple[CandidateKind, ...] = ("base", "few_shot", "retrieved", "fine_tuned")
    differences = tuple(
        _difference(name, measure, rows) for name in kinds[:3] for measure in MEASURES
    )
    gain = next(
        one.difference.value
        for one in differences
        if (one.against, one.measure) == ("retrieved", "exact_match")
    )
    return Comparison(
        created_at=NOON,
        created_by="finetune-anywhere 0.1.0",
        provider="local",
        job=JOB,
        learning=LEARNING,
        test_data="test.jsonl",
        rows=len(rows),
        training_rows=160,
        measure="exact_match",
        measures=MEASURES,
        seed=7,
        candidates=tuple(_candidate(kind, rows) for kind in kinds),
        differences=differences,
        verdict=Verdict(
            word="better",
            against="retrieved",
            headline=f"The fine-tuned model gets {gain:.2f} more of exact match than the base "
            "model with retrieved examples.",
            advice=(
                "Keep it: it also answers in a third of the tokens.",
                "More rows: the validation loss still falls at the end.",
            ),
        ),
        break_even=BreakEven(
            requests=18_400,
            against="retrieved",
            training_cost=1.84,
            saved_per_thousand=0.1,
            reason="training cost $1.84; a thousand requests cost $0.10 less than with retrieved "
            "examples.",
        ),
        gates=(
            Gate(text="exact_match>=0.8", measured="0.818", met=True),
            Gate(text="json_valid>=0.99", measured="0.977", met=False),
        ),
        compared=rows,
        warnings=("1 answer of `few_shot` failed and counts as wrong.",),
    )


def _rows() -> tuple[ComparedRow, ...]:
    chance = random.Random(7)  # noqa: S311 - a sample, and no secret
    rows: list[ComparedRow] = []
    for line, text in enumerate(RECIPES.read_text(encoding="utf-8").splitlines(), start=1):
        *asked, answer = json.loads(text)["messages"]
        expected = answer["content"]
        answers = {kind: _answer(kind, expected, chance) for kind in _CHANCES}
        if line == 9:
            answers["few_shot"] = Answer(error="the server did not answer within 60 s")
        rows.append(
            ComparedRow(line=line, messages=tuple(asked), expected=expected, answers=answers)
        )
    return tuple(rows)


def _answer(kind: CandidateKind, expected: str, chance: random.Random) -> Answer:
    right, valid = chance.random() < _CHANCES[kind], chance.random() < _CHANCES[kind] + 0.3
    names = json.loads(expected)
    text = expected if right else json.dumps([*names[:-1], f"{names[-1]}, thinly sliced"])
    if not right and not valid:
        text = "Here are the ingredients:\n" + "\n".join(f"- {name}" for name in names)
    scores = {
        "exact_match": float(right),
        "json_valid": float(right or valid),
        "json_fields": 1.0 if right else (1 - 1 / len(names)) * valid,
        "rouge_l": 1.0 if right else 0.7,
    }
    return Answer(
        text=text,
        scores=scores,
        seconds=0.4,
        prompt_tokens=400 if kind in ("few_shot", "retrieved") else 60,
        completion_tokens=24,
    )


def _candidate(kind: CandidateKind, rows: Sequence[ComparedRow]) -> Candidate:
    answered = [row.answers[kind] for row in rows if row.answers[kind].text is not None]
    means = {
        measure: sum(one.scores[measure] for one in answered) / len(rows) for measure in MEASURES
    }
    long = kind in ("few_shot", "retrieved")
    return Candidate(
        name=kind,
        kind=kind,
        deployment=f"laptop:recipes-{kind.replace('_', '-')}",
        model=JOB.fine_tuned_model if kind == "fine_tuned" else BASE,
        scores={name: around(value) for name, value in means.items()},
        usage=Usage(
            requests=len(rows),
            failed=len(rows) - len(answered),
            cached=12 if kind == "base" else 0,
            latency_p50=1.4 if long else 0.43,
            latency_p95=3.1 if long else 0.96,
            prompt_tokens=402.3 if long else 61.5,
            completion_tokens=24.2,
            cost_per_thousand={"fine_tuned": 0.042, "base": 0.04}.get(kind, 0.142),
            cost_source="$0.30 an hour of this machine, by the time of an answer",
        ),
    )


def around(value: float, by: float = 0.13) -> Estimate:
    """An estimate with an interval inside of 0 and 1."""
    return Estimate(value=value, low=max(0.0, value - by), high=min(1.0, value + by))


def _difference(name: str, measure: str, rows: Sequence[ComparedRow]) -> Difference:
    changes = [
        row.answers["fine_tuned"].scores[measure] - row.answers[name].scores.get(measure, 0.0)
        for row in rows
    ]
    mean = sum(changes) / len(changes)
    return Difference(
        measure=measure,
        against=name,
        difference=Estimate(value=mean, low=mean - 0.15, high=min(1.0, mean + 0.15)),
        p_value=0.0004 if mean > 0.2 else 0.041,
        better=sum(change > 0 for change in changes),
        worse=sum(change < 0 for change in changes),
        same=sum(change == 0 for change in changes),
        word="better" if mean > 0.15 else "cannot_tell",
    )


def alone() -> Comparison:
    """The fine-tuned model and nothing to hold it against; no job, no price, no row kept."""
    return Comparison(
        created_at=NOON,
        created_by="finetune-anywhere 0.1.0",
        provider="openai",
        test_data="test.jsonl",
        rows=1,
        measure="exact_match",
        measures=("exact_match",),
        candidates=(
            Candidate(
                name="fine_tuned",
                kind="fine_tuned",
                scores={"exact_match": Estimate(value=1, low=1, high=1)},
                usage=Usage(requests=1),
            ),
        ),
        verdict=Verdict(word="cannot_tell", headline="One row is too few to tell anything."),
        break_even=BreakEven(reason="The price of the training is not known."),
    )


def one_row() -> Comparison:
    """One row of the recipes."""
    full = recipes()
    return full.model_copy(update={"compared": full.compared[:1], "rows": 1})


def never_paid() -> Comparison:
    """Prices are known, and the training never pays for itself."""
    reason = "Never: a thousand requests cost $0.002 more than with the base model."
    even = BreakEven(against="base", training_cost=1.84, saved_per_thousand=-0.002, reason=reason)
    return recipes().model_copy(update={"break_even": even, "learning": ()})


def many() -> Comparison:
    """Twelve measures, long names, another deployment with scores beyond 1."""
    full = recipes()
    measures = tuple(f"measure_{place}_of_a_function_with_a_long_name" for place in range(12))
    scores = {name: around(0.05 * place) for place, name in enumerate(measures)}
    scores[measures[-1]] = Estimate(value=812.5, low=-3, high=2041)
    other = Candidate(
        name="gpt-of-the-other-team-in-the-west-with-a-name-that-does-not-end",
        kind="other",
        deployment="azure-west:gpt-of-the-other-team",
        model="ft:gpt-4.1-mini-2025-04-14:the-organisation-with-a-long-name::" + "C0ffee" * 10,
        scores=scores,
        usage=Usage(requests=44, failed=44),
    )
    known = tuple(one.model_copy(update={"scores": scores}) for one in full.candidates)
    return full.model_copy(
        update={"measures": measures, "measure": measures[0], "candidates": (*known, other)}
    )


def large(rows: int = 5000, answer: str = 'a "long" <answer> & more ' * 400) -> Comparison:
    """Thousands of rows with long answers, each of them changed, and a long training."""
    full = recipes()
    compared = tuple(
        ComparedRow(
            line=line,
            messages=({"role": "user", "content": answer},),
            expected=answer,
            answers={
                "base": Answer(error=answer),
                "retrieved": Answer(text=answer, scores={"exact_match": line % 2}),
                "fine_tuned": Answer(text=answer, scores={"exact_match": (line + 1) % 2}),
            },
        )
        for line in range(1, rows + 1)
    )
    learning = tuple(
        Metric(step=step, name="loss", value=1 + step % 7, split="train")
        for step in range(1, 20_001)
    )
    return full.model_copy(update={"compared": compared, "rows": rows, "learning": learning})


def hostile(text: str) -> Comparison:
    """The text of a stranger wherever one may stand."""
    answer = Answer(text=text, calls=text, scores={"exact_match": 1.0}, label=text)
    wrong = Answer(text=text, scores={"exact_match": 0.0})
    names: tuple[tuple[str, CandidateKind], ...] = (("fine_tuned", "fine_tuned"), (text, "other"))
    candidates = tuple(
        Candidate(
            name=name,
            kind=kind,
            deployment=text,
            model=text,
            scores={text: around(0.5), "exact_match": around(0.5)},
            usage=Usage(requests=2, failed=1, cost_source=text, cost_per_thousand=1.5),
        )
        for name, kind in names
    )
    job = JOB.model_copy(
        update={"id": text, "model": text, "fine_tuned_model": text, "settings": {text: text}}
    )
    return Comparison(
        created_at=NOON,
        created_by=text,
        provider=text,
        job=job,
        test_data=text,
        rows=2,
        measure="exact_match",
        measures=("exact_match", text),
        candidates=candidates,
        differences=(
            Difference(
                measure=text,
                against=text,
                difference=around(0.5),
                p_value=0.5,
                better=1,
                worse=0,
                same=1,
                word="cannot_tell",
            ),
        ),
        verdict=Verdict(word="worse", against=text, headline=text, advice=(text,)),
        break_even=BreakEven(
            requests=10, against=text, training_cost=1, saved_per_thousand=1, reason=text
        ),
        gates=(Gate(text=text, measured=text, met=False),),
        compared=(
            ComparedRow(
                line=1,
                messages=({"role": "user", "content": text},),
                expected=text,
                expected_calls=text,
                answers={"fine_tuned": answer, text: wrong},
            ),
            ComparedRow(
                line=2,
                messages=({"role": "user", "content": [{"type": "text", "text": text}]},),
                answers={"fine_tuned": wrong, text: Answer(error=text)},
            ),
        ),
        warnings=(text,),
    )
