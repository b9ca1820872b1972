"""Graders: how good an answer is, as a number, said in data so that any provider can run it.

The names and fields are those of OpenAI's graders. A text may hold templates: `{{item.answer}}` is
a field of the row, `{{sample.output_text}}` the model's answer.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from finetune_sdk.types._base import Value

Similarity = Literal[
    "fuzzy_match",
    "bleu",
    "gleu",
    "meteor",
    "cosine",
    "rouge_1",
    "rouge_2",
    "rouge_3",
    "rouge_4",
    "rouge_5",
    "rouge_l",
]


class StringCheckGrader(Value):
    """1 where the comparison holds, else 0.

    Attributes:
        input: the text that is looked at, with templates.
        reference: what it is held against, with templates.
        operation: equal, not equal, contains, contains in any case.
    """

    type: Literal["string_check"] = "string_check"
    name: str = "string_check"
    input: str
    reference: str
    operation: Literal["eq", "ne", "like", "ilike"]


class TextSimilarityGrader(Value):
    """How alike two texts are, from 0 to 1.

    Attributes:
        input: the text that is looked at, with templates.
        reference: what it is held against, with templates.
        evaluation_metric: the measure.
    """

    type: Literal["text_similarity"] = "text_similarity"
    name: str = "text_similarity"
    input: str
    reference: str
    evaluation_metric: Similarity


class PythonGrader(Value):
    """A program that grades.

    Attributes:
        source: Python source that defines `grade(sample, item) -> float`; `sample` has
            `output_text` and, where that is JSON, `output_json`; `item` has the row's fields.
    """

    type: Literal["python"] = "python"
    name: str = "python"
    source: Annotated[str, Field(min_length=1)]


Grader = Annotated[
    StringCheckGrader | TextSimilarityGrader | PythonGrader, Field(discriminator="type")
]
"""A grader of any kind, told apart by `type`."""

GraderType = Literal["string_check", "text_similarity", "python"]
