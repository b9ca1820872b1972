"""Graders: how good an answer is, as a number, said in data so that any provider can run it.

The names and fields are those of OpenAI's graders. A text may hold templates: `{{item.answer}}` is
a field of the row, `{{sample.output_text}}` the model's answer.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

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


class GraderMessage(Value):
    """A message to a model that grades; its text may hold templates."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str


class ScoreModelGrader(Value):
    """A model that gives a number.

    Attributes:
        model: that grades, by the provider's own name.
        input: what it is asked.
        range: the lowest and the highest number; 0 to 1 by default.
        sampling_params: how it answers, such as `temperature`, in the provider's own words.
    """

    type: Literal["score_model"] = "score_model"
    name: str = "score_model"
    model: str
    input: tuple[GraderMessage, ...]
    range: tuple[float, float] | None = None
    sampling_params: dict[str, JsonValue] | None = None


class LabelModelGrader(Value):
    """A model that names a label; 1 where it is one of the passing ones. Only inside `multi`.

    Attributes:
        model: that grades, by the provider's own name.
        input: what it is asked.
        labels: that it may name.
        passing_labels: the good ones.
    """

    type: Literal["label_model"] = "label_model"
    name: str = "label_model"
    model: str
    input: tuple[GraderMessage, ...]
    labels: tuple[str, ...]
    passing_labels: tuple[str, ...]


class MultiGrader(Value):
    """Several graders, and a formula of their numbers.

    Attributes:
        graders: by the names that the formula calls them.
        calculate_output: the formula, such as `0.5 * exact + 0.5 * judge`.
    """

    type: Literal["multi"] = "multi"
    name: str = "multi"
    graders: Annotated[dict[str, SingleGrader], Field(min_length=1)]
    calculate_output: str


SingleGrader = Annotated[
    StringCheckGrader | TextSimilarityGrader | PythonGrader | ScoreModelGrader | LabelModelGrader,
    Field(discriminator="type"),
]
"""A grader that stands in a `MultiGrader`."""

MultiGrader.model_rebuild()

Grader = Annotated[
    StringCheckGrader | TextSimilarityGrader | PythonGrader | ScoreModelGrader | MultiGrader,
    Field(discriminator="type"),
]
"""A grader of any kind, told apart by `type`."""

GraderType = Literal["string_check", "text_similarity", "python", "score_model", "multi"]
