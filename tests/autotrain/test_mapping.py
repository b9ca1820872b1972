"""A job as AutoTrain is told it, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from pydantic import JsonValue

from finetune_sdk.autotrain import AutoTrainSpec, Choices, Mapped, of_job, words
from finetune_sdk.autotrain.words import gpus
from finetune_sdk.errors import ConfigurationError, FineTuneError, UnsupportedError
from finetune_sdk.types import (
    DPO,
    KTO,
    ORPO,
    DatasetFile,
    HubDataset,
    JobSpec,
    Lora,
    Method,
    Reward,
    Supervised,
)
from tests.autotrain.examples import example, specs

FILE = DatasetFile(id="alice/rows")


def mapped(
    method: Method,
    options: Mapping[str, JsonValue] | None = None,
    *,
    choices: Choices | None = None,
    seed: int | None = None,
) -> Mapped:
    spec = JobSpec(
        key="k",
        model="org/model",
        method=method,
        training_file=FILE,
        seed=seed,
        options=dict(options or {}),
    )
    return of_job(
        spec,
        project="project-1",
        username="alice",
        data="alice/rows",
        choices=choices or Choices(),
    )


@settings(deadline=None)
@given(spec=specs())
def test_a_description_comes_back_from_its_words(spec: AutoTrainSpec) -> None:
    said = words(spec)
    job = JobSpec(
        key="k",
        model=said.model,
        method=said.method,
        training_file=FILE,
        suffix=said.suffix,
        seed=said.seed,
        options=said.options["autotrain"],
    )
    back = of_job(
        job,
        project=spec.project_name,
        username="alice",
        data=spec.data.path,
        columns=said.columns,
        choices=Choices(gpus=gpus(spec.backend) or 1),
        train_split=spec.data.train_split,
        valid_split=spec.data.valid_split,
        backend=spec.backend,
    )
    assert back.spec == spec


@pytest.mark.parametrize(
    ("method", "task"),
    [
        (Supervised(), "llm-sft"),
        (DPO(), "llm-dpo"),
        (ORPO(), "llm-orpo"),
        (Reward(), "llm-reward"),
    ],
)
def test_each_method_has_its_task(method: Method, task: str) -> None:
    assert mapped(method).spec.task == task


def test_a_method_that_autotrain_does_not_have_is_refused() -> None:
    with pytest.raises(UnsupportedError) as caught:
        mapped(KTO())
    assert caught.value.able == ("local",)


def test_what_is_not_said_is_autotrains_own_and_told() -> None:
    made = mapped(Supervised(), choices=Choices(mixed_precision="bf16"))
    params = made.spec.llm
    assert (params.epochs, params.lr, params.batch_size, params.gradient_accumulation) == (
        1,
        3e-5,
        2,
        4,
    )
    # Two of its defaults are not: they need a GPU, or train all weights.
    assert (params.peft, params.quantization, params.mixed_precision) == (True, None, "bf16")
    assert made.settings == {
        "batch_size": "8: 2 rows at once, 4 times",
        "epochs": "1, AutoTrain's own",
        "learning_rate": "3e-05, AutoTrain's own",
        "lora": "rank 16, alpha 32, dropout 0.05, AutoTrain's own",
        "max_length": "what the tokenizer takes, 1024 at most, AutoTrain's own",
        "quantization": "none; AutoTrain's own int4 needs a CUDA GPU",
        "mixed_precision": "bf16, as the hardware has it",
    }
    assert made.lost == ()


def test_every_word_arrives() -> None:
    made = mapped(
        DPO(
            epochs=3,
            batch_size=24,
            learning_rate=1e-4,
            lora=Lora(rank=8, alpha=4, dropout=0.1, target_modules=("q_proj", "v_proj")),
            max_length=4096,
            beta=0.3,
        ),
        {
            "warmup_ratio": 0.2,
            "quantization": "int4",
            "mixed_precision": "none",
            "chat_template": "none",
            "hardware": "a10g-small",
        },
        seed=7,
        choices=Choices(gpus=3, mixed_precision="bf16"),
    )
    assert made.spec.llm.model_dump(exclude_defaults=True) == {
        "epochs": 3,
        "lr": 1e-4,
        "peft": True,
        "lora_r": 8,
        "lora_alpha": 4,
        "lora_dropout": 0.1,
        "target_modules": "q_proj,v_proj",
        "block_size": 4096,
        "model_max_length": 4096,
        "max_prompt_length": 4096,
        "dpo_beta": 0.3,
        "seed": 7,
        "warmup_ratio": 0.2,
    }
    assert (made.spec.llm.batch_size, made.spec.llm.gradient_accumulation) == (2, 4)
    assert (made.spec.llm.quantization, made.spec.llm.mixed_precision) == ("int4", None)
    assert made.spec.data.chat_template is None


@pytest.mark.parametrize(
    ("rows", "accumulation", "gpus", "shared"),
    [
        (8, None, 1, (2, 4)),
        (7, None, 1, (1, 7)),
        (8, None, 4, (2, 1)),
        (4, None, 4, (1, 1)),
        (8, 1, 1, (8, 1)),
        (24, 3, 2, (4, 3)),
        (None, 8, 4, (2, 8)),
    ],
)
def test_rows_of_a_step_are_shared_out(
    rows: int | None, accumulation: int | None, gpus: int, shared: tuple[int, int]
) -> None:
    options: dict[str, JsonValue] = {"gradient_accumulation": accumulation}
    params = mapped(Supervised(batch_size=rows), options, choices=Choices(gpus=gpus)).spec.llm
    assert (params.batch_size, params.gradient_accumulation) == shared
    assert rows is None or params.batch_size * params.gradient_accumulation * gpus == rows


@pytest.mark.parametrize(
    ("method", "options", "choices", "words"),
    [
        (Supervised(batch_size=6), {}, Choices(gpus=4), "`batch_size` is 6.*4 or 8 would do"),
        (Supervised(batch_size=2), {}, Choices(gpus=4), "; 4 would do"),
        (
            Supervised(batch_size=10),
            {"gradient_accumulation": 4},
            Choices(),
            "`gradient_accumulation` 4.*8 or 12 would do",
        ),
        (Supervised(epochs=0.5), {}, Choices(), 'engine = "trl"'),
        (Supervised(max_length=8), {"block_size": 9}, Choices(), "are the same thing"),
        (Supervised(lora=False), {"quantization": "int4"}, Choices(), "needs adapters"),
        (Supervised(), {"logging_steps": 0}, Choices(), "`logging_steps` is 0: it should be 1"),
    ],
)
def test_what_does_not_go_is_refused_with_a_way_on(
    method: Method, options: dict[str, JsonValue], choices: Choices, words: str
) -> None:
    with pytest.raises((ConfigurationError, UnsupportedError)) as caught:
        mapped(method, options, choices=choices)
    assert re.search(words, str(caught.value))
    assert isinstance(caught.value, FineTuneError)


def test_a_part_of_an_epoch_is_for_trl() -> None:
    made = mapped(Supervised(epochs=0.5), choices=Choices(engine="trl")).spec
    assert made.to_trl().arguments["num_train_epochs"] == 0.5


@pytest.mark.parametrize(
    ("method", "seed", "word"),
    [
        (Supervised(), 7, "`seed`"),
        (ORPO(beta=0.2), None, "`beta`"),
        (Supervised(train_on="assistant"), None, "`train_on`"),
        (Reward(center_rewards_coefficient=0.1), None, "`center_rewards_coefficient`"),
    ],
)
def test_what_autotrain_does_not_do_is_said(method: Method, seed: int | None, word: str) -> None:
    (lost,) = mapped(method, seed=seed).lost
    assert lost.startswith(word)


def test_a_dataset_of_the_hub_is_told_from_a_folder() -> None:
    spec = example("llm-sft")
    spec = spec.model_copy(
        update={
            "data": spec.data.model_copy(update={"train_split": "en:train", "valid_split": "test"})
        }
    )
    said = words(spec)
    assert said.training_data == HubDataset(id="alice/rows", split="train", config="en")
    assert said.validation_data == HubDataset(id="alice/rows", split="test")
    assert words(spec, local=True).training_data == ("alice/rows", "en:train")
    here = spec.model_copy(update={"data": spec.data.model_copy(update={"path": "./rows"})})
    assert words(here).validation_data == ("./rows", "test")


def test_a_split_that_nobody_can_name_is_refused() -> None:
    spec = example("llm-sft")
    sliced = spec.data.model_copy(update={"train_split": "train[:10]"})
    with pytest.raises(ConfigurationError, match=r"names the rows 'train\[:10\]'"):
        words(spec.model_copy(update={"data": sliced}))


def test_what_another_provider_does_otherwise_is_said() -> None:
    said = words(example("llm-sft", warmup_ratio=0.2))
    assert "`warmup_ratio`" in said.lost[0]
    assert any("all tokens" in word for word in said.lost)
    assert words(example("llm-generic")).notes[0].startswith("`llm-generic` is trained as")
