"""A description as a command of TRL 1.16."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from finetune_sdk.autotrain.tasks import TaskName
from finetune_sdk.errors import ConfigurationError, UnsupportedError

if TYPE_CHECKING:
    from finetune_sdk.autotrain.params import LLMParams
    from finetune_sdk.autotrain.spec import AutoTrainSpec
    from finetune_sdk.types import TrainOn

_COMMANDS: Mapping[TaskName, str] = {
    "llm-sft": "sft",
    "llm-generic": "sft",
    "llm-dpo": "dpo",
    "llm-reward": "reward",
}
_LENGTH = 1024
"""AutoTrain's own, where nobody says one; a tokenizer with less takes less."""

_MESSAGES = "messages"
_NAMES = {
    "prompt_text_column": "prompt",
    "text_column": "chosen",
    "rejected_text_column": "rejected",
}


@dataclass(frozen=True)
class TrlRun:
    """A command of TRL.

    Attributes:
        command: `sft`, `dpo` or `reward`.
        arguments: fields of its configuration classes; none is None.
        notes: what is otherwise than AutoTrain would do it.
    """

    command: str
    arguments: dict[str, object]
    notes: tuple[str, ...] = ()

    @property
    def argv(self) -> tuple[str, ...]:
        """The words of the command line, `trl` first."""
        return ("trl", self.command, *_words(self.arguments))


def run_of(
    spec: AutoTrainSpec,
    username: str | None,
    *,
    train_on: TrainOn | None,
    packing: bool,
    rows: int | None,
) -> TrlRun:
    """The command and its arguments."""
    params = spec.llm
    command = _command(spec)
    _refuse(spec, params, command)
    arguments = {
        **_places(spec, username),
        **_course(params, rows),
        **_adapters(params, command),
        **_measuring(spec, params),
    }
    if command == "sft":
        arguments |= _supervised(spec, train_on, packing=packing)
    if command == "dpo":
        arguments["beta"] = params.dpo_beta
    if command == "reward":
        # AutoTrain's TRL leaves dropout on while it learns to score.
        arguments["disable_dropout"] = False
    return TrlRun(command, arguments, tuple(_notes(params, command, packing=packing)))


def _command(spec: AutoTrainSpec) -> str:
    if spec.task in _COMMANDS:
        return _COMMANDS[spec.task]
    raise UnsupportedError(
        "TRL 1.16 has no command for ORPO, which is experimental there; train it with "
        '`engine = "autotrain"`'
    )


def _refuse(spec: AutoTrainSpec, params: LLMParams, command: str) -> None:
    """What no argument of TRL says, and would change what is learned."""
    if spec.data.chat_template in ("zephyr", "chatml"):
        raise UnsupportedError(
            f"`chat_template` is {spec.data.chat_template!r}: TRL takes the model's own only; "
            'give `tokenizer`, or train with `engine = "autotrain"`'
        )
    if command == "dpo" and params.model_ref and not params.peft:
        raise UnsupportedError(
            f"`model_ref` is {params.model_ref!r}: TRL's command stays near to the base model; "
            'leave it out, or train with `engine = "autotrain"`'
        )
    if params.warmup_ratio == 1:
        raise UnsupportedError(
            "`warmup_ratio` is 1: TRL takes that for one step; give a share below 1"
        )
    _refuse_names(spec, command)


def _refuse_names(spec: AutoTrainSpec, command: str) -> None:
    wanted = _NAMES if command != "sft" else {}
    if command == "sft" and spec.data.chat_template:
        wanted = {"text_column": _MESSAGES}
    for word, column in spec.data.column_mapping.items():
        if wanted.get(word, column) != column:
            raise ConfigurationError(
                f"`data.column_mapping.{word}` is {column!r}: TRL reads the column "
                f"`{wanted[word]}`; rename it in the rows"
            )


def _places(spec: AutoTrainSpec, username: str | None) -> dict[str, object]:
    config, _, split = spec.data.train_split.rpartition(":")
    words: dict[str, object] = {
        "model_name_or_path": spec.base_model,
        # What AutoTrain's transformers loads, whatever the file has.
        "dtype": "float32",
        "dataset_name": spec.data.path,
        "dataset_train_split": split,
        "output_dir": spec.project_name,
        "report_to": spec.log,
    }
    if config:
        words["dataset_config"] = config
    return words | _hub(spec, username)


def _hub(spec: AutoTrainSpec, username: str | None) -> dict[str, object]:
    if spec.hub is None or not spec.hub.push_to_hub:
        return {"push_to_hub": False}
    owner = username or spec.hub.username
    if owner is None or owner.startswith("${"):
        raise ConfigurationError("`hub.username` is not known: give the owner of the repository")
    return {
        "push_to_hub": True,
        "hub_model_id": f"{owner}/{spec.project_name}",
        "hub_private_repo": True,
    }


def _course(params: LLMParams, rows: int | None) -> dict[str, object]:
    words: dict[str, object] = {
        "num_train_epochs": params.epochs,
        "learning_rate": params.lr,
        "per_device_train_batch_size": params.batch_size,
        "per_device_eval_batch_size": params.batch_size,
        "gradient_accumulation_steps": params.gradient_accumulation,
        "auto_find_batch_size": params.auto_find_batch_size,
        "max_length": params.block_size if params.block_size > 0 else _LENGTH,
        "lr_scheduler_type": params.scheduler,
        "optim": params.optimizer,
        # transformers 5 has no `warmup_ratio`: a number below 1 is a share of the steps.
        "warmup_steps": params.warmup_ratio,
        "weight_decay": params.weight_decay,
        "max_grad_norm": params.max_grad_norm,
        "seed": params.seed,
        "save_total_limit": params.save_total_limit,
        "activation_checkpointing": not params.disable_gradient_checkpointing,
        # Said in both cases: TRL takes bf16 where nobody says anything.
        "bf16": params.mixed_precision == "bf16",
        "fp16": params.mixed_precision == "fp16",
    }
    if params.use_flash_attention_2:
        words["attn_implementation"] = "flash_attention_2"
    steps = _logging_steps(params, rows)
    return words if steps is None else words | {"logging_steps": steps}


def _logging_steps(params: LLMParams, rows: int | None) -> int | None:
    """AutoTrain's own rule where nobody says it: a fifth of the batches, 1 to 25."""
    if params.logging_steps > 0:
        return params.logging_steps
    return None if rows is None else min(max(int(0.2 * rows / params.batch_size), 1), 25)


def _adapters(params: LLMParams, command: str) -> dict[str, object]:
    if not params.peft:
        return {"use_peft": False}
    words: dict[str, object] = {
        "use_peft": True,
        "lora_r": params.lora_r,
        "lora_alpha": params.lora_alpha,
        "lora_dropout": params.lora_dropout,
        "lora_task_type": "SEQ_CLS" if command == "reward" else "CAUSAL_LM",
        "load_in_4bit": params.quantization == "int4",
        "load_in_8bit": params.quantization == "int8",
    }
    modules = [name.strip() for name in (params.target_modules or "").split(",") if name.strip()]
    return words | {"lora_target_modules": modules} if modules else words


def _measuring(spec: AutoTrainSpec, params: LLMParams) -> dict[str, object]:
    valid = spec.data.valid_split
    if valid is None or params.eval_strategy == "no":
        return {"eval_strategy": "no", "save_strategy": "no"}
    return {
        "dataset_test_split": valid.rpartition(":")[2],
        "eval_strategy": params.eval_strategy,
        "save_strategy": params.eval_strategy,
        "load_best_model_at_end": True,
    }


def _supervised(
    spec: AutoTrainSpec, train_on: TrainOn | None, *, packing: bool
) -> dict[str, object]:
    chat = spec.data.chat_template is not None
    if train_on == "assistant" and not chat:
        raise ConfigurationError(
            '`train_on` is "assistant": finished text has no turns; give rows with `messages`, '
            "or train on all"
        )
    words: dict[str, object] = {
        "packing": packing,
        "assistant_only_loss": chat and train_on != "all",
    }
    if packing:
        words["packing_strategy"] = "wrapped"
    return (
        words if chat else words | {"dataset_text_field": spec.data.column_mapping["text_column"]}
    )


def _notes(params: LLMParams, command: str, *, packing: bool) -> Iterator[str]:
    if command == "sft" and not packing:
        yield "TRL learns each row by itself; AutoTrain puts rows together up to `block_size`"
    if params.merge_adapter and params.peft:
        yield "`merge_adapter`: TRL saves the adapter; merge it before it is served"
    if params.unsloth:
        yield "`unsloth` is left out: TRL's command does not use it"
    if command == "dpo" and params.max_completion_length:
        yield "`max_completion_length` is left out: TRL looks at the whole row's length only"
    if params.distributed_backend == "deepspeed":
        yield "`distributed_backend` is left out: TRL goes by the configuration of accelerate"


def _words(arguments: Mapping[str, object]) -> Iterator[str]:
    for name, value in arguments.items():
        yield f"--{name}"
        yield from map(str, value) if isinstance(value, list) else [str(value)]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
