"""A job's words as those of TRL and peft: tables, no I/O, no vendor package."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from finetune_sdk.providers.local.options import LocalOptions
from finetune_sdk.providers.local.training.failures import TrainingFailure
from finetune_sdk.providers.local.training.hardware import Choices
from finetune_sdk.types import JobSpec, Lora, TrainOn

SEED = 42
"""The seed of a job that names none."""

_EPOCHS = 3.0
_BATCH_SIZE = 8
_RATES = {True: 2e-4, False: 2e-5}
"""Learning rates by whether LoRA is used: what papers and TRL's own examples begin with."""
_WARMUP = 0.05
_LOGGED = 100
"""Metrics of a kind that a long job measures, about."""

_EPOCHS_WORD = "`Supervised(epochs=...)`"
_BATCH_WORD = "`Supervised(batch_size=...)` and `LocalOptions(micro_batch_size=...)`"
_PRECISION_WORD = "`LocalOptions(precision=...)`"
_CHECKPOINTING_WORD = "`LocalOptions(gradient_checkpointing=...)`"
_SEED_WORD = "`seed` of the job"
_ROWS_WORD = "nothing: rows are turned into tokens and labels before TRL sees them"
_EVAL_WORD = "nothing: validation data is measured at the end of each epoch"
_SAVE_WORD = "nothing: the job's folder and what is kept in it are the provider's"
_REPORT_WORD = "nothing: progress goes to `jobs.metrics`, and nothing leaves this machine"
_LAUNCH_WORD = "nothing: how processes are started is the provider's"

OWNED: Mapping[str, str] = {
    "num_train_epochs": _EPOCHS_WORD,
    "max_steps": _EPOCHS_WORD,
    "learning_rate": "`Supervised(learning_rate=...)`",
    "max_length": "`Supervised(max_length=...)`",
    "per_device_train_batch_size": _BATCH_WORD,
    "per_device_eval_batch_size": _BATCH_WORD,
    "gradient_accumulation_steps": _BATCH_WORD,
    "auto_find_batch_size": _BATCH_WORD,
    "lr_scheduler_type": "`LocalOptions(lr_scheduler=...)`",
    "warmup_steps": "`LocalOptions(warmup_steps=...)`",
    "weight_decay": "`LocalOptions(weight_decay=...)`",
    "max_grad_norm": "`LocalOptions(max_grad_norm=...)`",
    "logging_steps": "`LocalOptions(logging_steps=...)`",
    "train_sampling_strategy": "`LocalOptions(group_by_length=...)`",
    "length_column_name": "`LocalOptions(group_by_length=...)`",
    "bf16": _PRECISION_WORD,
    "fp16": _PRECISION_WORD,
    "bf16_full_eval": _PRECISION_WORD,
    "fp16_full_eval": _PRECISION_WORD,
    "activation_checkpointing": _CHECKPOINTING_WORD,
    "gradient_checkpointing": _CHECKPOINTING_WORD,
    "seed": _SEED_WORD,
    "data_seed": _SEED_WORD,
    "chat_template_path": "`LocalOptions(chat_template=...)`",
    "trust_remote_code": "nothing: code that a model brings is never run",
    "model_init_kwargs": "nothing: the model is loaded by the provider",
    "use_cpu": "nothing: the device is chosen from the machine; CUDA_VISIBLE_DEVICES hides a GPU",
    **dict.fromkeys(
        (
            "dataset_text_field",
            "dataset_kwargs",
            "dataset_num_proc",
            "eos_token",
            "pad_token",
            "truncation_mode",
            "packing",
            "packing_strategy",
            "padding_free",
            "pad_to_multiple_of",
            "eval_packing",
            "completion_only_loss",
            "assistant_only_loss",
            "remove_unused_columns",
            "label_names",
        ),
        _ROWS_WORD,
    ),
    **dict.fromkeys(
        (
            "eval_strategy",
            "eval_steps",
            "eval_delay",
            "eval_on_start",
            "do_train",
            "do_eval",
            "do_predict",
            "prediction_loss_only",
            "load_best_model_at_end",
            "metric_for_best_model",
            "greater_is_better",
        ),
        _EVAL_WORD,
    ),
    **dict.fromkeys(
        (
            "output_dir",
            "save_strategy",
            "save_steps",
            "save_only_model",
            "save_on_each_node",
            "save_total_limit",
            "enable_jit_checkpoint",
            "resume_from_checkpoint",
            "ignore_data_skip",
            "restore_callback_states_from_checkpoint",
        ),
        _SAVE_WORD,
    ),
    **dict.fromkeys(
        (
            "report_to",
            "run_name",
            "project",
            "trackio_space_id",
            "trackio_bucket_id",
            "trackio_static_space_id",
            "push_to_hub",
            "hub_token",
            "hub_private_repo",
            "hub_model_id",
            "hub_strategy",
            "hub_always_push",
            "hub_revision",
            "disable_tqdm",
            "logging_strategy",
            "logging_first_step",
            "logging_nan_inf_filter",
            "include_num_input_tokens_seen",
        ),
        _REPORT_WORD,
    ),
    **dict.fromkeys(
        ("local_rank", "fsdp", "fsdp_config", "deepspeed", "parallelism_config", "ddp_backend"),
        _LAUNCH_WORD,
    ),
}
"""Fields of `SFTConfig` that have a word of ours, and that word."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a job learns, with every default filled in.

    Attributes:
        lora: None trains all weights.
        warmup_steps: None is a share of all steps, known once the rows are counted.
        reasons: a line of words for what was chosen for the caller, by name.
    """

    epochs: float
    batch_size: int
    learning_rate: float
    lora: Lora | None
    train_on: TrainOn
    max_length: int | None
    seed: int
    scheduler: str
    warmup_steps: int | None
    weight_decay: float
    max_grad_norm: float
    logging_steps: int | None
    group_by_length: bool
    reasons: dict[str, str]

    def steps(self, rows: int) -> int:
        """Optimizer steps in all, as transformers counts them."""
        return math.ceil(self.epochs * math.ceil(rows / self.batch_size))


def recipe(spec: JobSpec, options: LocalOptions) -> Recipe:
    """The words of the job and its options, and our defaults where they say nothing."""
    method = spec.method
    lora = _lora(method.lora)
    rate = _RATES[lora is not None]
    chosen = {
        "epochs": (method.epochs, f"{_EPOCHS:g}, the default"),
        "batch_size": (method.batch_size, f"{_BATCH_SIZE}, the default"),
        "learning_rate": (
            method.learning_rate,
            f"{rate:g}, the default for {'LoRA' if lora else 'training all weights'}",
        ),
        "lora": (method.lora, _lora_words(lora)),
        "train_on": (method.train_on, "assistant, the default: the assistant's turns"),
        "seed": (spec.seed, f"{SEED}, the default"),
        "lr_scheduler": (options.lr_scheduler, "cosine, the default"),
        "warmup_steps": (options.warmup_steps, f"{_WARMUP:.0%} of all steps, the default"),
        "group_by_length": (options.group_by_length, "on, because it saves padding"),
    }
    return Recipe(
        epochs=method.epochs or _EPOCHS,
        batch_size=method.batch_size or _BATCH_SIZE,
        learning_rate=method.learning_rate or rate,
        lora=lora,
        train_on=method.train_on or "assistant",
        max_length=method.max_length,
        seed=SEED if spec.seed is None else spec.seed,
        scheduler=options.lr_scheduler or "cosine",
        warmup_steps=options.warmup_steps,
        weight_decay=options.weight_decay or 0.0,
        max_grad_norm=options.max_grad_norm or 1.0,
        logging_steps=options.logging_steps,
        group_by_length=options.group_by_length is not False,
        reasons={name: words for name, (given, words) in chosen.items() if given is None},
    )


def sft_config(
    recipe: Recipe, choices: Choices, options: LocalOptions, *, rows: int, output: Path
) -> dict[str, object]:
    """Keywords of TRL's `SFTConfig`."""
    steps = recipe.steps(rows)
    warmup = recipe.warmup_steps
    ours: dict[str, object] = {
        "output_dir": str(output),
        "num_train_epochs": recipe.epochs,
        "per_device_train_batch_size": choices.micro_batch_size,
        "gradient_accumulation_steps": recipe.batch_size // choices.micro_batch_size,
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": recipe.scheduler,
        "warmup_steps": math.ceil(steps * _WARMUP) if warmup is None else warmup,
        "weight_decay": recipe.weight_decay,
        "max_grad_norm": recipe.max_grad_norm,
        "logging_steps": recipe.logging_steps or math.ceil(steps / _LOGGED),
        "seed": recipe.seed,
        "bf16": choices.precision == "bfloat16",
        "fp16": choices.precision == "float16",
        # The old name, `gradient_checkpointing`, warns since transformers 5.
        "activation_checkpointing": choices.gradient_checkpointing,
        "train_sampling_strategy": "group_by_length" if recipe.group_by_length else "random",
        "use_cpu": choices.device == "cpu",
        "max_length": None,
        "dataset_kwargs": {"skip_prepare_dataset": True},
        "remove_unused_columns": False,
        "save_strategy": "no",
        "eval_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "include_num_input_tokens_seen": "non_padding",
        # The filter would report the loss of another step in place of one that is not a number.
        "logging_nan_inf_filter": False,
    }
    return {**ours, **options.trl}


def lora_config(lora: Lora) -> dict[str, object]:
    """Keywords of peft's `LoraConfig`."""
    modules = lora.target_modules
    return {
        "task_type": "CAUSAL_LM",
        "r": lora.rank,
        "lora_alpha": lora.alpha,
        "lora_dropout": lora.dropout,
        "target_modules": modules if isinstance(modules, str) else list(modules),
    }


def check_fields(given: Iterable[str], known: Collection[str]) -> None:
    """Looks at the names in `LocalOptions.trl`.

    Args:
        known: the fields of the installed `SFTConfig`.

    Raises:
        TrainingFailure: one is unknown, or has a word of ours.
    """
    for name in given:
        if name in OWNED:
            raise TrainingFailure(
                "unknown_hyperparameter",
                f"`LocalOptions.trl` sets {name!r}, which is not taken there; say {OWNED[name]}",
            )
        if name not in known:
            near = difflib.get_close_matches(name, [one for one in known if one not in OWNED])
            hint = f"; near it: {', '.join(map(repr, near))}" if near else ""
            raise TrainingFailure(
                "unknown_hyperparameter",
                f"`LocalOptions.trl` sets {name!r}, which the installed TRL's `SFTConfig` does not "
                f"know{hint}",
            )


def _lora(given: Lora | bool | None) -> Lora | None:
    if isinstance(given, Lora):
        return given
    return None if given is False else Lora()


def _lora_words(lora: Lora | None) -> str:
    if lora is None:
        return "off"
    modules = lora.target_modules
    layers = modules if isinstance(modules, str) else ", ".join(modules)
    return f"rank {lora.rank}, alpha {lora.alpha}, {layers}, the default"
