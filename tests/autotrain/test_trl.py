"""The same as a command of TRL: every argument is one of the installed TRL's, and arrives."""

from __future__ import annotations

import importlib.util
from typing import Any, cast

import pytest

from finetune_sdk.autotrain import AutoTrainSpec, TaskName, TrlRun
from finetune_sdk.errors import ConfigurationError, UnsupportedError
from tests.autotrain.examples import example

HAS_TRL = importlib.util.find_spec("trl") is not None
needs_trl = pytest.mark.skipif(not HAS_TRL, reason="trl is not installed")

FULL = {
    "block_size": 512,
    "lr": 1e-4,
    "epochs": 3,
    "batch_size": 4,
    "warmup_ratio": 0.2,
    "gradient_accumulation": 2,
    "optimizer": "adafactor",
    "scheduler": "cosine",
    "weight_decay": 0.1,
    "max_grad_norm": 0.5,
    "seed": 7,
    "peft": True,
    "quantization": "int4",
    "target_modules": "q_proj,v_proj",
    "lora_r": 4,
    "lora_alpha": 8,
    "lora_dropout": 0.1,
    "dpo_beta": 0.3,
    "logging_steps": 3,
    "use_flash_attention_2": True,
}
TASKS: list[TaskName] = ["llm-sft", "llm-dpo", "llm-reward"]


def with_data(spec: AutoTrainSpec, **data: object) -> AutoTrainSpec:
    return spec.model_copy(update={"data": spec.data.model_copy(update=data)})


@pytest.fixture
def parsed() -> Any:
    """Reads a command line as TRL does, into one table."""

    def parse(run: TrlRun) -> dict[str, object]:
        from dataclasses import fields

        from trl.scripts import dpo, reward, sft

        script = {"sft": sft, "dpo": dpo, "reward": reward}[run.command]
        read = script.make_parser().parse_args_and_config(
            list(run.argv[2:]), fail_with_unknown_args=True
        )
        return {field.name: getattr(one, field.name) for one in read for field in fields(one)}

    return parse


@needs_trl
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("measured", [False, True])
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("params", [{}, FULL])
def test_the_installed_trl_reads_every_argument_as_it_was_meant(
    parsed: Any, task: TaskName, params: dict[str, object], measured: bool
) -> None:
    spec = with_data(example(task, **params), valid_split="test" if measured else None)
    run = spec.to_trl("alice", packing=True, rows=100)
    read = parsed(run)
    # bf16 and the like are settled by the hardware only where nobody says them.
    assert {name: plain(read[name]) for name in run.arguments} == {
        name: plain(value) for name, value in run.arguments.items()
    }


def plain(value: Any) -> Any:
    """TRL keeps some words as enums, and a list of one as its only member."""
    if isinstance(value, list):
        members = cast("list[object]", value)
        return members[0] if len(members) == 1 else members
    return getattr(value, "value", value)


def test_all_numbers_are_the_same() -> None:
    run = example("llm-dpo", **FULL).to_trl("alice")
    assert run.argv[:2] == ("trl", "dpo")
    wanted: dict[str, object] = {
        "num_train_epochs": 3,
        "learning_rate": 1e-4,
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 2,
        "max_length": 512,
        "lr_scheduler_type": "cosine",
        "optim": "adafactor",
        "warmup_steps": 0.2,
        "weight_decay": 0.1,
        "max_grad_norm": 0.5,
        "seed": 7,
        "logging_steps": 3,
        "beta": 0.3,
        "use_peft": True,
        "lora_r": 4,
        "lora_alpha": 8,
        "lora_dropout": 0.1,
        "lora_target_modules": ["q_proj", "v_proj"],
        "load_in_4bit": True,
        "load_in_8bit": False,
        "bf16": False,
        "fp16": False,
        "push_to_hub": True,
        "hub_model_id": "alice/project-1",
        "hub_private_repo": True,
        "dataset_name": "alice/rows",
    }
    assert {name: run.arguments.get(name) for name in wanted} == wanted


@pytest.mark.parametrize(("rows", "steps"), [(None, None), (3, 1), (100, 10), (1000, 25)])
def test_numbers_come_as_often_as_autotrain_would_say_them(
    rows: int | None, steps: int | None
) -> None:
    assert example("llm-sft").to_trl("a", rows=rows).arguments.get("logging_steps") == steps


def test_chat_rows_are_learned_by_their_answers_and_text_whole() -> None:
    chat = example("llm-sft")
    assert chat.to_trl("a").arguments["assistant_only_loss"] is True
    assert chat.to_trl("a", train_on="all").arguments["assistant_only_loss"] is False
    text = with_data(chat, chat_template=None, column_mapping={"text_column": "story"})
    arguments = text.to_trl("a").arguments
    assert (arguments["assistant_only_loss"], arguments["dataset_text_field"]) == (False, "story")
    with pytest.raises(ConfigurationError, match="finished text has no turns"):
        text.to_trl("a", train_on="assistant")


def test_rows_are_put_together_where_that_is_said() -> None:
    spec = example("llm-sft")
    alone, packed = spec.to_trl("a"), spec.to_trl("a", packing=True)
    assert alone.arguments["packing"] is False
    assert any("puts rows together" in note for note in alone.notes)
    assert (packed.arguments["packing"], packed.notes) == (True, ())


def test_validation_rows_are_measured() -> None:
    spec = with_data(example("llm-sft"), train_split="en:train", valid_split="en:test")
    arguments = spec.to_trl("a").arguments
    assert (arguments["dataset_config"], arguments["dataset_train_split"]) == ("en", "train")
    assert (arguments["dataset_test_split"], arguments["eval_strategy"]) == ("test", "epoch")


@pytest.mark.parametrize(
    ("spec", "error", "words"),
    [
        (example("llm-orpo"), UnsupportedError, "no command for ORPO.*autotrain"),
        (
            with_data(example("llm-sft"), chat_template="zephyr"),
            UnsupportedError,
            "`chat_template` is 'zephyr'",
        ),
        (example("llm-dpo", model_ref="org/x"), UnsupportedError, "`model_ref` is 'org/x'"),
        (example("llm-sft", warmup_ratio=1), UnsupportedError, "`warmup_ratio` is 1"),
        (
            with_data(example("llm-sft"), column_mapping={"text_column": "talk"}),
            ConfigurationError,
            "`data.column_mapping.text_column` is 'talk': TRL reads the column `messages`",
        ),
    ],
)
def test_what_trl_cannot_say_is_refused(
    spec: AutoTrainSpec, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        spec.to_trl("alice")


def test_nothing_is_pushed_where_nobody_says_so() -> None:
    spec = example("llm-sft").model_copy(update={"hub": None})
    assert spec.to_trl().arguments["push_to_hub"] is False


def test_a_name_that_is_not_known_yet_is_asked_for() -> None:
    spec = example("llm-sft")
    hub = spec.hub and spec.hub.model_copy(update={"username": "${HF_USERNAME}"})
    with pytest.raises(ConfigurationError, match=r"`hub[.]username` is not known"):
        spec.model_copy(update={"hub": hub}).to_trl()


@pytest.mark.parametrize(
    "params",
    [
        {"merge_adapter": True, "peft": True},
        {"unsloth": True},
        {"distributed_backend": "deepspeed"},
    ],
)
def test_what_is_otherwise_there_is_said(params: dict[str, object]) -> None:
    run = example("llm-sft", **params).to_trl("a", packing=True)
    (note,) = run.notes
    assert f"`{next(iter(params))}`" in note
