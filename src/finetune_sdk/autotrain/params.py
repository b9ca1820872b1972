"""The parameters of AutoTrain's trainer of language models, by its own names."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from finetune_sdk.types._base import Value

Count = Annotated[int, Field(ge=1)]


def _said(word: object) -> object:
    """AutoTrain takes these words, as its own forms send them, for no choice."""
    return None if isinstance(word, str) and word.lower() in ("none", "no", "") else word


def _own_or_more(number: int) -> int:
    if number != -1 and number < 1:
        raise ValueError("it should be 1 or more, or -1 for AutoTrain's own choice")
    return number


def _whole(number: float) -> float:
    return int(number) if number == int(number) else number


Counted = Annotated[int, AfterValidator(_own_or_more)]
"""A count; -1 leaves it to AutoTrain."""

ChatTemplate = Annotated[Literal["zephyr", "chatml", "tokenizer"] | None, BeforeValidator(_said)]
Precision = Annotated[Literal["fp16", "bf16"] | None, BeforeValidator(_said)]
Quantization = Annotated[Literal["int4", "int8"] | None, BeforeValidator(_said)]


class LLMParams(Value):
    """How AutoTrain 0.8.36 learns: `LLMTrainingParams` without what says where.

    Attributes:
        block_size: tokens of a sequence; -1 is what the tokenizer takes, 1024 at most.
        model_max_length: tokens that a tokenizer without a limit of its own takes.
        logging_steps: -1 is a fifth of the steps of an epoch, 1 to 25.
        lr: the peak learning rate.
        epochs: passes; AutoTrain takes whole ones only, and only TRL a part of one.
        batch_size: rows on each device at once.
        gradient_accumulation: batches of each device that make an optimizer step.
        quantization: of the base model's weights; AutoTrain reads it with `peft` only.
        target_modules: layers that get adapters, with commas between them.
        model_ref: of DPO without `peft`: what to stay near to, in place of the base model.
        dpo_beta: AutoTrain reads it for DPO only.
        seed: AutoTrain reads it with `unsloth` only; otherwise it always trains with 42.
    """

    # `model_ref` and `model_max_length` are AutoTrain's names.
    model_config = ConfigDict(protected_namespaces=(), hide_input_in_errors=True)

    add_eos_token: bool = True
    block_size: Counted = -1
    model_max_length: Count = 2048
    padding: Literal["left", "right"] | None = "right"

    use_flash_attention_2: bool = False
    disable_gradient_checkpointing: bool = False
    logging_steps: Counted = -1
    eval_strategy: Literal["no", "steps", "epoch"] = "epoch"
    save_total_limit: Count = 1
    auto_find_batch_size: bool = False
    mixed_precision: Precision = None
    lr: Annotated[float, Field(gt=0)] = 3e-5
    epochs: Annotated[float, Field(gt=0), AfterValidator(_whole)] = 1
    batch_size: Count = 2
    warmup_ratio: Annotated[float, Field(ge=0, le=1)] = 0.1
    gradient_accumulation: Count = 4
    optimizer: str = "adamw_torch"
    scheduler: str = "linear"
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    seed: Annotated[int, Field(ge=0)] = 42

    quantization: Quantization = "int4"
    target_modules: str | None = "all-linear"
    merge_adapter: bool = False
    peft: bool = False
    lora_r: Count = 16
    lora_alpha: Count = 32
    lora_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.05

    model_ref: str | None = None
    dpo_beta: Annotated[float, Field(gt=0)] = 0.1

    max_prompt_length: Count = 128
    max_completion_length: Count | None = None

    unsloth: bool = False
    distributed_backend: Literal["ddp", "deepspeed"] | None = None
