"""Intervals and tests, held against other people's programs."""

from __future__ import annotations

import random
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_sdk.evaluation.statistics import (
    MIN_ROWS,
    difference,
    estimate,
    measured,
    rows_needed,
)
from finetune_sdk.types.comparison import Answer, ComparedRow, Difference, Estimate

stats: Any = import_module("scipy.stats")
sklearn: Any = import_module("sklearn.metrics")

Scores = Sequence[float | None]
MACRO = ("precision", "recall", "f1")


def lots(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - no secret


def rows(ours: Scores, theirs: Scores | None = None, measure: str = "m") -> list[ComparedRow]:
    others = theirs if theirs is not None else [None] * len(ours)
    return [
        ComparedRow(
            line=line,
            messages=(),
            answers={
                name: Answer(scores={} if score is None else {measure: score})
                for name, score in (("a", one), ("b", other))
            },
        )
        for line, (one, other) in enumerate(zip(ours, others, strict=True), start=1)
    ]


def labelled(wanted: Sequence[str], **said: Sequence[str | None]) -> list[ComparedRow]:
    return [
        ComparedRow(
            line=at + 1,
            messages=(),
            label=label,
            answers={
                name: Answer(scores={"accuracy": float(one[at] == label)}, label=one[at])
                for name, one in said.items()
            },
        )
        for at, label in enumerate(wanted)
    ]


def of(ours: Scores, *, seed: int = 0) -> Estimate:
    found = estimate(measured("m", "a", rows(ours)), seed=seed)
    assert found is not None
    return found


def apart(ours: Scores, theirs: Scores, *, seed: int = 0) -> Difference:
    both = rows(ours, theirs)
    found = difference(measured("m", "a", both), measured("m", "b", both), against="b", seed=seed)
    assert found is not None
    return found


def test_a_mean_has_about_the_interval_of_its_standard_error() -> None:
    lot = lots(1)
    found = of([lot.gauss(5, 2) for _ in range(400)])
    assert found.value == pytest.approx(5, abs=0.3)
    assert found.high - found.low == pytest.approx(2 * 1.96 * 2 / 400**0.5, rel=0.15)


def test_rows_without_a_grade_are_left_out() -> None:
    assert of([1, None, 0, None, 1, 0]).value == 0.5
    assert of([0.2, None, 0.4] * 5) == of([0.2, 0.4] * 5)
    assert of([1, None, 0, None, 1, 0]).rows == 4
    assert [of([one] * 3 + [None]).rows for one in (0, 1)] == [3, 3]
    assert estimate(measured("m", "a", rows([None, None]))) is None
    assert estimate(measured("m", "a", [])) is None
    assert estimate(measured("m", "nobody", rows([1.0]))) is None


@pytest.mark.parametrize("count", [1, 20, 300])
def test_all_right_and_all_wrong_are_not_sure(count: int) -> None:
    right, wrong = of([1] * count), of([0] * count)
    exact = stats.binomtest(count, count).proportion_ci(method="exact")
    assert [right.value, right.low, right.high] == pytest.approx([1, exact.low, 1])
    assert [wrong.value, wrong.low, wrong.high] == pytest.approx([0, 0, 1 - exact.low])


def test_other_scores_that_are_all_the_same_have_no_width() -> None:
    found = of([0.3] * 30)
    assert found.low == found.value == found.high
    assert of([0.7]) == Estimate(value=0.7, low=0.7, high=0.7, rows=1)


@pytest.mark.parametrize("measure", MACRO)
@pytest.mark.parametrize("labels", [("x", "y", "z"), ("x", "y", "z", "never")])
def test_means_over_labels_are_those_of_scikit_learn(measure: str, labels: tuple[str, ...]) -> None:
    lot = lots(2)
    wanted = [lot.choice("xxyz") for _ in range(60)]
    said = [one if lot.random() < 0.6 else lot.choice(["x", "y", "z", None]) for one in wanted]
    theirs = sklearn.precision_recall_fscore_support(
        wanted, [one or "?" for one in said], labels=labels, average="macro", zero_division=0
    )
    found = estimate(measured(measure, "a", labelled(wanted, a=said), labels=labels))
    assert found is not None
    assert found.value == pytest.approx(theirs[MACRO.index(measure)])
    assert found.low < found.value < found.high


@pytest.mark.parametrize("measure", MACRO)
def test_answers_that_are_never_right_or_never_given(measure: str) -> None:
    wanted = ["x", "y"] * 15
    for said in (["y", "x"] * 15, [None] * 30):
        found = estimate(measured(measure, "a", labelled(wanted, a=said), labels=("x", "y")))
        assert found is not None
        assert (found.value, found.low) == (0, 0)
        assert 0 < found.high < 0.2
    found = estimate(measured(measure, "a", labelled(wanted, a=wanted), labels=("x", "y")))
    assert found is not None
    assert found.value == found.high == 1
    assert 0.8 < found.low < 1


def test_a_label_that_a_drawing_misses_is_no_fault_of_the_model() -> None:
    """A rare label that is always right would else pull the interval down to half."""
    wanted = ["x"] * 29 + ["y"]
    said = ["y" if at < 3 else one for at, one in enumerate(wanted)]
    found = estimate(measured("recall", "a", labelled(wanted, a=said), labels=("x", "y")))
    assert found is not None
    assert found.low > 0.75


@pytest.mark.parametrize(("better", "worse"), [(9, 2), (5, 5), (12, 1), (3, 0), (1, 0), (0, 0)])
def test_few_rows_that_differ_are_tested_exactly(better: int, worse: int) -> None:
    """Which is McNemar's exact test, also called the sign test."""
    ours = [1.0] * better + [0.0] * worse + [1.0] * 20
    theirs = [0.0] * better + [1.0] * worse + [1.0] * 20
    found = apart(ours, theirs)
    exact = stats.binomtest(better, better + worse).pvalue if better + worse else 1.0
    assert found.p_value == pytest.approx(exact)
    assert (found.better, found.worse, found.same) == (better, worse, 20)


def test_many_rows_that_differ_are_tested_nearly_so() -> None:
    ours, theirs = [1.0] * 60 + [0.0] * 40, [0.0] * 60 + [1.0] * 40
    exact = stats.binomtest(60, 100).pvalue
    assert apart(ours, theirs).p_value == pytest.approx(exact, abs=0.015)


def test_a_difference_is_on_rows_that_both_have() -> None:
    found = apart([1.0, None, 0.0, 1.0], [None, 1.0, 0.0, 0.0])
    assert (found.better, found.worse, found.same) == (1, 0, 1)
    assert found.difference.value == 0.5
    both = rows([1.0, None], [None, 1.0])
    assert difference(measured("m", "a", both), measured("m", "b", both), against="b") is None


def test_words_need_interval_chance_and_rows() -> None:
    assert apart([1.0] * 12 + [0.0] * 8, [0.0] * 20).word == "better"
    assert apart([0.0] * 20, [1.0] * 12 + [0.0] * 8).word == "worse"
    assert apart([1.0] * 3 + [0.0] * 17, [0.0] * 20).word == "cannot_tell"
    assert apart([1.0] * (MIN_ROWS - 1), [0.0] * (MIN_ROWS - 1)).word == "cannot_tell"
    assert apart([1.0] * MIN_ROWS, [0.0] * MIN_ROWS).word == "better"


def test_the_same_throughout_is_not_sure_to_be_the_same() -> None:
    found = apart([1.0, 0.0] * 10, [1.0, 0.0] * 10).difference
    assert found.value == 0
    assert found.low == -found.high
    assert 0.1 < found.high < 0.2
    always = apart([1.0] * 20, [0.0] * 20).difference
    assert (always.value, always.high) == (1, 1)
    assert 0.8 < always.low < 0.9


def test_the_difference_of_f1_is_that_of_the_two() -> None:
    lot = lots(3)
    wanted = [lot.choice("xyz") for _ in range(80)]
    good = [one if lot.random() < 0.9 else "x" for one in wanted]
    bad = [one if lot.random() < 0.4 else "x" for one in wanted]
    both = labelled(wanted, a=good, b=bad)
    ours, theirs = (measured("f1", name, both, labels=("x", "y", "z")) for name in "ab")
    one, other = estimate(ours), estimate(theirs)
    found = difference(ours, theirs, against="b")
    assert one is not None
    assert other is not None
    assert found is not None
    assert found.difference.value == pytest.approx(one.value - other.value)
    assert found.word == "better"
    right = [(a == w) - (b == w) for a, b, w in zip(good, bad, wanted, strict=True)]
    assert (found.better, found.worse) == (right.count(1), right.count(-1))


score = st.sampled_from([0.0, 1.0]) | st.floats(-1e6, 1e6) | st.none()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(score, score), min_size=1, max_size=40), st.integers(0, 9))
def test_whatever_the_scores(pairs: list[tuple[float | None, float | None]], seed: int) -> None:
    ours, theirs = [a for a, _ in pairs], [b for _, b in pairs]
    both = rows(ours, theirs)
    one, other = measured("m", "a", both), measured("m", "b", both)
    alone = estimate(one, seed=seed)
    assert (alone is None) == all(score is None for score in ours)
    if alone is not None:
        assert alone.low <= alone.value <= alone.high
    there, back = (
        difference(one, other, against="b", seed=seed),
        difference(other, one, against="a", seed=seed),
    )
    assert (there is None) == (back is None)
    if there is None or back is None:
        return
    assert there.difference.low <= there.difference.value <= there.difference.high
    assert there.difference.value == -back.difference.value
    assert 0 <= there.p_value <= 1
    assert there.p_value == back.p_value
    assert (there.better, there.worse, there.same) == (back.worse, back.better, back.same)
    assert there == difference(one, other, against="b", seed=seed)


label = st.sampled_from(["x", "y", "z"])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(label, label | st.none(), label | st.none()), min_size=1, max_size=30))
def test_whatever_the_labels(found: list[tuple[str, str | None, str | None]]) -> None:
    both = labelled(
        [w for w, _, _ in found], a=[a for _, a, _ in found], b=[b for _, _, b in found]
    )
    for measure in MACRO:
        one, other = (measured(measure, name, both, labels=("x", "y", "z")) for name in "ab")
        alone, gap = estimate(one), difference(one, other, against="b")
        assert alone is not None
        assert gap is not None
        assert 0 <= alone.low <= alone.value <= alone.high <= 1
        assert -1 <= gap.difference.low <= gap.difference.value <= gap.difference.high <= 1
        assert 0 <= gap.p_value <= 1


def test_another_seed_draws_others() -> None:
    lot = lots(4)
    scores = [lot.random() for _ in range(50)]
    assert of(scores, seed=1) == of(scores, seed=1)
    assert of(scores, seed=1) != of(scores, seed=2)


def test_rows_that_are_needed_tell_the_difference_most_times() -> None:
    # Right on 70 % and on 50 %, each by itself: the variance of a pair is 0.46.
    cells = [(1.0, 1.0)] * 140 + [(1.0, 0.0)] * 140 + [(0.0, 1.0)] * 60 + [(0.0, 0.0)] * 60
    needed = rows_needed(apart(*zip(*cells, strict=True)))
    assert needed == pytest.approx((1.96 + 0.84) ** 2 * 0.46 / 0.2**2, rel=0.05)
    lot = lots(5)
    told = [
        apart(*zip(*lot.choices(cells, k=int(needed or 0)), strict=True)).word for _ in range(40)
    ]
    assert 0.6 < told.count("better") / len(told) < 0.95


def test_no_number_of_rows_tells_no_difference() -> None:
    assert rows_needed(apart([1.0, 0.0] * 10, [1.0, 0.0] * 10)) is None
    assert rows_needed(apart([1.0] * 5, [0.0] * 5)) == MIN_ROWS
