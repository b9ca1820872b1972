"""Fields of TRL's configuration classes that have a word of ours."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping

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


def check_fields(given: Iterable[str], known: Collection[str], kind: str) -> None:
    """Looks at the names in `LocalOptions.trl`.

    Args:
        known: the fields of the method's configuration class in the installed TRL.
        kind: that class's name.

    Raises:
        TrainingFailure: one is unknown, or has a word of ours.
    """
    for name in given:
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
                f"`LocalOptions.trl` sets {name!r}, which the installed TRL's `{kind}` does not "
                f"know{hint}",
            )
