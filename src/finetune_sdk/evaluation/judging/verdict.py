"""The word and the sentence."""

from __future__ import annotations

from collections.abc import Sequence

from finetune_sdk.evaluation.judging.advice import advice
from finetune_sdk.evaluation.judging.standing import Standing, alone, standing_of
from finetune_sdk.evaluation.statistics import MIN_ROWS
from finetune_sdk.types.comparison import Candidate, Difference, Estimate, Verdict, Word
from finetune_sdk.types.job import Metric

_WORDS: dict[Word, str] = {"better": "Better", "worse": "Worse", "cannot_tell": "Cannot tell"}


def verdict(
    candidates: Sequence[Candidate],
    differences: Sequence[Difference],
    *,
    measure: str,
    rows: int,
    training_rows: int | None = None,
    learning: Sequence[Metric] = (),
) -> Verdict:
    """Was it worth it?

    Args:
        candidates: the fine-tuned model is one.
        differences: of the fine-tuned model to the others.
        measure: the one that counts.
        rows: of the test data.
        training_rows: None where they are not known.
        learning: what the job measured; empty where that is not known.
    """
    found = standing_of(
        candidates,
        differences,
        measure=measure,
        rows=rows,
        training_rows=training_rows,
        learning=learning,
    )
    return Verdict(
        word=found.word,
        against=found.best.name if found.best else None,
        headline=f"{_WORDS[found.word]}: {_sentence(found)}.",
        advice=advice(found),
    )


def _sentence(found: Standing) -> str:
    score, name = found.tuned.scores.get(found.measure), found.tuned.name
    if score is None:
        return f"no answer of {name} could be graded by {found.measure}"
    if found.best is None:
        there = f"{_scores(found, score)} (95% interval {_ends(found, score)})"
        return f"{alone(found.measure, found.asked)}; {name} {there}"
    if found.gap is None:
        return f"no row was graded by {found.measure} for both {name} and {found.best.name}"
    if found.is_small:
        return _few(found, score, found.best)
    return f"{name} {_scores(found, score)}, {_apart(found, found.gap, found.best)}"


def _few(found: Standing, score: Estimate, best: Candidate) -> str:
    rows = f"{found.rows} row{'s are' if found.rows != 1 else ' is'}"
    if found.pairs < found.rows:
        rows = f"{found.pairs} of {found.rows} rows were graded for both and are"
    ours, other = found.told(score), found.told(best.scores[found.measure])
    how = f"is right on {ours}" if found.counts_right else f"scores {ours} by {found.measure}"
    both = f"{found.tuned.name} {how}, {best.name} {other}"
    return f"{rows} too few to tell anything, {MIN_ROWS} are needed; {both}"


def _scores(found: Standing, score: Estimate) -> str:
    rows, less = f"{found.rows} rows", score.rows is not None and score.rows < found.rows
    if less:
        rows = f"the {score.rows} of {rows} that were graded"
    if found.counts_right:
        return f"is right on {found.told(score)} of {rows}"
    return f"scores {found.told(score)} by {found.measure} on {rows}"


def _ends(found: Standing, score: Estimate) -> str:
    if found.counts_right:
        return f"{100 * score.low:.0f} to {100 * score.high:.0f}%"
    return f"{score.low:.2f} to {score.high:.2f}"


def _apart(found: Standing, gap: Difference, best: Candidate) -> str:
    group = "baselines" if found.beside else "others"
    which = f"{best.name}, the best of the {group}" if found.others > 1 else best.name
    luck = ", which may be chance" if found.word == "cannot_tell" and gap.difference.value else ""
    rows = f" on the {found.pairs} rows graded for both" if found.pairs < found.rows else ""
    return f"{_more(found, gap.difference.value)} {which}{rows}{luck} ({found.between()})"


def _more(found: Standing, value: float) -> str:
    if not value:
        return "as much as"
    size = found.points(abs(value))
    unit = "" if not found.counts_right else (" point" if size == "1" else " points")
    return f"{size}{unit} {'more' if value > 0 else 'less'} than"
