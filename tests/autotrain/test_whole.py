"""Descriptions told whole: every word of what AutoTrain, its API and TRL are handed."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from pydantic import JsonValue

from finetune_sdk.autotrain import AutoTrainSpec, Words, words
from finetune_sdk.types import DPO, HubDataset, Lora, Supervised
from tests.autotrain.examples import CLASSIFIER, example
from tests.autotrain.test_trl import FULL, with_data

RARE: dict[str, object] = {
    "model_ref": "org/ref",
    "unsloth": True,
    "merge_adapter": True,
    "max_completion_length": 64,
    "distributed_backend": "deepspeed",
    "mixed_precision": "bf16",
}
OTHER: dict[str, object] = {"backend": "spaces-l4x4", "log": "wandb"}


def full() -> AutoTrainSpec:
    spec = with_data(example("llm-dpo", **FULL, **RARE), train_split="en:train", valid_split="test")
    return spec.model_copy(update=OTHER)


PAIR = {
    "prompt_text_column": "prompt",
    "text_column": "chosen",
    "rejected_text_column": "rejected",
}


def test_every_parameter_goes_into_a_space() -> None:
    spec = full()
    assert spec.to_params("bob") == {
        **spec.llm.model_dump(),
        **PAIR,
        "model": "org/model",
        "project_name": "project-1",
        "data_path": "alice/rows",
        "train_split": "en:train",
        "valid_split": None,
        "trainer": "dpo",
        "log": "wandb",
        "chat_template": "tokenizer",
        "push_to_hub": True,
        "username": "bob",
        "token": None,
    }
    alone = example("llm-sft").model_copy(update={"hub": None}).to_params()
    assert (alone["push_to_hub"], alone["username"]) == (False, None)
    assert (alone["prompt_text_column"], alone["rejected_text_column"]) == (None, None)
    assert example("llm-sft").to_params()["username"] == "alice"


def test_every_word_goes_to_the_api() -> None:
    spec = full()
    params = spec.llm.model_dump(exclude={"add_eos_token"})
    assert spec.to_rest("bob", "t4-small") == {
        "project_name": "project-1",
        "task": "llm:dpo",
        "base_model": "org/model",
        "hardware": "spaces-t4-small",
        "username": "bob",
        "hub_dataset": "alice/rows",
        "train_split": "en:train",
        "valid_split": None,
        "column_mapping": PAIR,
        "params": {**params, "chat_template": "tokenizer"},
    }
    plain: Any = example("llm-sft", quantization=None).to_rest("bob", "spaces-l4x1")
    assert (plain["hardware"], plain["params"]["quantization"]) == ("spaces-l4x1", "none")


def test_another_task_goes_to_the_api_as_it_is() -> None:
    spec = AutoTrainSpec.from_yaml(CLASSIFIER, source="at.yml")
    sent = spec.to_rest("bob", "cpu-basic")
    assert (sent["task"], sent["valid_split"]) == ("text-classification", "test")
    assert sent["params"] == {"max_seq_length": 512, "epochs": 3, "lr": "2e-5"}
    assert sent["column_mapping"] == {"text_column": "text", "target_column": "label"}


def test_every_word_is_in_the_file() -> None:
    spec = full()
    assert yaml.safe_load(spec.to_yaml()) == {
        "task": "llm-dpo",
        "base_model": "org/model",
        "project_name": "project-1",
        "log": "wandb",
        "backend": "spaces-l4x4",
        "data": {
            "path": "alice/rows",
            "train_split": "en:train",
            "valid_split": None,
            "column_mapping": PAIR,
            "chat_template": "tokenizer",
        },
        "params": spec.llm.model_dump(),
        "hub": {"username": "alice", "token": "${HF_TOKEN}", "push_to_hub": True},
    }
    bare = yaml.safe_load(example("llm-sft").model_copy(update={"hub": None}).to_yaml())
    assert "hub" not in bare
    other = AutoTrainSpec.from_yaml(CLASSIFIER, source="at.yml").to_yaml()
    assert "chat_template" not in yaml.safe_load(other)["data"]


def test_the_file_reads_as_people_write_one() -> None:
    spec = with_data(example("llm-sft"), path="./überblick")
    text = spec.to_yaml()
    assert text.startswith("task: llm-sft\nbase_model: org/model\nproject_name: project-1\n")
    assert "  path: ./überblick\n" in text


# TRL

USUAL: dict[str, object] = {
    "model_name_or_path": "org/model",
    "dtype": "float32",
    "dataset_name": "alice/rows",
    "dataset_train_split": "train",
    "output_dir": "project-1",
    "report_to": "tensorboard",
    "push_to_hub": True,
    "hub_model_id": "alice/project-1",
    "hub_private_repo": True,
    "num_train_epochs": 1,
    "learning_rate": 3e-5,
    "per_device_train_batch_size": 2,
    "per_device_eval_batch_size": 2,
    "gradient_accumulation_steps": 4,
    "auto_find_batch_size": False,
    "max_length": 1024,
    "lr_scheduler_type": "linear",
    "optim": "adamw_torch",
    "warmup_steps": 0.1,
    "weight_decay": 0.0,
    "max_grad_norm": 1.0,
    "seed": 42,
    "save_total_limit": 1,
    "activation_checkpointing": True,
    "bf16": False,
    "fp16": False,
    "use_peft": False,
    "eval_strategy": "no",
    "save_strategy": "no",
}
ADAPTERS: dict[str, object] = {
    "use_peft": True,
    "lora_r": 16,
    "lora_alpha": 32,
    "lora_dropout": 0.05,
    "lora_task_type": "CAUSAL_LM",
    "load_in_4bit": True,
    "load_in_8bit": False,
    "lora_target_modules": ["all-linear"],
}


def test_trl_is_told_what_autotrain_would_choose() -> None:
    assert example("llm-sft").to_trl().arguments == {
        **USUAL,
        "packing": False,
        "assistant_only_loss": True,
    }
    assert example("llm-dpo", peft=True).to_trl().arguments == {**USUAL, **ADAPTERS, "beta": 0.1}


def test_a_model_that_scores_has_adapters_of_its_own_kind() -> None:
    found = example("llm-reward", peft=True, target_modules=None).to_trl().arguments
    adapters = {**ADAPTERS, "lora_task_type": "SEQ_CLS"}
    del adapters["lora_target_modules"]
    assert found == {**USUAL, **adapters, "disable_dropout": False}


def test_every_word_arrives_at_trl() -> None:
    run = full().to_trl("bob", rows=100)
    assert run.command == "dpo"
    assert run.arguments == {
        **USUAL,
        "dataset_config": "en",
        "report_to": "wandb",
        "hub_model_id": "bob/project-1",
        "num_train_epochs": 3,
        "learning_rate": 1e-4,
        "per_device_train_batch_size": 4,
        "per_device_eval_batch_size": 4,
        "gradient_accumulation_steps": 2,
        "max_length": 512,
        "lr_scheduler_type": "cosine",
        "optim": "adafactor",
        "warmup_steps": 0.2,
        "weight_decay": 0.1,
        "max_grad_norm": 0.5,
        "seed": 7,
        "bf16": True,
        "attn_implementation": "flash_attention_2",
        "logging_steps": 3,
        **ADAPTERS,
        "lora_r": 4,
        "lora_alpha": 8,
        "lora_dropout": 0.1,
        "lora_target_modules": ["q_proj", "v_proj"],
        "dataset_test_split": "test",
        "eval_strategy": "epoch",
        "save_strategy": "epoch",
        "load_best_model_at_end": True,
        "beta": 0.3,
    }


def test_the_rarer_words_arrive_at_trl() -> None:
    params = {
        "peft": True,
        "quantization": "int8",
        "mixed_precision": "fp16",
        "target_modules": " a, ,b ",
        "auto_find_batch_size": True,
        "disable_gradient_checkpointing": True,
        "save_total_limit": 3,
        "eval_strategy": "steps",
    }
    spec = with_data(example("llm-sft", **params), valid_split="test")
    assert spec.to_trl(packing=True, train_on="all").arguments == {
        **USUAL,
        **ADAPTERS,
        "load_in_4bit": False,
        "load_in_8bit": True,
        "fp16": True,
        "lora_target_modules": ["a", "b"],
        "auto_find_batch_size": True,
        "activation_checkpointing": False,
        "save_total_limit": 3,
        "dataset_test_split": "test",
        "eval_strategy": "steps",
        "save_strategy": "steps",
        "load_best_model_at_end": True,
        "packing": True,
        "packing_strategy": "wrapped",
        "assistant_only_loss": False,
    }


def test_nothing_is_measured_where_that_is_said() -> None:
    spec = with_data(example("llm-sft", eval_strategy="no"), valid_split="test")
    found = spec.to_trl().arguments
    assert (found["eval_strategy"], found["save_strategy"]) == ("no", "no")
    assert "dataset_test_split" not in found


def test_a_command_line_has_each_word_by_itself() -> None:
    argv = example("llm-dpo", peft=True, target_modules="a,b").to_trl().argv
    assert argv[:4] == ("trl", "dpo", "--model_name_or_path", "org/model")
    at = argv.index("--lora_target_modules")
    assert argv[at : at + 4] == ("--lora_target_modules", "a", "b", "--eval_strategy")
    assert argv[-2:] == ("--beta", "0.1")


def test_whole_passes_are_written_without_a_point() -> None:
    spec = example("llm-sft", epochs=3.0)
    argv = spec.to_trl().argv
    assert argv[argv.index("--num_train_epochs") + 1] == "3"
    assert "  epochs: 3\n" in spec.to_yaml()


# The words of `jobs.create`


def test_a_description_is_told_in_our_words_whole() -> None:
    found = words(full())
    read: dict[str, JsonValue] = {
        "chat_template": "tokenizer",
        "gradient_accumulation": 2,
        "mixed_precision": "bf16",
        "quantization": "int4",
        "warmup_ratio": 0.2,
        "scheduler": "cosine",
        "optimizer": "adafactor",
        "weight_decay": 0.1,
        "max_grad_norm": 0.5,
        "use_flash_attention_2": True,
        "logging_steps": 3,
        "merge_adapter": True,
        "unsloth": True,
        "distributed_backend": "deepspeed",
        "model_ref": "org/ref",
        "max_prompt_length": 128,
        "max_completion_length": 64,
    }
    assert found == Words(
        model="org/model",
        training_data=HubDataset(id="alice/rows", split="train", config="en"),
        validation_data=HubDataset(id="alice/rows", split="test"),
        method=DPO(
            epochs=3,
            batch_size=32,
            learning_rate=1e-4,
            lora=Lora(rank=4, alpha=8, dropout=0.1, target_modules=("q_proj", "v_proj")),
            max_length=512,
            beta=0.3,
        ),
        suffix="project-1",
        seed=7,
        options={"autotrain": {"project_name": "project-1", "hardware": "l4x4", **read}},
        notes=(
            "`log`: numbers do not go to 'wandb'; see `finetune jobs metrics`",
            "`hub.username` is passed over: the profile says whose the model is",
        ),
        lost=(
            f"only AutoTrain reads {', '.join(f'`{name}`' for name in read)}",
            "`max_completion_length`: only the whole row's length is looked at",
        ),
    )


ALWAYS = "only AutoTrain reads `chat_template`, `gradient_accumulation`, `mixed_precision`"
OF_TEXT = (
    "AutoTrain learns all tokens of a row; here it is as `train_on` says",
    "AutoTrain puts rows together up to `block_size`; here each row is by itself",
)


def test_what_is_otherwise_is_told() -> None:
    spec = with_data(example("llm-generic", padding=None, seed=7), chat_template="chatml")
    found = words(spec.model_copy(update={"hub": None, "backend": "local-ui"}))
    assert found.method == Supervised(epochs=1, batch_size=8, learning_rate=3e-5, lora=False)
    assert found.notes == (
        "`llm-generic` is trained as `llm-sft`: the same loss on the same rows",
        "`batch_size` is counted for one device: a `local` backend does not say how many",
        "`push_to_hub` is passed over: at AutoTrain the model goes to the Hub all the same, as "
        "the machine goes away with the job",
        "`padding` and `target_modules` are AutoTrain's defaults where they are `null`",
    )
    assert found.lost == (
        ALWAYS,
        *OF_TEXT,
        "`chat_template`: the model's own is taken instead of 'chatml'",
    )


def test_a_template_of_autotrains_own_is_left_there() -> None:
    found = words(with_data(example("llm-dpo"), chat_template="zephyr"))
    assert found.lost[1:] == ("`chat_template`: the model's own is taken instead of 'zephyr'",)


@pytest.mark.parametrize(
    ("params", "changes", "notes"),
    [
        (
            {},
            {"backend": "ep-aws"},
            ["`backend` is 'ep-aws', which is no more; the profile's hardware is taken"],
        ),
        ({}, {"backend": "spaces-t4-small", "log": "none"}, []),
        (
            {"peft": True, "target_modules": " "},
            {"backend": "spaces-t4-small"},
            ["`padding` and `target_modules` are AutoTrain's defaults where they are `null`"],
        ),
        ({"target_modules": None}, {"backend": "spaces-t4-small"}, []),
    ],
)
def test_what_has_no_meaning_any_more_is_told(
    params: dict[str, object], changes: dict[str, object], notes: list[str]
) -> None:
    spec = example("llm-sft", **params)
    hub = spec.hub and spec.hub.model_copy(update={"username": "${HF_USERNAME}"})
    found = words(spec.model_copy(update={"hub": hub, **changes}))
    assert list(found.notes) == notes
    assert found.lost[1:] == OF_TEXT


def test_what_is_not_said_is_said_in_our_words() -> None:
    spec = with_data(example("llm-sft", peft=True, target_modules=None), chat_template=None)
    found = words(spec)
    assert found.method.lora == Lora(rank=16, alpha=32, dropout=0.05, target_modules="all-linear")
    told = found.options["autotrain"]
    assert (told["chat_template"], told["mixed_precision"]) == ("none", "none")
