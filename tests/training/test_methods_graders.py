"""Graders against cases worked out by hand. Needs no torch."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from typing import Literal

import pytest

from finetune_sdk.errors import ConfigurationError, UnsupportedError
from finetune_sdk.providers.local import rewards
from finetune_sdk.providers.local.capabilities import CAPABILITIES
from finetune_sdk.providers.local.training import graders
from finetune_sdk.providers.local.training.graders import programs, templates
from finetune_sdk.similarity import similarity
from finetune_sdk.types import (
    MethodName,
    PythonGrader,
    Reinforcement,
    StringCheckGrader,
    TextSimilarityGrader,
)

ITEM: dict[str, object] = {
    "answer": "Paris",
    "deep": {"list": ["a", {"b": True}], "none": None},
    "number": 7,
}


@pytest.mark.parametrize(
    ("operation", "text", "grade"),
    [
        ("eq", "Paris", 1.0),
        ("eq", "Paris ", 0.0),
        ("ne", "Paris", 0.0),
        ("ne", "London", 1.0),
        ("like", "It is Paris.", 1.0),
        ("like", "it is paris.", 0.0),
        ("ilike", "it is PARIS.", 1.0),
        ("ilike", "it is London.", 0.0),
    ],
)
def test_string_checks(
    operation: Literal["eq", "ne", "like", "ilike"], text: str, grade: float
) -> None:
    grader = StringCheckGrader(
        input="{{sample.output_text}}", reference="{{ item.answer }}", operation=operation
    )
    assert graders.load(grader)(text, ITEM) == grade


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{{ item.answer }}, {{item.number}}", "Paris, 7"),
        ("{{ item.deep.list.0 }}{{ item.deep.list.1.b }}", "atrue"),
        ("{{ item.deep.none }}", "null"),
        ("{{ item.deep.list }}", '["a", {"b": true}]'),
        ("{{ sample.output_json.city }}", "Rom"),
        ("{{ sample.output_tools }}", "[]"),
        ('{"a": {"b": 1}}', '{"a": {"b": 1}}'),
        ("{ item.answer } {'a': {{item.number}}}", "{ item.answer } {'a': 7}"),
    ],
)
def test_templates(text: str, filled: str) -> None:
    sample = graders.sample_of('{"city": "Rom"}')
    assert templates.fill(text, ITEM, sample) == filled


@pytest.mark.parametrize(
    "text", ["{{ item }}", "{{ row.answer }}", "{{ item.a b }}", "{{}}", "{{ sample.text }}"]
)
def test_templates_that_are_none(text: str) -> None:
    grader = StringCheckGrader(input=text, reference="", operation="eq")
    with pytest.raises(ConfigurationError, match="`grader`: a template"):
        rewards.check(Reinforcement(grader=grader))


@pytest.mark.parametrize(
    "text",
    ["{{item.answer}", "{% raw %}x", "{{ {item.answer} }}", "{{item.a}}{{"],
)
def test_templates_that_are_broken_off(text: str) -> None:
    grader = StringCheckGrader(input="{{sample.output_text}}", reference=text, operation="eq")
    with pytest.raises(ConfigurationError, match="`grader`: a template"):
        rewards.check(Reinforcement(grader=grader))


def test_what_is_said_of_a_template_can_be_typed_as_it_stands() -> None:
    with pytest.raises(graders.GraderError) as caught:
        templates.paths("{{ row.answer }}")
    assert str(caught.value) == (
        "a template is {{ row.answer }}; it must be a field of the row, as `{{ item.answer }}`, or "
        "of the answer, as `{{ sample.output_text }}`"
    )


def test_fields_that_a_row_lacks() -> None:
    grader = StringCheckGrader(
        input="{{item.answer}} {{item.other}}", reference="{{item.deep.list.2}}", operation="eq"
    )
    assert graders.missing(grader, ITEM) == ["item.other", "item.deep.list.2"]
    with pytest.raises(graders.MissingFieldError, match=r"no `item\.other`"):
        graders.load(grader)("text", ITEM)


def test_an_answer_that_lacks_what_is_graded_is_worth_nothing() -> None:
    grader = StringCheckGrader(
        input="{{sample.output_json.city}}", reference="{{item.answer}}", operation="ne"
    )
    grade = graders.load(grader)
    assert grade('{"city": "Rom"}', ITEM) == 1.0
    assert grade('{"town": "Rom"}', ITEM) == 0.0
    assert grade("Rom", ITEM) == 0.0
    assert grade("[" * 100_000, ITEM) == 0.0


@pytest.mark.parametrize(
    ("measure", "text", "reference", "expected"),
    [
        # 2 * 3 kept characters of 4 + 3.
        ("fuzzy_match", "abcd", "abd", 6 / 7),
        ("fuzzy_match", "", "abc", 0.0),
        # Precisions 3/4, 2/3, 1/2 and, smoothed, 0.1/1; as long as the reference.
        ("bleu", "a b c d", "a b c e", (3 / 4 * 2 / 3 * 1 / 2 * 0.1) ** 0.25),
        # All there is stands in the reference, which is twice as long: exp(1 - 2).
        ("bleu", "a b", "a b c d", math.exp(-1)),
        ("bleu", "", "a", 0.0),
        # 1- to 4-grams: 3 + 2 + 1 of 4 + 3 + 2 + 1 are shared.
        ("gleu", "a b c d", "a b c e", 6 / 10),
        ("gleu", "a", "", 0.0),
        # 3 words of 4 and 5 are shared, 1 pair of 3 and 4.
        ("rouge_1", "the cat sat down", "the cat lay right down", 2 * 3 / 9),
        ("rouge_2", "the cat sat down", "the cat lay right down", 2 * 1 / 7),
        ("rouge_3", "a b c d", "x a b c", 2 * 1 / 4),
        ("rouge_4", "a b c d e", "a b c d x", 2 * 1 / 4),
        ("rouge_5", "a b c d e", "a b c d e f", 2 * 1 / 3),
        ("rouge_5", "a b", "c d", 0.0),
        # Words count as often as both have them, in any case.
        ("rouge_1", "The the the", "the cat", 2 * 1 / 5),
        # The cat ... down: three in order, though others stand between.
        ("rouge_l", "the cat sat down", "the old cat fell down", 2 * 3 / 9),
        ("rouge_l", "down the cat", "the cat down", 2 * 2 / 6),
        ("rouge_l", "", "a", 0.0),
    ],
)
def test_similarity(measure: str, text: str, reference: str, expected: float) -> None:
    assert similarity(measure, text, reference) == pytest.approx(expected)


@pytest.mark.parametrize(
    "measure", ["fuzzy_match", "bleu", "gleu", *(f"rouge_{n}" for n in "12345l")]
)
@pytest.mark.parametrize("text", ["", "one", "one two", "a b c d e f"])
def test_the_same_text_is_alike_and_another_is_not(measure: str, text: str) -> None:
    assert similarity(measure, text, text) == pytest.approx(1.0)
    assert similarity(measure, text, "ZZ YY XX") < 0.3


def test_similarity_as_a_grader() -> None:
    grader = TextSimilarityGrader(
        input="{{sample.output_text}}", reference="{{item.answer}}", evaluation_metric="fuzzy_match"
    )
    assert graders.load(grader)("Pari", ITEM) == pytest.approx(8 / 9)


@pytest.mark.parametrize("measure", ["meteor", "cosine"])
def test_measures_that_are_not_to_be_had(measure: Literal["meteor", "cosine"]) -> None:
    grader = TextSimilarityGrader(input="a", reference="b", evaluation_metric=measure)
    with pytest.raises(UnsupportedError, match=f"'{measure}', which `local` cannot: it needs"):
        rewards.locate(Reinforcement(grader=grader))
    assert measure in CAPABILITIES.notes
    assert "text_similarity" in CAPABILITIES.methods[MethodName.REINFORCEMENT].graders


def test_programs_see_the_answer_and_the_row() -> None:
    source = """
import json

def grade(sample, item):
    assert sample["output_text"] == json.dumps(sample["output_json"])
    return sample["output_json"]["n"] * item["number"] + len(sample["output_tools"])
"""
    assert graders.load(PythonGrader(source=source))('{"n": 2}', ITEM) == 14.0
    plain = PythonGrader(source="def grade(sample, item): return 'output_json' in sample")
    assert graders.load(plain)("no json", ITEM) == 0.0


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def grade(sample, item): return None", "gave None; it must give a number"),
        ("def grade(sample, item): return float('inf')", "gave inf"),
        ("def grade(sample, item): return 1 / 0", "raised ZeroDivisionError: division by zero"),
        ("grade = 7", "defines no function `grade`"),
        ("1 / 0\ndef grade(sample, item): return 1", "fails: ZeroDivisionError"),
        ("raise SystemExit(0)\ndef grade(sample, item): return 1", "fails: SystemExit: 0"),
        ("def grade(sample, item): raise SystemExit(0)", "raised SystemExit: 0"),
        ("def grade(sample, item): return 10**400", "gave 1000"),
        ("def grade(sample, item): return 10**5000", "gave a value of type int"),
        ("def grade(sample, item): return '1'", "gave '1'"),
    ],
)
def test_programs_that_fail(source: str, words: str) -> None:
    with pytest.raises(graders.GraderError, match="the grader 'mine'") as caught:
        graders.load(PythonGrader(name="mine", source=source))("text", ITEM)
    assert words in str(caught.value)


def test_programs_may_give_numbers_of_another_library() -> None:
    source = "from fractions import Fraction\ndef grade(sample, item): return Fraction(1, 2)"
    assert graders.load(PythonGrader(source=source))("text", ITEM) == 0.5


def test_what_a_program_changes_in_a_row_is_its_own() -> None:
    source = "def grade(sample, item):\n    item['tags'].append(1)\n    return len(item['tags'])"
    grade, row = graders.load(PythonGrader(source=source)), {"tags": [0]}
    assert [grade("text", row), grade("text", row), row] == [2.0, 2.0, {"tags": [0]}]


@pytest.mark.parametrize(
    ("source", "words"),
    [("def grade(", "is no Python"), ("def grades(a, b): ...", "defines no `grade`")],
)
def test_programs_are_looked_at_before_a_job_is_made(source: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        rewards.locate(Reinforcement(grader=PythonGrader(source=source)))


@pytest.mark.parametrize(
    "source",
    ["grade = lambda sample, item: 1", "from math import dist as grade", "def grade(): ..."],
)
def test_a_program_may_get_its_function_from_anywhere(source: str) -> None:
    programs.check(source, "mine")


def test_looking_at_a_program_does_not_run_it() -> None:
    source = "raise SystemExit('ran')\ndef grade(sample, item): return 1"
    assert rewards.locate(Reinforcement(grader=PythonGrader(source=source))) is None


def test_hostile_texts_take_no_time() -> None:
    began = time.process_time()
    for text in ("{{" * 500_000, "{{" + " " * 1_000_000, "{{item" + ".a" * 500_000):
        templates.fill(text, {}, {})
    similarity("rouge_1", "a" * 1_000_000, "-" * 1_000_000)
    assert time.process_time() - began < 1


def test_graders_need_no_torch() -> None:
    code = (
        "from finetune_sdk.providers.local.training import graders\n"
        "from finetune_sdk.types import TextSimilarityGrader as G\n"
        "g = G(input='{{sample.output_text}}', reference='a', evaluation_metric='bleu')\n"
        "assert graders.load(g)('a', {}) == 1.0\n"
        "import sys; print(*{'torch', 'transformers', 'trl'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
