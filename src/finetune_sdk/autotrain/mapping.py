"""A job's words as AutoTrain's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from finetune_sdk.autotrain import reading
from finetune_sdk.autotrain.batches import Batch, batch
from finetune_sdk.autotrain.params import ChatTemplate, LLMParams
from finetune_sdk.autotrain.spec import AutoTrainSpec, Data, Hub
from finetune_sdk.autotrain.tasks import TaskName
from finetune_sdk.errors import ConfigurationError, UnsupportedError
from finetune_sdk.types import DPO, ORPO, BaseMethod, JobSpec, Lora, MethodName, Reward, Supervised

TASK_OF: Mapping[MethodName, TaskName] = {
    MethodName.SUPERVISED: "llm-sft",
    MethodName.DPO: "llm-dpo",
    MethodName.ORPO: "llm-orpo",
    MethodName.REWARD: "llm-reward",
}
"""What AutoTrain has for a method."""

COLUMNS: Mapping[MethodName, Mapping[str, str]] = {
    MethodName.SUPERVISED: {"text_column": "messages"},
    MethodName.DPO: {
        "prompt_text_column": "prompt",
        "text_column": "chosen",
        "rejected_text_column": "rejected",
    },
    MethodName.ORPO: {
        "prompt_text_column": "prompt",
        "text_column": "chosen",
        "rejected_text_column": "rejected",
    },
    MethodName.REWARD: {"text_column": "chosen", "rejected_text_column": "rejected"},
}
"""The columns of rows that nobody has renamed."""

OPTIONS = (
    "gradient_accumulation",
    "warmup_ratio",
    "scheduler",
    "optimizer",
    "weight_decay",
    "max_grad_norm",
    "quantization",
    "mixed_precision",
    "block_size",
    "model_max_length",
    "padding",
    "add_eos_token",
    "use_flash_attention_2",
    "disable_gradient_checkpointing",
    "logging_steps",
    "eval_strategy",
    "save_total_limit",
    "auto_find_batch_size",
    "merge_adapter",
    "unsloth",
    "distributed_backend",
    "model_ref",
    "max_prompt_length",
    "max_completion_length",
)
"""Parameters that are told by the options; the others are the method's own words."""

_TEMPLATE: TypeAdapter[ChatTemplate] = TypeAdapter(ChatTemplate)

TOKEN = "${HF_TOKEN}"  # noqa: S105 - the name of the variable
"""Where AutoTrain finds the token."""

_OWN = LLMParams()
_WITH_PROMPTS: frozenset[TaskName] = frozenset({"llm-dpo", "llm-orpo"})
_LENGTH = 1024
_TOKENIZER = 2048


@dataclass(frozen=True)
class Choices:
    """What the hardware and the rows decide.

    Attributes:
        gpus: devices that share a batch; 1 without a GPU.
        mixed_precision: what the hardware has.
        chat_template: what the rows need where the options do not say it: None for finished text.
        engine: that will read it; AutoTrain makes whole passes only.
    """

    gpus: int = 1
    mixed_precision: Literal["bf16", "fp16"] | None = None
    chat_template: Literal["tokenizer"] | None = "tokenizer"
    engine: Literal["autotrain", "trl"] = "autotrain"


@dataclass(frozen=True)
class Mapped:
    """A job as AutoTrain is told it.

    Attributes:
        lost: what AutoTrain does not do of what was asked.
        settings: what was chosen for the caller and why, by name.
    """

    spec: AutoTrainSpec
    lost: tuple[str, ...] = ()
    settings: dict[str, str] = field(default_factory=dict[str, str])


def of_job(
    spec: JobSpec,
    *,
    project: str,
    username: str,
    data: str,
    columns: Mapping[str, str] | None = None,
    choices: Choices,
    train_split: str = "train",
    valid_split: str | None = None,
    backend: str = "local",
) -> Mapped:
    """A job as AutoTrain is told it.

    Args:
        spec: the job; of its options those that name parameters are read.
        project: the name of the project.
        username: the owner of what is made.
        data: a dataset of the Hub, or a folder.
        columns: by AutoTrain's word, where the rows have other columns than `COLUMNS` says.
        choices: what the hardware and the rows decide.
        train_split: the rows to learn from.
        valid_split: the rows to measure on, which only the engine `trl` reads.
        backend: AutoTrain's word for where it runs.

    Raises:
        ConfigurationError: the words contradict each other, or AutoTrain does not take one.
        UnsupportedError: AutoTrain cannot do it.
    """
    method, options = spec.method, spec.options
    if method.name not in TASK_OF:
        raise UnsupportedError(
            f"AutoTrain does not know the method `{method.name}`", able=["local"]
        )
    _refuse(method, options, choices)
    shared = batch(method.batch_size, options.get("gradient_accumulation"), choices.gpus)
    try:
        made = AutoTrainSpec(
            task=TASK_OF[method.name],
            base_model=spec.model,
            project_name=project,
            backend=backend,
            data=Data(
                path=data,
                train_split=train_split,
                valid_split=valid_split,
                column_mapping=dict(columns or COLUMNS[method.name]),
                chat_template=_template(options, choices),
            ),
            params=LLMParams.model_validate(_params(spec, shared, choices)),
            hub=Hub(username=username, token=TOKEN, push_to_hub=True),
        )
    except ValidationError as error:
        told = (f"AutoTrain's `{name}` {words}" for name, words in reading.faults(error))
        raise ConfigurationError("; ".join(told)) from None
    return Mapped(made, tuple(_lost(spec)), _settings(spec, made, shared, choices))


def _refuse(method: BaseMethod, options: Mapping[str, object], choices: Choices) -> None:
    epochs, length = method.epochs, options.get("block_size")
    if choices.engine == "autotrain" and epochs is not None and not float(epochs).is_integer():
        raise UnsupportedError(
            f"`epochs` is {epochs}: AutoTrain makes whole passes only; give a whole number, or "
            'train with `engine = "trl"`'
        )
    if None not in (method.max_length, length) and method.max_length != length:
        raise ConfigurationError(
            f"`max_length` is {method.max_length} and the option `block_size` is {length}; "
            "they are the same thing: give one"
        )
    if method.lora is False and options.get("quantization") in ("int4", "int8"):
        raise ConfigurationError(
            f"`quantization` is {options['quantization']!r}, which needs adapters; leave it "
            "out, or do not give `lora=False`"
        )


def _template(options: Mapping[str, object], choices: Choices) -> ChatTemplate:
    word = options.get("chat_template")
    return choices.chat_template if word is None else _TEMPLATE.validate_python(word)


def _params(spec: JobSpec, shared: Batch, choices: Choices) -> dict[str, object]:
    method = spec.method
    words: dict[str, object] = {
        "quantization": None,
        "mixed_precision": choices.mixed_precision,
        "epochs": method.epochs,
        "lr": method.learning_rate,
        "seed": spec.seed,
        "block_size": method.max_length,
        "peft": method.lora is not False,
        "dpo_beta": method.beta if isinstance(method, DPO) else None,
        **_lora(method.lora),
    }
    words |= {name: spec.options[name] for name in OPTIONS if spec.options.get(name) is not None}
    words |= {"batch_size": shared.rows, "gradient_accumulation": shared.accumulation}
    length = words["block_size"]
    usual = lengths(length if isinstance(length, int) else None, TASK_OF[method.name])
    words = {**usual, **words}
    # These two have no choice as a choice of their own; of the others it is AutoTrain's.
    stay = ("quantization", "mixed_precision")
    return {name: value for name, value in words.items() if value is not None or name in stay}


def _lora(lora: Lora | bool | None) -> dict[str, object]:
    if not isinstance(lora, Lora):
        return {}
    modules = lora.target_modules
    return {
        "lora_r": lora.rank,
        "lora_alpha": lora.alpha,
        "lora_dropout": lora.dropout,
        "target_modules": modules if isinstance(modules, str) else ",".join(modules),
    }


def lengths(block_size: int | None, task: TaskName) -> dict[str, int]:
    """Lengths that go with a block's, where nobody says them."""
    block = block_size if block_size and block_size > 0 else None
    # A tokenizer without a limit would cut the block to the length that stands there.
    told = {"model_max_length": max(_TOKENIZER, block or 0)}
    if task in _WITH_PROMPTS:
        # AutoTrain's own 128 would cut prompts in silence.
        told["max_prompt_length"] = block or _LENGTH
    return told


def _lost(spec: JobSpec) -> Iterator[str]:
    method = spec.method
    if spec.seed not in (None, _OWN.seed) and not spec.options.get("unsloth"):
        yield f"`seed`: AutoTrain does not hand it to its trainer and always uses {_OWN.seed}"
    if spec.validation_file is not None:
        yield "validation data: AutoTrain's trainer of language models crashes on it"
    if isinstance(method, ORPO) and method.beta not in (None, _OWN.dpo_beta):
        yield f"`beta`: AutoTrain does not hand it to ORPO and always uses {_OWN.dpo_beta}"
    if isinstance(method, Supervised) and method.train_on == "assistant":
        yield "`train_on`: AutoTrain learns all tokens of a row"
    if isinstance(method, Reward) and method.center_rewards_coefficient is not None:
        yield "`center_rewards_coefficient`: AutoTrain has no word for it"


def _settings(
    spec: JobSpec, made: AutoTrainSpec, shared: Batch, choices: Choices
) -> dict[str, str]:
    method, params = spec.method, made.llm
    told = {"batch_size": shared.told(choices.gpus), **_own(method, params)}
    if spec.options.get("quantization") is None and params.peft:
        told["quantization"] = "none; AutoTrain's own int4 needs a CUDA GPU"
    if spec.options.get("mixed_precision") is None:
        told["mixed_precision"] = f"{params.mixed_precision or 'none'}, as the hardware has it"
    if isinstance(method, (DPO, ORPO)) and spec.options.get("max_prompt_length") is None:
        told["max_prompt_length"] = f"{params.max_prompt_length}; AutoTrain's own 128 cuts prompts"
    return told


def _own(method: BaseMethod, params: LLMParams) -> dict[str, str]:
    """What the method leaves open and AutoTrain decides."""
    chosen: dict[str, object] = {}
    if method.epochs is None:
        chosen["epochs"] = params.epochs
    if method.learning_rate is None:
        chosen["learning_rate"] = params.lr
    if params.peft and not isinstance(method.lora, Lora):
        chosen["lora"] = (
            f"rank {params.lora_r}, alpha {params.lora_alpha}, dropout {params.lora_dropout}"
        )
    if params.block_size < 0:
        chosen["max_length"] = f"what the tokenizer takes, {_LENGTH} at most"
    return {name: f"{value}, AutoTrain's own" for name, value in chosen.items()}
