"""AutoTrain's tasks and all their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

from pydantic import BeforeValidator

TaskName = Literal[
    "llm-sft",
    "llm-generic",
    "llm-dpo",
    "llm-orpo",
    "llm-reward",
    "text-classification",
    "text-regression",
    "token-classification",
    "seq2seq",
    "tabular",
    "image-classification",
    "image-regression",
    "image-object-detection",
    "st:pair",
    "st:pair_class",
    "st:pair_score",
    "st:triplet",
    "st:qa",
    "vlm:captioning",
    "vlm:vqa",
    "extractive-qa",
]
"""The names that we write; `autotrain --config` takes each of them."""


class Facts(NamedTuple):
    """What AutoTrain knows of a task.

    Attributes:
        id: its number, which a Space gets as `TASK_ID`.
        columns: words of `column_mapping` that must be there.
        rest: its name in the REST API; None where that cannot run it.
    """

    id: int
    columns: tuple[str, ...]
    rest: str | None


_TEXT = ("text_column",)
_ANSWERS = ("text_column", "rejected_text_column")
_PAIR = ("prompt_text_column", *_ANSWERS)
_LABELLED = ("text_column", "target_column")
_IMAGE = ("image_column", "target_column")
_SENTENCES = ("sentence1_column", "sentence2_column")
_VISION = ("image_column", "text_column", "prompt_text_column")

TASKS: Mapping[TaskName, Facts] = {
    "llm-sft": Facts(9, _TEXT, "llm:sft"),
    # The API has `llm:generic` and hands its trainer a word that it does not know.
    "llm-generic": Facts(9, _TEXT, None),
    "llm-dpo": Facts(9, _PAIR, "llm:dpo"),
    "llm-orpo": Facts(9, _PAIR, "llm:orpo"),
    "llm-reward": Facts(9, _ANSWERS, "llm:reward"),
    "text-classification": Facts(2, _LABELLED, "text-classification"),
    "text-regression": Facts(10, _LABELLED, "text-regression"),
    "token-classification": Facts(4, ("tokens_column", "tags_column"), "token-classification"),
    "seq2seq": Facts(28, _LABELLED, "seq2seq"),
    # The API answers 500 to tables and to questions.
    "tabular": Facts(26, ("id_column", "target_columns"), None),
    "image-classification": Facts(18, _IMAGE, "image-classification"),
    "image-regression": Facts(24, _IMAGE, "image-regression"),
    "image-object-detection": Facts(
        29, ("image_column", "objects_column"), "image-object-detection"
    ),
    "st:pair": Facts(30, _SENTENCES, "st:pair"),
    "st:pair_class": Facts(30, (*_SENTENCES, "target_column"), "st:pair_class"),
    "st:pair_score": Facts(30, (*_SENTENCES, "target_column"), "st:pair_score"),
    "st:triplet": Facts(30, (*_SENTENCES, "sentence3_column"), "st:triplet"),
    "st:qa": Facts(30, _SENTENCES, "st:qa"),
    "vlm:captioning": Facts(31, _VISION, "vlm:captioning"),
    "vlm:vqa": Facts(31, _VISION, "vlm:vqa"),
    "extractive-qa": Facts(5, ("text_column", "question_column", "answer_column"), None),
}

_TRAINERS: Mapping[TaskName, str] = {
    "llm-sft": "sft",
    "llm-generic": "default",
    "llm-dpo": "dpo",
    "llm-orpo": "orpo",
    "llm-reward": "reward",
}

_OTHER_NAMES: Mapping[TaskName, tuple[str, ...]] = {
    "llm-generic": ("llm", "lm_training"),
    "text-classification": ("text_classification",),
    "text-regression": (
        "text_regression",
        "text_single_column_regression",
        "text-single-column-regression",
    ),
    "token-classification": ("token_classification", "text_token_classification"),
    "image-classification": ("image_classification",),
    "image-regression": (
        "image_regression",
        "image_single_column_regression",
        "image-single-column-regression",
        "image-scoring",
    ),
    "image-object-detection": ("image_object_detection", "object_detection", "object-detection"),
    "extractive-qa": (
        "extractive_question_answering",
        "extractive-question-answering",
        "text_extractive_question_answering",
        "ext_qa",
        "ext-qa",
    ),
}
_KINDS = ("binary", "multi_class")
"""AutoTrain trains one and the same for both kinds of a classification."""


def _aliases() -> dict[str, TaskName]:
    named: dict[str, TaskName] = {
        other: name for name, others in _OTHER_NAMES.items() for other in others
    }
    for name, facts in TASKS.items():
        if name.startswith("st:"):
            named[name.replace("st:", "sentence-transformers:")] = name
        if facts.rest:
            named[facts.rest] = name
    for kind in _KINDS:
        named[f"text_{kind}_classification"] = "text-classification"
        named[f"image_{kind}_classification"] = "image-classification"
    named["text-binary-classification"] = "text-classification"
    named["image-binary-classification"] = "image-classification"
    return named


ALIASES: Mapping[str, TaskName] = _aliases()
"""Other names of a task, of the configuration files and of the REST API."""


def canonical(name: object) -> object:
    """The name that we write for it; what is no name of a task comes back as it is."""
    return ALIASES.get(name, name) if isinstance(name, str) else name


Task = Annotated[TaskName, BeforeValidator(canonical)]
"""A task by any of its names."""


def trainer(task: TaskName) -> str | None:
    """AutoTrain's word for how a language model learns; None for other tasks."""
    return _TRAINERS.get(task)


def of_trainer(word: object) -> TaskName | None:
    """The task of a language model that this trainer does."""
    return next((task for task, one in _TRAINERS.items() if one == word), None)
