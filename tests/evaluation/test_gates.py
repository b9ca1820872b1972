"""Requirements: refused before anything is asked, and held against what came out."""

from __future__ import annotations

import pytest

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.evaluation.gates import held, parse
from finetune_sdk.types.comparison import (
    Candidate,
    Difference,
    Estimate,
    Gate,
    Usage,
    Verdict,
    Word,
)

MEASURES = ("exact_match", "tidy", "judge")


def tuned(**usage: float | None) -> Candidate:
    return Candidate(
        name="fine_tuned",
        kind="fine_tuned",
        scores={
            "exact_match": Estimate(value=0.8, low=0.7, high=0.9),
            "tidy": Estimate(value=12, low=11, high=13),
        },
        usage=Usage.model_validate({"requests": 50, "failed": 1, **usage}),
    )


def graded(text: str, rows: int, every: int) -> Gate:
    """A requirement on a measure that so many of so many rows have a grade by."""
    score = Estimate(value=1, low=0.9, high=1, rows=rows)
    one = Candidate(
        name="fine_tuned",
        kind="fine_tuned",
        scores={"judge": score, "json_fields": score},
        usage=Usage(requests=every),
    )
    verdict = Verdict(word="better", against="base", headline="")
    (found,) = held(
        parse([text], ("judge", "json_fields")),
        tuned=one,
        verdict=verdict,
        differences=(),
        measure="judge",
    )
    return found


def gate(
    text: str,
    *,
    word: Word = "better",
    rows: int = 50,
    against: str | None = "base",
    measure: str = "exact_match",
    **usage: float,
) -> Gate:
    gap = Difference(
        measure=measure,
        against="base",
        difference=Estimate(value=0.1, low=0.05, high=0.2),
        p_value=0.01,
        better=rows,
        worse=0,
        same=0,
        word=word,
    )
    (found,) = held(
        parse([text], MEASURES),
        tuned=tuned(**usage),
        verdict=Verdict(word=word, against=against, headline=""),
        differences=[gap] if against else [],
        measure=measure,
    )
    assert found.text == text
    return found


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("exact_match>=0.8", True),
        ("exact_match >= 80%", True),
        ("exact_match>80 %", False),
        ("exact_match<=.8", True),
        ("exact_match<0.8", False),
        ("exact_match == 8e-1", True),
        ("tidy>=12.5", False),
        ("tidy>-3", True),
        ("failed<=2%", True),
        ("failed<0.02", False),
        ("latency_p95<1.5", True),
        ("latency_p50<=0.1", False),
        ("prompt_tokens<200", True),
        ("completion_tokens<20", False),
        ("cost_per_thousand<=0.5", True),
    ],
)
def test_numbers_are_held(text: str, met: bool) -> None:
    found = gate(
        text,
        latency_p50=0.2,
        latency_p95=1.2,
        prompt_tokens=120.0,
        completion_tokens=30.0,
        cost_per_thousand=0.42,
    )
    assert found.met is met


def test_what_was_measured_is_told() -> None:
    found = gate("exact_match>=0.9")
    assert found.measured == "exact_match is 0.8 (95% interval 0.7 to 0.9)"
    assert gate("latency_p50<1", latency_p50=0.25).measured == "latency_p50 is 0.25 s"
    assert gate("cost_per_thousand<1", cost_per_thousand=2).measured.endswith("2 US dollars")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("judge<0.5", "judge is not known: no answer of fine_tuned was graded by it"),
        ("latency_p95<100", "latency_p95 is not known"),
        ("cost_per_thousand<100", "cost_per_thousand is not known: not known"),
    ],
)
def test_what_was_not_measured_is_not_met(text: str, why: str) -> None:
    found = gate(text)
    assert not found.met
    assert found.measured == why


@pytest.mark.parametrize(
    ("text", "word", "met"),
    [
        ("better", "better", True),
        ("better", "cannot_tell", False),
        ("better", "worse", False),
        ("not worse", "better", True),
        ("not worse", "cannot_tell", True),
        ("not  worse", "worse", False),
    ],
)
def test_words_are_held_against_the_verdict(text: str, word: Word, met: bool) -> None:
    found = gate(text, word=word)
    assert found.met is met
    assert found.measured == f"{word.replace('_', ' ')}, against base"


@pytest.mark.parametrize("text", ["better", "not worse"])
def test_too_few_rows_meet_no_word(text: str) -> None:
    found = gate(text, rows=19)
    assert not found.met
    assert found.measured == "19 row(s) are too few to tell anything, 20 are needed"
    alone = gate(text, against=None)
    assert not alone.met
    assert alone.measured == "there is nothing to compare with"


@pytest.mark.parametrize(
    ("rows", "every", "met", "told"),
    [
        (10, 40, False, ", on 10 of 40 rows"),
        (37, 40, False, ", on 37 of 40 rows"),
        (38, 40, True, ", on 38 of 40 rows"),
        (40, 40, True, ""),
        (19, 20, False, ", on 19 of 20 rows"),
        (19, 19, True, ", on 19 row(s) only"),
    ],
)
def test_a_measure_that_few_rows_have_meets_nothing(
    rows: int, every: int, met: bool, told: str
) -> None:
    found = graded("judge>=0.9", rows, every)
    assert found.met is met
    assert found.measured == f"judge is 1 (95% interval 0.9 to 1){told}"


def test_rows_that_a_measure_does_not_speak_of_may_be_many() -> None:
    assert graded("json_fields>=0.9", 20, 40).met
    assert not graded("json_fields>=0.9", 19, 40).met


@pytest.mark.parametrize("text", ["better", "not worse"])
def test_a_verdict_on_the_rows_that_could_be_graded_meets_no_word(text: str) -> None:
    found = gate(text, rows=30)
    assert not found.met
    assert found.measured == "better, against base, on 30 of 50 rows"
    assert gate(text, rows=30, measure="json_fields").met


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is none"),
        ("beter", r"is none \(did you mean `better`\?\)"),
        ("not-worse", r"did you mean `not worse`\?"),
        ("exact_match", "is none"),
        ("exact>=0.8", r"names 'exact', which is not measured.*`exact_match`, `tidy`, `judge`"),
        ("rouge_l>=0.8", "names 'rouge_l', which is not measured"),
        ("latency_p5<1", r"did you mean `latency_p95`\?"),
        ("exact_match=0.8", r"compares by '=' \(did you mean `==`\?\)"),
        ("exact_match=>0.8", r"compares by '=>' \(did you mean `>=`\?\)"),
        ("exact_match!=0.8", "compares by '!='"),
        ("exact_match>=", "is none"),
        ("exact_match>=much", "has 'much' for a number"),
        ("exact_match>=nan", "has 'nan' for a number"),
        ("tidy<inf", "has 'inf' for a number"),
        ("exact_match>=80", r"from 0 to 1; did you mean 80%\?"),
        ("exact_match>=800%", "from 0 to 1;"),
        ("failed<5", r"did you mean 5%\?"),
        ("latency_p50<5%", "`latency_p50` is no share"),
    ],
)
def test_what_cannot_be_understood_is_refused(text: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why) as caught:
        parse(["better", text], MEASURES)
    assert repr(text) in str(caught.value)
    assert "`exact_match>=0.8`" in str(caught.value)


def test_a_word_about_another_candidate() -> None:
    words: list[tuple[str, float, Word]] = [("base", 0.5, "better"), ("old", -0.5, "worse")]
    gaps = [
        Difference(
            measure="exact_match",
            against=name,
            difference=Estimate(value=value, low=value - 0.1, high=value + 0.1),
            p_value=0.01,
            better=30,
            worse=10,
            same=10,
            word=word,
        )
        for name, value, word in words
    ]
    wanted = parse(["better", "not worse than old", "better than base"], MEASURES, ["base", "old"])
    verdict = Verdict(word="better", against="base", headline="")
    found = held(wanted, tuned=tuned(), verdict=verdict, differences=gaps, measure="exact_match")
    assert [one.met for one in found] == [True, False, True]
    assert found[1].measured == "worse, against old"
    with pytest.raises(ConfigurationError, match="did you mean `old`"):
        parse(["not worse than odl"], MEASURES, ["base", "old"])
