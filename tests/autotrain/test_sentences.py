"""What people read of a description that does not go, to the last word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import JsonValue

from finetune_sdk.autotrain import HARDWARE, AutoTrainSpec, Choices, of_job, project_name, words
from finetune_sdk.autotrain.words import gpus
from finetune_sdk.errors import ConfigurationError, FineTuneError, UnsupportedError
from finetune_sdk.types import (
    DPO,
    KTO,
    ORPO,
    DatasetFile,
    JobSpec,
    Lora,
    Method,
    Reward,
    Supervised,
)
from tests.autotrain.examples import CLASSIFIER, example
from tests.autotrain.test_mapping import FILE, mapped
from tests.autotrain.test_trl import with_data

OTHER = AutoTrainSpec.from_yaml(CLASSIFIER, source="at.yml")
WHOLE = 'AutoTrain makes whole passes only; give a whole number, or train with `engine = "trl"`'


@pytest.mark.parametrize(
    ("call", "kind", "sentence"),
    [
        (
            lambda: mapped(KTO()),
            UnsupportedError,
            "AutoTrain does not know the method `kto`",
        ),
        (
            lambda: mapped(Supervised(epochs=0.5)),
            UnsupportedError,
            f"`epochs` is 0.5: {WHOLE}",
        ),
        (
            lambda: example("llm-sft", epochs=0.5).to_params(),
            UnsupportedError,
            f"`epochs` is 0.5: {WHOLE}",
        ),
        (
            lambda: mapped(Supervised(max_length=8), {"block_size": 9}),
            ConfigurationError,
            "`max_length` is 8 and the option `block_size` is 9; they are the same thing: give one",
        ),
        (
            lambda: mapped(Supervised(lora=False), {"quantization": "int8"}),
            ConfigurationError,
            "`quantization` is 'int8', which needs adapters; leave it out, or do not give "
            "`lora=False`",
        ),
        (
            lambda: mapped(Supervised(), {"logging_steps": 0, "warmup_ratio": 2}),
            ConfigurationError,
            "AutoTrain's `logging_steps` is 0: it should be 1 or more, or -1 for AutoTrain's own "
            "choice; AutoTrain's `warmup_ratio` is 2: it should be less than or equal to 1",
        ),
        (
            lambda: mapped(Supervised(batch_size=6), choices=Choices(gpus=4)),
            ConfigurationError,
            "`batch_size` is 6, which 4 device(s) cannot share evenly; 4 or 8 would do",
        ),
        (
            lambda: mapped(Supervised(batch_size=3), {"gradient_accumulation": 4}),
            ConfigurationError,
            "`batch_size` is 3, which 1 device(s) and `gradient_accumulation` 4 cannot share "
            "evenly; 4 would do",
        ),
        (
            lambda: words(
                with_data(example("llm-sft"), train_split="train[:9]"),
            ),
            ConfigurationError,
            "`data` names the rows 'train[:9]' of 'alice/rows': that is neither a folder here nor "
            "a split of a dataset on the Hub, such as `train` of `alice/rows`",
        ),
        (
            lambda: OTHER.llm,
            UnsupportedError,
            "the task `text-classification` trains no language model; it can be read and written, "
            "and trained with AutoTrain itself (`autotrain --config`)",
        ),
        (
            lambda: example("llm-generic").to_rest("bob", "t4-small"),
            UnsupportedError,
            "AutoTrain's REST API cannot run `llm-generic`; take another runner, or `llm-sft`",
        ),
        (
            lambda: OTHER.model_copy(update={"task": "tabular"}).to_rest("bob", "t4-small"),
            UnsupportedError,
            "AutoTrain's REST API cannot run `tabular`; take another runner",
        ),
        (
            lambda: example("llm-sft").to_rest("bob", "h100"),
            ConfigurationError,
            "`hardware` is 'h100', which AutoTrain's REST API does not know; it takes "
            + ", ".join(f"`{name.removeprefix('spaces-')}`" for name in HARDWARE),
        ),
        (
            lambda: with_data(example("llm-sft"), path="./rows").to_rest("bob", "t4-small"),
            ConfigurationError,
            "`data.path` is './rows': AutoTrain's REST API reads rows from the Hub only; give a "
            "dataset's id, such as `alice/rows`",
        ),
        (
            lambda: example("llm-orpo").to_trl(),
            UnsupportedError,
            "TRL 1.16 has no command for ORPO, which is experimental there; train it with "
            '`engine = "autotrain"`',
        ),
        (
            lambda: with_data(example("llm-sft"), chat_template="chatml").to_trl(),
            UnsupportedError,
            "`chat_template` is 'chatml': TRL takes the model's own only; give `tokenizer`, or "
            'train with `engine = "autotrain"`',
        ),
        (
            lambda: example("llm-dpo", model_ref="org/x").to_trl(),
            UnsupportedError,
            "`model_ref` is 'org/x': TRL's command stays near to the base model; leave it out, or "
            'train with `engine = "autotrain"`',
        ),
        (
            lambda: example("llm-sft", warmup_ratio=1).to_trl(),
            UnsupportedError,
            "`warmup_ratio` is 1: TRL takes that for one step; give a share below 1",
        ),
        (
            lambda: with_data(
                example("llm-dpo"),
                column_mapping={
                    "prompt_text_column": "prompt",
                    "text_column": "best",
                    "rejected_text_column": "rejected",
                },
            ).to_trl(),
            ConfigurationError,
            "`data.column_mapping.text_column` is 'best': TRL reads the column `chosen`; rename "
            "it in the rows",
        ),
        (
            lambda: with_data(example("llm-sft"), chat_template=None).to_trl(train_on="assistant"),
            ConfigurationError,
            '`train_on` is "assistant": finished text has no turns; give rows with `messages`, or '
            "train on all",
        ),
    ],
)
def test_what_does_not_go_is_a_sentence(
    call: Callable[[], object], kind: type[FineTuneError], sentence: str
) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value).removesuffix("; providers that can: local") == sentence


@pytest.mark.parametrize(
    ("task", "params", "notes"),
    [
        (
            "llm-sft",
            {"merge_adapter": True, "peft": True},
            [
                "TRL learns each row by itself; AutoTrain puts rows together up to `block_size`",
                "`merge_adapter`: TRL saves the adapter; merge it before it is served",
            ],
        ),
        ("llm-reward", {"merge_adapter": True, "max_completion_length": 9}, []),
        (
            "llm-dpo",
            {"unsloth": True, "max_completion_length": 9, "distributed_backend": "deepspeed"},
            [
                "`unsloth` is left out: TRL's command does not use it",
                "`max_completion_length` is left out: TRL looks at the whole row's length only",
                "`distributed_backend` is left out: TRL goes by the configuration of accelerate",
            ],
        ),
        ("llm-dpo", {"distributed_backend": "ddp", "model_ref": "org/x", "peft": True}, []),
    ],
)
def test_what_trl_leaves_out_is_told(
    task: Any, params: dict[str, object], notes: list[str]
) -> None:
    assert list(example(task, **params).to_trl().notes) == notes


# A job's words


@pytest.mark.parametrize(
    ("method", "options", "seed", "lost"),
    [
        (
            Supervised(train_on="assistant"),
            {},
            7,
            [
                "`seed`: AutoTrain does not hand it to its trainer and always uses 42",
                "`train_on`: AutoTrain learns all tokens of a row",
            ],
        ),
        (Supervised(train_on="all"), {}, 42, []),
        (Supervised(), {"unsloth": True}, 7, []),
        (
            ORPO(beta=0.2),
            {},
            None,
            ["`beta`: AutoTrain does not hand it to ORPO and always uses 0.1"],
        ),
        (ORPO(beta=0.1), {}, None, []),
        (DPO(beta=0.2), {}, None, []),
        (
            Reward(center_rewards_coefficient=0.1),
            {},
            None,
            ["`center_rewards_coefficient`: AutoTrain has no word for it"],
        ),
    ],
)
def test_what_autotrain_does_not_do_is_told(
    method: Method, options: dict[str, JsonValue], seed: int | None, lost: list[str]
) -> None:
    assert list(mapped(method, options, seed=seed).lost) == lost


def test_validation_rows_are_not_measured_by_autotrain() -> None:
    spec = JobSpec(
        key="k",
        model="m",
        method=Supervised(),
        training_file=FILE,
        validation_file=DatasetFile(id="alice/valid"),
    )
    made = of_job(spec, project="p", username="alice", data="a/b", choices=Choices())
    assert made.lost == ("validation data: AutoTrain's trainer of language models crashes on it",)
    assert (made.spec.backend, made.spec.data.train_split) == ("local", "train")
    assert made.spec.hub is not None
    assert made.spec.hub.model_dump() == {
        "username": "alice",
        "token": "${HF_TOKEN}",
        "push_to_hub": True,
    }


@pytest.mark.parametrize(
    ("method", "options", "choices", "settings"),
    [
        (
            Supervised(epochs=2, learning_rate=1e-4, lora=False, max_length=64, batch_size=16),
            {},
            Choices(gpus=2),
            {"batch_size": "16: 2 rows at once, 4 times, 2 devices", "mixed_precision": "none"},
        ),
        (
            DPO(epochs=1, learning_rate=1e-4, lora=Lora(rank=4), max_length=64),
            {"quantization": "int4", "mixed_precision": "fp16"},
            Choices(),
            {
                "batch_size": "8: 2 rows at once, 4 times",
                "max_prompt_length": "64; AutoTrain's own 128 cuts prompts",
            },
        ),
        (
            ORPO(epochs=1, learning_rate=1e-4, lora=True),
            {"quantization": "none", "mixed_precision": "none"},
            Choices(),
            {
                "batch_size": "8: 2 rows at once, 4 times",
                "lora": "rank 16, alpha 32, dropout 0.05, AutoTrain's own",
                "max_length": "what the tokenizer takes, 1024 at most, AutoTrain's own",
                "max_prompt_length": "1024; AutoTrain's own 128 cuts prompts",
            },
        ),
        (
            DPO(epochs=1, learning_rate=1e-4, lora=False, max_length=4096),
            {"max_prompt_length": 9, "mixed_precision": "bf16"},
            Choices(),
            {"batch_size": "8: 2 rows at once, 4 times"},
        ),
    ],
)
def test_what_was_chosen_is_told(
    method: Method, options: dict[str, JsonValue], choices: Choices, settings: dict[str, str]
) -> None:
    found = mapped(method, options, choices=choices).settings
    told = {name: words.removesuffix(", as the hardware has it") for name, words in found.items()}
    assert told == settings


@pytest.mark.parametrize(
    ("method", "options", "lengths"),
    [
        (Supervised(), {}, (-1, 2048, 128)),
        (Supervised(max_length=4096), {}, (4096, 4096, 128)),
        (Supervised(max_length=64), {"block_size": 64}, (64, 2048, 128)),
        (DPO(), {}, (-1, 2048, 1024)),
        (ORPO(max_length=1), {}, (1, 2048, 1)),
        (Reward(max_length=3000), {"model_max_length": 9}, (3000, 9, 128)),
        (DPO(), {"block_size": 512, "max_prompt_length": 9}, (512, 2048, 9)),
    ],
)
def test_lengths_go_together(
    method: Method, options: dict[str, JsonValue], lengths: tuple[int, int, int]
) -> None:
    params = mapped(method, options).spec.llm
    assert (params.block_size, params.model_max_length, params.max_prompt_length) == lengths


def test_rows_have_the_template_that_they_need_where_nobody_says_one() -> None:
    assert mapped(Supervised()).spec.data.chat_template == "tokenizer"
    assert mapped(Supervised(), {"chat_template": "chatml"}).spec.data.chat_template == "chatml"
    text = Choices(chat_template=None)
    assert mapped(Supervised(), choices=text).spec.data.chat_template is None


@pytest.mark.parametrize(
    ("backend", "count"),
    [
        ("local", None),
        ("local-ui", None),
        ("spaces-l4x4", 4),
        ("spaces-a10g-largex2", 2),
        ("spaces-t4-small", 1),
        ("dgx-8a100", 8),
        ("ep-aws", 1),
    ],
)
def test_a_machine_says_how_many_devices_it_has(backend: str, count: int | None) -> None:
    assert gpus(backend) == count


@pytest.mark.parametrize(
    ("suffix", "model", "begin"),
    [
        ("My recipes!", "org/model", "My-recipes-"),
        (None, "org/model-2.5", "model-2-5-"),
        ("???", "org/my_model", "my-model-"),
        ("", "???", "model-"),
        ("a" * 60, "m", "a" * 39 + "-"),
        ("X" * 60, "m", "X" * 39 + "-"),
        ("a" * 38 + "-b", "m", "a" * 38 + "-"),
    ],
)
def test_a_project_is_named_after_its_words(suffix: str | None, model: str, begin: str) -> None:
    name = project_name(suffix, model, "key")
    assert name == f"{begin}2c70e12b7a"
    assert len(name) <= 50
