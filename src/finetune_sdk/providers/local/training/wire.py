"""A job's words as those of TRL and peft: tables, no I/O, no vendor package."""

from __future__ import annotations

from pathlib import Path

from finetune_sdk.providers.local.training.hardware import Choices
from finetune_sdk.providers.local.training.recipe import Recipe
from finetune_sdk.types import Lora


def arguments(recipe: Recipe, choices: Choices, *, rows: int, output: Path) -> dict[str, object]:
    """Keywords that the configuration classes of all methods share."""
    return {
        "output_dir": str(output),
        "num_train_epochs": recipe.epochs,
        "per_device_train_batch_size": choices.micro_batch_size,
        "gradient_accumulation_steps": recipe.batch_size // choices.micro_batch_size,
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": recipe.scheduler,
        "warmup_steps": recipe.warmup(rows),
        "weight_decay": recipe.weight_decay,
        "max_grad_norm": recipe.max_grad_norm,
        "logging_steps": recipe.log_every(rows),
        "seed": recipe.seed,
        "bf16": choices.precision == "bfloat16",
        "fp16": choices.precision == "float16",
        # The old name, `gradient_checkpointing`, warns since transformers 5.
        "activation_checkpointing": choices.gradient_checkpointing,
        "use_cpu": choices.device == "cpu",
        "save_strategy": "no",
        "eval_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "include_num_input_tokens_seen": "non_padding",
        # The filter would report the loss of another step in place of one that is not a number.
        "logging_nan_inf_filter": False,
    }


def supervised(recipe: Recipe) -> dict[str, object]:
    """Keywords of `SFTConfig` alone: its rows come as tokens and labels."""
    return {
        "train_sampling_strategy": "group_by_length" if recipe.group_by_length else "random",
        "max_length": None,
        "dataset_kwargs": {"skip_prepare_dataset": True},
        "remove_unused_columns": False,
    }


def lora_config(lora: Lora, task: str) -> dict[str, object]:
    """Keywords of peft's `LoraConfig`; `task` is peft's own word for the kind of model."""
    modules = lora.target_modules
    return {
        "task_type": task,
        "r": lora.rank,
        "lora_alpha": lora.alpha,
        "lora_dropout": lora.dropout,
        "target_modules": modules if isinstance(modules, str) else list(modules),
    }
