"""Scorers: how good an answer to a held-out row is, said in data."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from finetune_sdk.types._base import Value
from finetune_sdk.types.grader import Similarity


class ExactMatch(Value):
    """1 where the answer is the expected one, else 0: the measure `exact_match`.

    Where the expected answer is a JSON object or list, the values are compared and not how they
    are written; otherwise the texts, without blanks at either end. Where it calls tools, the calls
    are compared and not what is said beside them; where it calls none, an answer that does is
    wrong.
    """

    type: Literal["exact_match"] = "exact_match"


class JsonMatch(Value):
    """Answers that are JSON objects or lists, or call tools.

    Where the expected answer calls tools, the list of the calls is what is compared; where it
    calls none, an answer that does is wrong.

    Measures: `json_valid`, the share that is JSON at all; `json_schema`, the share that a schema
    allows, where one is given; `json_fields`, the share of the expected answer's fields that have
    the expected value, or of its items where it is a list.

    Attributes:
        fields: names of the fields that count, of expected answers that are objects; all of them
            by default.
        schema_: a JSON Schema, of draft 2020-12 where it names none.
    """

    type: Literal["json"] = "json"
    fields: tuple[str, ...] = ()
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")


class SimilarText(Value):
    """How alike answer and expected answer are, from 0 to 1: a measure of the same name.

    Attributes:
        measure: as in `TextSimilarityGrader`.
    """

    type: Literal["similarity"] = "similarity"
    measure: Similarity = "rouge_l"


class Matches(Value):
    """1 where a regular expression is found in the answer, else 0: the measure `regex`.

    Attributes:
        pattern: as in Python's `re`; a search that takes more than a second is an error.
    """

    type: Literal["regex"] = "regex"
    pattern: Annotated[str, Field(min_length=1)]


class Classification(Value):
    """The answer is a label: `accuracy`, and `precision`, `recall` and `f1`, means over labels.

    Attributes:
        labels: that there are; by default those of the expected answers. An answer that is none
            of them is wrong, and counts against the label that was expected.
    """

    type: Literal["classification"] = "classification"
    labels: tuple[str, ...] = ()


class Judge(Value):
    """Another model grades each answer from 0 to 1: the measure `judge`.

    It sees the conversation, the expected answer and the answer, and not which model gave it. A
    grade that cannot be read counts as a row that was not graded, and is told.

    Attributes:
        deployment: that grades, as a handle, `openai:gpt`.
        rubric: what a good answer is.
    """

    type: Literal["judge"] = "judge"
    deployment: str
    rubric: str = (
        "The answer says the same as the expected answer: nothing that matters is missing, "
        "nothing wrong is added."
    )


Scorer = Annotated[
    ExactMatch | JsonMatch | SimilarText | Matches | Classification | Judge,
    Field(discriminator="type"),
]
"""A scorer of any kind, told apart by `type`."""
