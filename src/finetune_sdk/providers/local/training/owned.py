"""Fields of TRL's configuration classes that have a word of ours."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any, get_args

from finetune_sdk.providers.local.training.failures import TrainingFailure

_EPOCHS_WORD = "`epochs` of the method"
_BATCH_WORD = "`batch_size` of the method and `LocalOptions(micro_batch_size=...)`"
_PRECISION_WORD = "`LocalOptions(precision=...)`"
_CHECKPOINTING_WORD = "`LocalOptions(gradient_checkpointing=...)`"
_SEED_WORD = "`seed` of the job"
_ROWS_WORD = "nothing: rows are turned into tokens and labels before TRL sees them"
_EVAL_WORD = "`LocalOptions(eval_steps=..., early_stopping_patience=...)`"
_SAVE_WORD = (
    "`LocalOptions(save_steps=..., keep_checkpoints=...)`; where checkpoints lie is the provider's"
)
_REPORT_WORD = "`LocalOptions(report_to=...)`; progress goes to `jobs.metrics` in any case"
_LAUNCH_WORD = "nothing: how processes are started is the provider's"
_METHOD_WORDS = (
    "beta",
    "desirable_weight",
    "undesirable_weight",
    "center_rewards_coefficient",
    "num_generations",
    "max_completion_length",
    "temperature",
    "reward_weights",
)
_PROMPTS_WORD = (
    "`batch_size` and `num_generations` of the method: each prompt is answered once a step, all "
    "its answers together"
)

OWNED: Mapping[str, str] = {
    "num_train_epochs": _EPOCHS_WORD,
    "max_steps": _EPOCHS_WORD,
    "learning_rate": "`learning_rate` of the method",
    "max_length": "`max_length` of the method",
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
    "dataloader_drop_last": "nothing: every row is learned from",
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
            "chat_template_kwargs",
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
    **{name: f"`{name}` of the method" for name in _METHOD_WORDS},
    **dict.fromkeys(("generation_batch_size", "steps_per_generation"), _PROMPTS_WORD),
    "shuffle_dataset": "nothing: prompts are shuffled by the seed of the job",
    "generate_during_eval": "nothing: answers are not sent to a service",
    "log_completions_hub_repo": "nothing: the model's answers are not sent to the Hub",
    **dict.fromkeys(
        ("local_rank", "fsdp", "fsdp_config", "deepspeed", "parallelism_config", "ddp_backend"),
        _LAUNCH_WORD,
    ),
}
"""The fields, of whichever class has them, and the word to use instead."""


_INSIDE: Mapping[str, Mapping[str, str]] = {
    "accelerator_config": {"gradient_accumulation_kwargs": _BATCH_WORD},
    "generation_kwargs": {
        "max_new_tokens": "`max_completion_length` of the method",
        "max_length": "`max_completion_length` of the method",
        "temperature": "`temperature` of the method",
        "num_return_sequences": "`num_generations` of the method",
        "eos_token_id": "nothing: what ends an answer is read off the chat template",
        "pad_token_id": _ROWS_WORD,
    },
}
"""Fields that are mappings, and their keys that have a word of ours."""


def check_fields(given: Mapping[str, object], kind: Any) -> None:
    """Looks at the fields in `LocalOptions.trl`.

    Args:
        kind: the method's configuration class in the installed TRL.

    Raises:
        TrainingFailure: one is unknown, has a word of ours, or has a value of another kind.
    """
    known = {field.name: field.type for field in dataclasses.fields(kind)}
    for name, value in given.items():
        if name in OWNED and name in known:
            raise TrainingFailure(
                "unknown_hyperparameter",
                f"`LocalOptions.trl` sets {name!r}, which is not taken there; say {OWNED[name]}",
            )
        if name not in known:
            near = difflib.get_close_matches(name, [one for one in known if one not in OWNED])
            hint = f"; near it: {', '.join(map(repr, near))}" if near else ""
            raise TrainingFailure(
                "unknown_hyperparameter",
                f"`LocalOptions.trl` sets {name!r}, which the installed TRL's `{kind.__name__}` "
                f"does not know{hint}",
            )
        _check_inside(name, value)
        _check_kind(name, value, known[name])


def _check_inside(name: str, value: object) -> None:
    ours = _INSIDE.get(name)
    if ours is None or value is None:
        return
    if not isinstance(value, Mapping):
        # TRL takes the path of a file there, or JSON.
        raise TrainingFailure(
            "invalid_hyperparameter",
            f"`LocalOptions.trl` sets {name!r} to {value!r}; give a mapping",
        )
    for key, word in ours.items():
        if key in value:
            raise TrainingFailure(
                "unknown_hyperparameter",
                f"`LocalOptions.trl` sets {key!r} in {name!r}, which is not taken there; say "
                f"{word}",
            )


def _check_kind(name: str, value: object, kind: object) -> None:
    """Numbers and truth values; TRL looks at neither before it needs them."""
    kinds = {kind, *get_args(kind)}
    if not kinds <= {bool, int, float, type(None), kind} or (value is None and type(None) in kinds):
        return
    if bool in kinds:
        fits, words = isinstance(value, bool), "is not True or False"
    elif float in kinds:
        fits, words = isinstance(value, (int, float)), "is no number"
    elif int in kinds:
        fits, words = isinstance(value, int), "is no whole number"
    else:
        return
    if not fits or (isinstance(value, bool) and bool not in kinds):
        raise TrainingFailure(
            "invalid_hyperparameter",
            f"`LocalOptions.trl` sets {name!r} to {value!r}, which {words}",
        )
