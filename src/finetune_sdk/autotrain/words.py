"""AutoTrain's description as the words of `jobs.create`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pydantic import ValidationError

from finetune_sdk.autotrain.mapping import COLUMNS, OPTIONS, lengths
from finetune_sdk.autotrain.params import LLMParams
from finetune_sdk.autotrain.reading import listed
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.types import (
    DPO,
    ORPO,
    HubDataset,
    Lora,
    Method,
    MethodName,
    Reward,
    Supervised,
)

if TYPE_CHECKING:
    from pydantic import JsonValue

    from finetune_sdk.autotrain.spec import AutoTrainSpec

_SPACES = "spaces-"
_OWN = LLMParams()
_METHODS: dict[str, type[Supervised | DPO | ORPO | Reward]] = {
    "llm-generic": Supervised,
    "llm-sft": Supervised,
    "llm-dpo": DPO,
    "llm-orpo": ORPO,
    "llm-reward": Reward,
}
_OF_THE_METHOD = frozenset({"block_size"})
_NOT_LEARNING = frozenset({"hardware", "project_name"})


def _no_options() -> dict[str, dict[str, JsonValue]]:
    return {}


class LocalSplit(NamedTuple):
    """Rows in a folder of this machine: `{folder}/{split}.csv` or `.jsonl`."""

    folder: str
    split: str


@dataclass(frozen=True)
class Words:
    """The words of `jobs.create`.

    Attributes:
        suffix: the name of the project.
        columns: by AutoTrain's word, where they are called otherwise than our rows' are.
        options: by provider, what it alone knows.
        notes: what is otherwise than the description says, wherever it is trained.
        lost: what is otherwise at another provider than AutoTrain.
    """

    model: str
    training_data: HubDataset | LocalSplit
    validation_data: HubDataset | LocalSplit | None
    method: Method
    suffix: str
    seed: int
    columns: dict[str, str] | None = None
    options: dict[str, dict[str, JsonValue]] = field(default_factory=_no_options)
    notes: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


def words(spec: AutoTrainSpec, *, local: bool | None = None) -> Words:
    """The words of `jobs.create` that mean the same.

    Args:
        spec: of a language model.
        local: `data.path` is a folder of this machine; None goes by how it reads.

    Raises:
        ConfigurationError: `data` names no dataset that we can name.
        UnsupportedError: it is another task than a language model.
    """
    params = spec.llm
    here = not spec.data.on_hub if local is None else local
    method = _method(spec, params)
    valid = spec.data.valid_split
    own = _options(spec, params)
    columns = _columns(spec, method.name)
    if columns is not None:
        own["columns"] = {**columns}
    return Words(
        model=spec.base_model,
        training_data=_rows(spec, spec.data.train_split, here=here),
        validation_data=None if valid is None else _rows(spec, valid, here=here),
        method=method,
        suffix=spec.project_name,
        seed=params.seed,
        columns=columns,
        options={"autotrain": own},
        notes=tuple(_notes(spec, params)),
        lost=tuple(_lost(spec, params, own)),
    )


def gpus(backend: str) -> int | None:
    """Devices of AutoTrain's hardware; None where its name does not say."""
    if backend.startswith("local"):
        return None
    many = re.search(r"x(\d+)$", backend) or re.match(r"dgx-(\d+)", backend)
    return int(many[1]) if many else 1


def _rows(spec: AutoTrainSpec, split: str, *, here: bool) -> HubDataset | LocalSplit:
    if here:
        return LocalSplit(spec.data.path, split)
    config, _, name = split.rpartition(":")
    try:
        return HubDataset(id=spec.data.path, split=name, config=config or None)
    except ValidationError:
        raise ConfigurationError(
            f"`data` names the rows {split!r} of {spec.data.path!r}: that is neither a folder "
            "here nor a split of a dataset on the Hub, such as `train` of `alice/rows`"
        ) from None


def _method(spec: AutoTrainSpec, params: LLMParams) -> Supervised | DPO | ORPO | Reward:
    kind = _METHODS[spec.task]
    method = kind(
        epochs=params.epochs,
        batch_size=params.batch_size * params.gradient_accumulation * (gpus(spec.backend) or 1),
        learning_rate=params.lr,
        lora=_lora(params) if params.peft else False,
        max_length=params.block_size if params.block_size > 0 else None,
    )
    return method.model_copy(update={"beta": params.dpo_beta}) if kind is DPO else method


def _lora(params: LLMParams) -> Lora:
    named = [name.strip() for name in (params.target_modules or "").split(",") if name.strip()]
    every = not named or named == ["all-linear"]
    return Lora(
        rank=params.lora_r,
        alpha=params.lora_alpha,
        dropout=params.lora_dropout,
        target_modules="all-linear" if every else tuple(named),
    )


def _columns(spec: AutoTrainSpec, method: MethodName) -> dict[str, str] | None:
    named = {word: str(column) for word, column in spec.data.column_mapping.items()}
    return None if named == COLUMNS[method] else named


def _options(spec: AutoTrainSpec, params: LLMParams) -> dict[str, JsonValue]:
    """What `AutoTrainOptions` says of it: what is not said there would be chosen anew."""
    said: dict[str, JsonValue] = {
        "project_name": spec.project_name,
        "chat_template": spec.data.chat_template or "none",
        "gradient_accumulation": params.gradient_accumulation,
        "mixed_precision": params.mixed_precision or "none",
    }
    if spec.backend.startswith(_SPACES):
        said["hardware"] = spec.backend.removeprefix(_SPACES)
    if params.peft:
        said["quantization"] = params.quantization or "none"
    usual = _OWN.model_dump() | lengths(params.block_size, spec.task)
    for name in OPTIONS:
        value = getattr(params, name)
        if name not in (*said, *_OF_THE_METHOD, "quantization") and value != usual[name]:
            said[name] = value
    return {name: value for name, value in said.items() if value is not None}


def _notes(spec: AutoTrainSpec, params: LLMParams) -> Iterator[str]:
    if spec.task == "llm-generic":
        yield "`llm-generic` is trained as `llm-sft`: the same loss on the same rows"
    if not spec.backend.startswith((_SPACES, "local")):
        yield f"`backend` is {spec.backend!r}, which is no more; the profile's hardware is taken"
    if spec.log not in ("tensorboard", "none"):
        yield f"`log`: numbers do not go to {spec.log!r}; see `finetune jobs metrics`"
    if gpus(spec.backend) is None:
        yield "`batch_size` is counted for one device: a `local` backend does not say how many"
    if spec.hub and spec.hub.username and not spec.hub.username.startswith("${"):
        yield "`hub.username` is passed over: the profile says whose the model is"
    if spec.hub is None or not spec.hub.push_to_hub:
        yield (
            "`push_to_hub` is passed over: at AutoTrain the model goes to the Hub all the same, "
            "as the machine goes away with the job"
        )
    if params.padding is None or (params.peft and not (params.target_modules or "").strip()):
        yield "`padding` and `target_modules` are AutoTrain's defaults where they are `null`"


def _lost(spec: AutoTrainSpec, params: LLMParams, own: dict[str, JsonValue]) -> Iterator[str]:
    names = [name for name in own if name not in _NOT_LEARNING]
    yield f"only AutoTrain reads {listed(names)}"
    if _METHODS[spec.task] is Supervised:
        yield "AutoTrain learns all tokens of a row; here it is as `train_on` says"
        yield "AutoTrain puts rows together up to `block_size`; here each row is by itself"
    if spec.data.chat_template in ("zephyr", "chatml"):
        yield f"`chat_template`: the model's own is taken instead of {spec.data.chat_template!r}"
    if params.max_completion_length is not None:
        yield "`max_completion_length`: only the whole row's length is looked at"
