"""Answers held against a JSON Schema, which is the caller's, while they are anybody's."""

from __future__ import annotations

import json

import pytest

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.evaluation.scoring import scoring_of
from finetune_sdk.types.scorer import JsonMatch
from tests.evaluation.test_scoring import examples, graded


def test_a_schema_is_held_against_each_answer() -> None:
    schema = {"type": "object", "required": ["a"], "properties": {"a": {"multipleOf": 0.5}}}
    scorer = JsonMatch(schema=schema)
    assert graded(scorer, '{"a": 1}', '{"a": 1}')["json_schema"] == 1
    assert graded(scorer, '{"a": 0.3}', '{"a": 1}')["json_schema"] == 0
    assert graded(scorer, "a", '{"a": 1}')["json_schema"] == 0
    assert graded(scorer, '{"a": ' + "9" * 400 + "}", '{"a": 1}')["json_schema"] in (0, 1)
    assert scoring_of([scorer], examples("{}")).measures == (
        "json_valid",
        "json_schema",
        "json_fields",
    )


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"properties": {"a": {"type": "strin"}}}, "schema/properties/a/type"),
        ({"pattern": "("}, "schema/pattern"),
        ({"$schema": 5}, r"\$schema"),
        ({"$ref": "#/$defs/nothing"}, "nothing"),
        ({"$ref": "http://127.0.0.1:9/elsewhere.json"}, "elsewhere"),
    ],
)
def test_a_wrong_schema_is_told_with_its_place(schema: dict[str, object], place: str) -> None:
    with pytest.raises(ConfigurationError, match=place):
        scoring_of([JsonMatch(schema=schema)], examples("{}"))


HARD = r"^(a|b|ab)*c$"


@pytest.mark.parametrize(
    ("schema", "answer"),
    [
        ({"properties": {"a": {"pattern": HARD}}}, {"a": "ab" * 2000 + "cd"}),
        ({"patternProperties": {HARD: {"type": "string"}}}, {"ab" * 2000 + "cd": ""}),
        (
            {"patternProperties": {HARD: True}, "additionalProperties": False},
            {"ab" * 2000 + "cd": ""},
        ),
        (
            {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "properties": {"a": {"$ref": "#"}},
                "pattern": HARD,
            },
            {"a": "ab" * 2000 + "cd"},
        ),
    ],
)
def test_a_pattern_of_a_schema_that_takes_for_ever_is_stopped(
    schema: dict[str, object], answer: dict[str, str]
) -> None:
    scoring = scoring_of([JsonMatch(schema=schema)], examples("[]"))
    with pytest.raises(ConfigurationError, match=r"\(a\|b\|ab\).*scorer `json`.*line 7"):
        scoring.score(json.dumps(answer), "[]", {}, line=7)


@pytest.mark.parametrize(
    ("answer", "allowed"),
    [
        ({"a": "xyz"}, 1),
        ({"a": "z"}, 0),
        ({"a": "xyz", "n1": 3}, 1),
        ({"a": "xyz", "n1": "3"}, 0),
        ({"a": "xyz", "b": 3}, 0),
        ({"a": 5}, 1),
        (["b"], 1),
    ],
)
@pytest.mark.parametrize("rest", [False, {"type": "null"}])
def test_patterns_of_a_schema_mean_what_they_meant(
    answer: object, allowed: float, rest: object
) -> None:
    schema = {
        "properties": {"a": {"pattern": "^x"}},
        "patternProperties": {"^n": {"type": "integer"}},
        "additionalProperties": rest,
    }
    found = graded(JsonMatch(schema=schema), json.dumps(answer), "{}")
    assert found["json_schema"] == allowed


def test_a_value_may_look_like_a_schema() -> None:
    schema = {"const": {"$schema": "x"}}
    assert graded(JsonMatch(schema=schema), '{"$schema": "x"}', "{}")["json_schema"] == 1


def test_a_schema_whose_searches_cannot_be_stopped_is_refused() -> None:
    schema = {"allOf": [{"patternProperties": {"^a": True}}], "unevaluatedProperties": False}
    with pytest.raises(ConfigurationError, match="unevaluatedProperties"):
        scoring_of([JsonMatch(schema=schema)], examples("{}"))


def test_a_schema_without_end_allows_nothing() -> None:
    assert graded(JsonMatch(schema={"$ref": "#"}), "{}", "{}")["json_schema"] == 0
