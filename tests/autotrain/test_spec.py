"""AutoTrain's description: read, written, and what is wrong with one."""

from __future__ import annotations

import json
import os
import pickle
import re
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from hypothesis import given, settings
from jsonschema import Draft202012Validator
from pydantic import ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from finetune_sdk.autotrain import (
    HARDWARE,
    TASKS,
    AutoTrainSpec,
    Data,
    Hub,
    TaskName,
    project_name,
)
from finetune_sdk.autotrain.tasks import ALIASES, canonical
from finetune_sdk.errors import ConfigurationError, UnsupportedError
from tests.autotrain.examples import CLASSIFIER, YAML, example, specs

SPECS = os.environ.get("FINETUNE_SPECS")
SCHEMA = Path(SPECS or ".", "huggingface", "autotrain-0.8.36-openapi.json")
HAS_SCHEMA = bool(SPECS) and SCHEMA.is_file()
LLM: list[TaskName] = ["llm-sft", "llm-dpo", "llm-orpo", "llm-reward"]
TOKEN = "hf_" + "a1" * 12


def read(text: str = YAML) -> AutoTrainSpec:
    return AutoTrainSpec.from_yaml(text, source="at.yml")


def refusal(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read(text)
    return str(caught.value)


def test_a_file_as_people_have_it_is_read() -> None:
    spec = read()
    assert (spec.task, spec.task_id, spec.project_name) == ("llm-sft", 9, "my-recipes")
    # YAML reads `2e-4` as a word.
    assert (spec.llm.lr, spec.llm.epochs, spec.llm.peft) == (2e-4, 2, True)
    assert spec.llm.quantization is None
    assert spec.llm.lora_r == 16
    assert spec.hub is not None
    assert (spec.hub.username, spec.hub.token) == ("${HF_USERNAME}", "${HF_TOKEN}")


@settings(deadline=None)
@given(spec=specs())
def test_what_is_written_is_read_again(spec: AutoTrainSpec) -> None:
    again = AutoTrainSpec.from_yaml(spec.to_yaml(), source="again.yml")
    without = spec.data.model_copy(update={"valid_split": None})
    assert again == spec.model_copy(update={"data": without})
    assert AutoTrainSpec.from_json(spec.to_json()) == spec


def test_a_validation_split_is_not_written_for_a_language_model() -> None:
    spec = read(YAML.replace("valid_split: null", "valid_split: test"))
    assert spec.data.valid_split == "test"
    assert yaml.safe_load(spec.to_yaml())["data"]["valid_split"] is None
    assert spec.to_params("alice")["valid_split"] is None
    assert spec.to_rest("alice", "t4-small")["valid_split"] is None


def test_what_autotrain_would_choose_is_spelt_out() -> None:
    text = re.sub(r"params:\n(  .*\n)+", "", YAML)
    params = yaml.safe_load(read(text).to_yaml())["params"]
    assert (params["peft"], params["quantization"]) == (False, "int4")


def test_another_task_is_carried_and_not_trained() -> None:
    spec = read(CLASSIFIER)
    assert (spec.task, spec.task_id) == ("text-classification", 2)
    written = yaml.safe_load(spec.to_yaml())
    assert written["params"] == {"max_seq_length": 512, "epochs": 3, "lr": "2e-5"}
    assert written["data"]["valid_split"] == "test"
    with pytest.raises(UnsupportedError, match="trains no language model"):
        spec.to_params("alice")
    with pytest.raises(UnsupportedError, match="trains no language model"):
        spec.to_trl("alice")


@pytest.mark.parametrize(("alias", "task"), sorted(ALIASES.items()))
def test_every_name_of_a_task_is_known(alias: str, task: TaskName) -> None:
    columns = dict.fromkeys(TASKS[task].columns, "c")
    data = Data.model_validate({"path": "a/b", "column_mapping": columns})
    made = AutoTrainSpec.model_validate(
        {"task": alias, "base_model": "m", "project_name": "p", "data": data}
    )
    assert made.task == task


def test_a_token_is_named_and_not_told() -> None:
    with pytest.raises(ValidationError) as caught:
        Hub(token=TOKEN)
    assert "it should name an environment variable, as `${HF_TOKEN}` does" in str(caught.value)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("alias", "task"),
    [
        ("llm", "llm-generic"),
        ("llm:dpo", "llm-dpo"),
        ("text_multi_class_classification", "text-classification"),
        ("text_binary_classification", "text-classification"),
        ("text-binary-classification", "text-classification"),
        ("image_multi_class_classification", "image-classification"),
        ("image_binary_classification", "image-classification"),
        ("image-binary-classification", "image-classification"),
        ("sentence-transformers:triplet", "st:triplet"),
        ("object-detection", "image-object-detection"),
        ("st:qa", "st:qa"),
        ("Llm", "Llm"),
        (7, 7),
    ],
)
def test_a_name_of_a_task_becomes_ours(alias: object, task: object) -> None:
    assert canonical(alias) == task


@pytest.mark.parametrize(
    ("trainer", "task"), [("sft", "llm-sft"), ("default", "llm-generic"), ("dpo", "llm-dpo")]
)
def test_the_trainer_may_say_the_task(trainer: str, task: str) -> None:
    text = YAML.replace("llm-sft", "llm").replace("params:", f"params:\n  trainer: {trainer}")
    text = (
        text.replace(
            "text_column: messages",
            "{text_column: chosen, rejected_text_column: no, prompt_text_column: prompt}",
        )
        .replace("column_mapping:\n    {", "column_mapping: {")
        .replace(": no,", ": rejected,")
    )
    assert read(text).task == task


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("  lr: 2e-4", "  lrr: 1", "at.yml:17: `params.lrr` is no known key; did you mean `lr`"),
        ("lr: 2e-4", "lr: fast", "at.yml:17: `params.lr` is 'fast'"),
        ("epochs: 2", "epochs: 0", "at.yml:15: `params.epochs` is 0"),
        ("block_size: 1024", "block_size: 0", "at.yml:14: `params.block_size` is 0: it should be"),
        ("llm-sft", "llm-sfd", "at.yml:1: `task` is 'llm-sfd'; did you mean `llm-sft`"),
        ("my-recipes", "my_recipes", "at.yml:3: `project_name` is 'my_recipes': it should be"),
        ("my-recipes", "a" * 51, "letters, digits and hyphens, 50 at most"),
        ("my-recipes", "---", "letters, digits and hyphens"),
        ("base_model:", "basemodel:", "`base_model`"),
        ("  valid_split: null\n", "", "missing: `data.valid_split`"),
        ("  chat_template: tokenizer\n", "", "missing: `data.chat_template`"),
        ("text_column", "txt_column", "lacks `text_column`, which `llm-sft` needs"),
        ("text_column: messages", "text_column: m\n    id: i", "has `id`; a language model reads"),
        ("hub:", "hubb:", "at.yml:21: `hubb` is no known key; did you mean `hub`?"),
        ("  epochs: 2", "  trainer: dpo", "at.yml:15: `params.trainer` is 'dpo'"),
        ("  username: ${HF_USERNAME}\n", "", "missing: `hub.username`"),
        ("tokenizer", "mine", "at.yml:10: `data.chat_template` is 'mine'"),
        (YAML, "[1]", "is no AutoTrain configuration"),
        (YAML, "task: {", "no valid YAML"),
        ("task:", "task: x\ntask:", "the key 'task' stands twice"),
    ],
)
def test_a_wrong_word_is_told_with_its_place(old: str, new: str, words: str) -> None:
    assert words in refusal(YAML.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (YAML, "[1]", "at.yml: is no AutoTrain configuration; write `task: ...`"),
        (
            "${HF_TOKEN}",
            "word",
            "at.yml:23: `hub.token` holds the token itself; write `token: ${HF_TOKEN}` and set "
            "that environment variable",
        ),
        (
            "${HF_TOKEN}",
            "hf_" + "a1" * 12,
            "at.yml:23: holds what looks like a token or a password; a file is no place for one: "
            "write `token: ${HF_TOKEN}` and set that environment variable",
        ),
        (
            "  epochs: 2",
            "  trainer: dpo",
            "at.yml:15: `params.trainer` is 'dpo', which does not go with the task `llm-sft`; "
            "leave it out and name the task, such as `llm-sft`",
        ),
        (
            "log: tensorboard\nbackend: spaces-a10g-small\n",
            "",
            "at.yml: missing: `log`, `backend`; AutoTrain asks for each, `null` where there is "
            "nothing to say",
        ),
        (
            "  lr: 2e-4",
            "  lrr: 1",
            "at.yml:17: `params.lrr` is no known key; did you mean `lr` or `lora_r`?",
        ),
        (
            "  path:",
            "  zzzz: 1\n  path:",
            "at.yml:7: `data.zzzz` is no known key; known: `path`, `train_split`, `valid_split`, "
            "`column_mapping`, `chat_template`",
        ),
        (
            "task: llm-sft",
            "task: [1]",
            "at.yml:1: `task` is [1]; known: `llm-sft`, `llm-generic`, `llm-dpo`, `llm-orpo`, "
            "`llm-reward`, `text-classification`, `text-regression`, `token-classification`, "
            "`seq2seq`, `tabular`, `image-classification`, `image-regression`, "
            "`image-object-detection`, `st:pair`, `st:pair_class`, `st:pair_score`, "
            "`st:triplet`, `st:qa`, `vlm:captioning`, `vlm:vqa`, `extractive-qa`",
        ),
        (
            "text_column: messages",
            "text_column: [1, b]",
            "at.yml:12: `data.column_mapping.text_column` is wrong: it should be a valid string\n"
            "at.yml:12: `data.column_mapping.text_column.0` is 1: it should be a valid string",
        ),
        (
            "text_column: messages",
            "text_column: [a, b]",
            "at.yml:6: `data` is wrong: `column_mapping` of a language model gives one name for "
            "each column",
        ),
        (
            "text_column: messages",
            "text_column: m\n    id: i",
            "at.yml:6: `data` is wrong: `column_mapping` has `id`; a language model reads "
            "`prompt_text_column`, `text_column`, `rejected_text_column`",
        ),
        (
            "text_column: messages",
            "other: m",
            "at.yml:6: `data` is wrong: `column_mapping` lacks `text_column`, which `llm-sft` "
            "needs",
        ),
        (
            "my-recipes",
            "my_recipes",
            "at.yml:3: `project_name` is 'my_recipes': it should be letters, digits and hyphens, "
            "50 at most",
        ),
        ("  lr: 2e-4", "  lr: 0", "at.yml:17: `params.lr` is 0: it should be greater than 0"),
        (
            "data:\n",
            "data: 7\nother:\n",
            "at.yml:6: `data` is 7: it should be a valid dictionary or instance of Data\n"
            "at.yml:7: `other` is no known key; known: `task`, `base_model`, `project_name`, "
            "`log`, `backend`, `data`, `params`, `hub`",
        ),
    ],
)
def test_a_wrong_file_is_a_sentence_for_each_fault(old: str, new: str, sentence: str) -> None:
    assert refusal(YAML.replace(old, new)) == sentence


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("${HF_TOKEN}", TOKEN, 23),
        ("${HF_TOKEN}", "mysecretword", 23),
        ("${HF_TOKEN}", "'${mysecretword'", 23),
        ("${HF_USERNAME}", TOKEN, 22),
        ("my-recipes", TOKEN, 3),
        ("task: llm-sft", f"task: {{ {TOKEN}", 1),
    ],
)
def test_a_secret_in_a_file_is_refused_and_not_told(old: str, new: str, line: int) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(YAML.replace(old, new))
    told = [str(caught.value), repr(caught.value), repr(caught.value.__context__)]
    assert str(caught.value).startswith(f"at.yml:{line}:")
    assert not any(TOKEN in word or "mysecretword" in word for word in told)
    assert TOKEN.encode() not in pickle.dumps(caught.value)


def test_a_secret_given_in_code_is_not_told_either() -> None:
    with pytest.raises(ValidationError) as caught:
        AutoTrainSpec.model_validate(
            {
                "task": "llm-sft",
                "base_model": "m",
                "project_name": "p",
                "data": {"path": "a/b", "column_mapping": {"text_column": "t"}},
                "hub": {"token": TOKEN},
            }
        )
    assert TOKEN not in str(caught.value)


def test_a_part_of_an_epoch_is_not_written_for_autotrain() -> None:
    spec = example("llm-sft", epochs=0.5)
    for write in (spec.to_yaml, spec.to_params, lambda: spec.to_rest("a", "t4-small")):
        with pytest.raises(UnsupportedError, match='engine = "trl"'):
            write()
    assert spec.to_trl("alice").arguments["num_train_epochs"] == 0.5


def test_the_rest_api_is_not_asked_for_what_it_cannot_do() -> None:
    with pytest.raises(UnsupportedError, match=r"`llm-generic`.*or `llm-sft`"):
        example("llm-generic").to_rest("alice", "t4-small")
    with pytest.raises(ConfigurationError, match=r"'h200'.*takes `a10g-large`"):
        example("llm-sft").to_rest("alice", "h200")
    here = example("llm-sft")
    here = here.model_copy(update={"data": here.data.model_copy(update={"path": "./rows"})})
    with pytest.raises(ConfigurationError, match="from the Hub only"):
        here.to_rest("alice", "t4-small")


@pytest.mark.skipif(not HAS_SCHEMA, reason="FINETUNE_SPECS names no folder with AutoTrain's schema")
@pytest.mark.parametrize("hardware", HARDWARE)
@pytest.mark.parametrize("task", LLM)
def test_a_request_is_what_the_api_describes(task: TaskName, hardware: str) -> None:
    body = example(task, peft=True, quantization="int8").to_rest("alice", hardware)
    schemas = json.loads(SCHEMA.read_text())["components"]["schemas"]
    kind = task.removeprefix("llm-").upper().replace("REWARD", "Reward")
    # The API takes unknown words without a word, and leaves what is not sent as it was.
    assert body["params"].keys() == schemas[f"LLM{kind}TrainingParamsAPI"]["properties"].keys()  # type: ignore[union-attr]
    assert set(schemas["APICreateProjectModel"]["properties"]) >= body.keys()
    assert list(validator("APICreateProjectModel").iter_errors(body)) == []
    assert list(validator(f"LLM{kind}TrainingParamsAPI").iter_errors(body["params"])) == []
    assert list(validator(f"LLM{kind}ColumnMapping").iter_errors(body["column_mapping"])) == []


def validator(name: str) -> Any:
    registry = cast("Any", Registry)().with_resource(
        "urn:autotrain", DRAFT202012.create_resource(json.loads(SCHEMA.read_text()))
    )
    schema = {"$ref": f"urn:autotrain#/components/schemas/{name}"}
    return Draft202012Validator(schema, registry=registry)


@pytest.mark.parametrize(
    ("suffix", "name"),
    [
        ("recipes", "recipes-2c70e12b7a"),
        (None, "SmolLM2-135M-Instruct-2c70e12b7a"),
        ("Größe & co!", "Gr-e-co-2c70e12b7a"),
        ("ü", "SmolLM2-135M-Instruct-2c70e12b7a"),
        ("a" * 38 + "-b", "a" * 38 + "-2c70e12b7a"),
    ],
)
def test_a_project_is_named_by_rule(suffix: str | None, name: str) -> None:
    made = project_name(suffix, "HuggingFaceTB/SmolLM2-135M-Instruct", "key")
    assert made == name
    assert len(made) <= 50
    assert example("llm-sft").model_copy(update={"project_name": made}).to_yaml()
