"""A job's words as those of TRL and peft: tables, no I/O, no vendor package."""

from __future__ import annotations

from pathlib import Path

from finetune_sdk.providers.local.training import parting
from finetune_sdk.providers.local.training.hardware import Choices
from finetune_sdk.providers.local.training.recipe import Recipe
from finetune_sdk.types import Lora


def arguments(recipe: Recipe, choices: Choices, *, rows: int, output: Path) -> dict[str, object]:
    """Keywords that the configuration classes of all methods share."""
    return {
        "output_dir": str(output),
        "num_train_epochs": recipe.epochs,
        "per_device_train_batch_size": choices.micro_batch_size,
        "gradient_accumulation_steps": recipe.batch_size // choices.at_once,
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
        **parting.keywords(choices.parallel),
    }


def supervised(recipe: Recipe) -> dict[str, object]:
    """Keywords of `SFTConfig` alone: its rows come as tokens and labels."""
    return {
        "train_sampling_strategy": "group_by_length" if recipe.group_by_length else "random",
        "max_length": None,
        "dataset_kwargs": {"skip_prepare_dataset": True},
        "remove_unused_columns": False,
    }


def answers(recipe: Recipe, micro_batch: int) -> dict[str, object]:
    """Keywords that the classes for preferences share: their rows come as tokens.

    Args:
        micro_batch: rows that are measured at once.
    """
    dropout = recipe.lora.dropout if recipe.lora else 0.0
    return {
        "per_device_eval_batch_size": micro_batch,
        "max_length": None,
        # These classes switch dropout off, that of adapters too, unless they are told not to.
        "disable_dropout": not dropout,
        "remove_unused_columns": False,
    }


def pairs(recipe: Recipe, micro_batch: int) -> dict[str, object]:
    """Keywords of the classes that learn from pairs."""
    return {
        **answers(recipe, micro_batch),
        "train_sampling_strategy": "group_by_length" if recipe.group_by_length else "random",
    }


def reinforcement(recipe: Recipe, choices: Choices, generations: int) -> dict[str, object]:
    """Keywords of `GRPOConfig`, which counts answers where we count prompts.

    Args:
        generations: answers to each prompt.
    """
    answers = choices.micro_batch_size * generations
    return {
        "num_generations": generations,
        "per_device_train_batch_size": answers,
        "per_device_eval_batch_size": answers,
        "gradient_accumulation_steps": recipe.batch_size // choices.at_once,
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
