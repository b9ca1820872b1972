"""The verdict in words, and advice that follows from what was measured."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from finetune_sdk.evaluation.judging import verdict
from finetune_sdk.evaluation.judging.standing import gap_of
from finetune_sdk.types.comparison import (
    Candidate,
    CandidateKind,
    Difference,
    Estimate,
    Usage,
    Verdict,
    Word,
)
from finetune_sdk.types.job import Metric


def near(value: float) -> Estimate:
    return Estimate(value=value, low=value - 0.1, high=value + 0.1)


def candidate(
    kind: CandidateKind, name: str | None = None, *, failed: int = 0, **scores: float
) -> Candidate:
    return Candidate(
        name=name or kind,
        kind=kind,
        scores={measure: near(value) for measure, value in scores.items()},
        usage=Usage(requests=44, failed=failed),
    )


def gap(
    against: str,
    value: float,
    low: float,
    high: float,
    word: Word,
    *,
    rows: int = 44,
    measure: str = "exact_match",
) -> Difference:
    return Difference(
        measure=measure,
        against=against,
        difference=Estimate(value=value, low=low, high=high),
        p_value=0.01,
        better=rows // 2,
        worse=1,
        same=rows - rows // 2 - 1,
        word=word,
    )


def judged(
    candidates: Sequence[Candidate],
    *gaps: Difference,
    rows: int = 44,
    learning: Sequence[Metric] = (),
    measure: str = "exact_match",
) -> Verdict:
    return verdict(
        candidates, gaps, measure=measure, rows=rows, training_rows=120, learning=learning
    )


def losses(split: str, *values: float, name: str = "loss") -> list[Metric]:
    return [
        Metric.model_validate({"step": at * 10, "name": name, "value": value, "split": split})
        for at, value in enumerate(values, start=1)
    ]


BETTER = (
    [
        candidate("base", exact_match=0.1),
        candidate("few_shot", exact_match=0.45),
        candidate("fine_tuned", exact_match=0.77),
        candidate("other", "gpt", exact_match=0.99),
    ],
    gap("few_shot", 0.32, 0.14, 0.48, "better"),
)
UNSURE = (
    [candidate("few_shot", exact_match=0.62), candidate("fine_tuned", exact_match=0.65)],
    gap("few_shot", 0.03, -0.09, 0.15, "cannot_tell"),
)


def test_better_by_how_much_and_than_what() -> None:
    found = judged(*BETTER)
    assert found.headline == (
        "Better: fine_tuned is right on 77% of 44 rows, 32 points more than few_shot, the best of "
        "the baselines (95% interval 14 to 48 points)."
    )
    assert (found.word, found.against) == ("better", "few_shot")
    assert found.advice == (
        "Deploy fine_tuned, and watch its exact_match on new rows: below 67%, the low end of its "
        "interval, it is no longer what was measured here.",
    )


def test_cannot_tell_asks_for_rows_or_for_no_training() -> None:
    found = judged(*UNSURE)
    assert found.headline == (
        "Cannot tell: fine_tuned is right on 65% of 44 rows, 3 points more than few_shot, which "
        "may be chance (95% interval -9 to 15 points)."
    )
    rows, none = found.advice
    # 44 x (2.80 x 0.0612 / 0.03)^2, to two digits.
    assert "about 1500 would tell" in rows
    assert "no fine-tune at all" in none
    assert "few_shot, which needs no training" in none


def test_worse_says_to_use_the_other() -> None:
    tuned = candidate("fine_tuned", rouge_l=0.5)
    found = judged(
        [candidate("retrieved", rouge_l=0.7), candidate("base", rouge_l=0.3), tuned],
        gap("retrieved", -0.2, -0.31, -0.104, "worse", measure="rouge_l"),
        measure="rouge_l",
    )
    assert found.headline == (
        "Worse: fine_tuned scores 0.50 by rouge_l on 44 rows, 0.20 less than retrieved, the best "
        "of the others (95% interval -0.31 to -0.10)."
    )
    assert found.advice[0].startswith("No fine-tune: use retrieved, which needs no training")


def test_ten_rows_tell_nothing() -> None:
    found = judged(
        [candidate("base", exact_match=0.0), candidate("fine_tuned", exact_match=1.0)],
        gap("base", 1.0, 0.7, 1.0, "better", rows=10),
        rows=10,
    )
    assert found.word == "cannot_tell"
    assert found.headline == (
        "Cannot tell: 10 rows are too few to tell anything, 20 are needed; fine_tuned is right on "
        "100%, base 0%."
    )
    assert [one.partition(":")[0] for one in found.advice] == ["More test rows"]


def test_rows_without_a_grade_are_told() -> None:
    scores = {"judge": Estimate(value=0.9, low=0.8, high=1, rows=30)}
    tuned = Candidate(name="fine_tuned", kind="fine_tuned", scores=scores, usage=Usage(requests=44))
    found = judged(
        [candidate("base", judge=0.5), tuned],
        gap("base", 0.4, 0.2, 0.6, "better", rows=28, measure="judge"),
        measure="judge",
    )
    assert found.headline == (
        "Better: fine_tuned scores 0.90 by judge on the 30 of 44 rows that were graded, 0.40 more "
        "than base on the 28 rows graded for both (95% interval 0.20 to 0.60)."
    )
    assert found.advice[1] == (
        "Look at the grades that are missing: fine_tuned and base were both graded by judge on "
        "28 of 44 rows, and the others may be those that are bad."
    )


def test_few_answers_tell_nothing_either() -> None:
    found = judged(BETTER[0], gap("few_shot", 0.32, 0.14, 0.48, "better", rows=12))
    assert found.headline.startswith(
        "Cannot tell: 12 of 44 rows were graded for both and are too few to tell anything"
    )


@pytest.mark.parametrize(
    ("candidates", "said"),
    [
        ([candidate("fine_tuned", exact_match=0.5)], "nothing to compare with.* 50% of 44 rows"),
        ([candidate("fine_tuned")], "no answer of fine_tuned could be graded by exact_match"),
        ([candidate("base"), candidate("fine_tuned", exact_match=0.5)], "of the others was graded"),
        (UNSURE[0], "no row was graded by exact_match for both fine_tuned and few_shot"),
    ],
)
def test_nothing_to_go_by(candidates: list[Candidate], said: str) -> None:
    found = judged(candidates)
    assert found.word == "cannot_tell"
    assert re.search(said, found.headline)
    assert found.advice == ()


def test_another_deployment_counts_where_there_is_nothing_else() -> None:
    found = judged(
        [candidate("other", "gpt", exact_match=0.9), candidate("fine_tuned", exact_match=0.4)],
        gap("gpt", -0.5, -0.6, -0.3, "worse"),
    )
    assert found.against == "gpt"
    assert found.advice == (
        "No fine-tune: use gpt; it scores more (95% interval -60 to -30 points).",
    )


def test_no_difference_at_all() -> None:
    found = judged(
        [candidate("base", exact_match=0.5), candidate("fine_tuned", exact_match=0.5)],
        gap("base", 0.0, -0.08, 0.08, "cannot_tell"),
    )
    assert "50% of 44 rows, as much as base (95% interval -8 to 8 points)" in found.headline
    assert [one[:10] for one in found.advice] == ["Perhaps no"]


@pytest.mark.parametrize(
    ("share", "told"), [(0.998, "99.8%"), (0.002, "0.2%"), (1.0, "100%"), (0.775, "78%")]
)
def test_all_and_none_are_said_of_nothing_less(share: float, told: str) -> None:
    tuned = Candidate(
        name="fine_tuned",
        kind="fine_tuned",
        scores={"accuracy": Estimate(value=share, low=0, high=1)},
        usage=Usage(requests=1),
    )
    assert f"right on {told} of" in judged([tuned], measure="accuracy").headline


def advice(*learning: Metric, score: float = 0.8, json_valid: float = 1.0) -> list[str]:
    """What is said beyond deploying, by its first words."""
    tuned = candidate("fine_tuned", exact_match=score, json_valid=json_valid)
    found = judged(
        [candidate("base", exact_match=0.1), tuned],
        gap("base", 0.3, 0.1, 0.5, "better"),
        learning=learning,
    )
    return list(found.advice[1:])


def test_a_validation_loss_that_rises_asks_for_fewer_epochs() -> None:
    (found,) = advice(
        *losses("train", 2.0, 1.0, 0.5, 0.2, 0.1), *losses("validation", 2.0, 1.5, 1.2, 1.4, 1.6)
    )
    assert found.startswith("Fewer epochs, or more rows than the 120: the validation loss was")
    assert "least at step 30, 1.2, and has risen to 1.6" in found


def test_a_loss_that_falls_asks_for_more_epochs() -> None:
    (found,) = advice(*losses("validation", 2.0, 1.5, 1.2), *losses("train", 1.9, 1.4, 1.1))
    assert found.startswith("More epochs: the validation loss still fell at the end, from 2 at")
    (found,) = advice(*losses("train", *(3 - step / 20 for step in range(40))))
    assert found.startswith("More epochs: the training loss still fell")


def test_a_loss_that_falls_apart_from_that_of_the_rows_is_one_advice() -> None:
    (found,) = advice(
        *losses("train", 0.09, 0.03, 0.01), *losses("validation", 0.0899, 0.085, 0.0788)
    )
    assert found == (
        "More epochs or more rows than the 120: the validation loss still fell at the end, from "
        "0.0899 at first to 0.0788; on the rows that were learned it is 0.01."
    )


def test_a_training_loss_says_nothing_where_there_is_one_of_validation() -> None:
    assert not advice(*losses("validation", 1.0, 1.0, 1.0), *losses("train", 2.0, 1.5, 1.2))


def test_rows_that_are_known_by_heart_ask_for_more_of_them() -> None:
    (found,) = advice(
        *losses("train", 2.0, 0.4, 0.3, 0.3), *losses("validation", 2.0, 1.2, 1.2, 1.2)
    )
    assert found.startswith("More rows to learn from than the 120: the loss is 0.3 on them and 1.2")


def test_flat_losses_and_a_low_score_ask_for_a_bigger_base() -> None:
    flat = losses("validation", 2.0, 1.2, 1.2, 1.2)
    (found,) = advice(*flat, score=0.3)
    assert found == (
        "A bigger base model: the loss no longer moved at the end (1.2), and exact_match is 30%."
    )
    assert not advice(*flat, score=0.8)


def test_the_loss_of_all_rows_goes_before_that_of_a_batch() -> None:
    noisy = losses("validation", 2.0, 1.0, 0.5)
    assert not advice(*noisy, *losses("validation", 1.0, 1.0, 1.0, name="full_loss"))


@pytest.mark.parametrize("values", [(), (1.0,), (-1.0, -2.0, -3.0), (0.0, 0.0)])
def test_losses_that_say_nothing(values: Sequence[float]) -> None:
    assert not advice(*losses("validation", *values), *losses("train", *values))


def test_a_wrong_format_is_looked_at_first() -> None:
    (found,) = advice(score=0.2, json_valid=0.4)
    assert found.startswith("Look at the format: only 40% of the answers of fine_tuned are JSON")
    assert not advice(score=0.2, json_valid=0.95)


def test_failed_requests_are_named() -> None:
    found = judged(
        [
            candidate("base", exact_match=0.1, failed=2),
            candidate("fine_tuned", exact_match=0.8, failed=12),
        ],
        gap("base", 0.3, 0.1, 0.5, "better"),
    )
    assert found.advice[1:] == (
        "Look at the requests that failed: 12 of 44 to fine_tuned gave no answer, "
        "which counts as wrong.",
    )


def test_a_difference_at_the_edge_and_one_too_small_to_look_for() -> None:
    edge = judged(UNSURE[0], gap("few_shot", 0.2, 0.1, 0.3, "cannot_tell", rows=200))
    assert edge.advice[0].startswith("More test rows than the 200")
    tiny = judged(UNSURE[0], gap("few_shot", 1e-4, -0.1, 0.1, "cannot_tell"))
    assert [one[:10] for one in tiny.advice] == ["Perhaps no"]
    assert "0.01 points more than few_shot" in tiny.headline


def test_the_gap_is_found_by_measure_and_name() -> None:
    found = gap("b", 0.1, 0, 1, "better", measure="m")
    assert gap_of([gap("a", 0.1, 0, 1, "better", measure="m"), found], "m", "b") is found
    assert gap_of([found], "n", "b") is None
