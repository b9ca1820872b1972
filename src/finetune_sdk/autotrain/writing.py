"""A description as AutoTrain's own file, parameters and request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from finetune_sdk.autotrain.reading import listed
from finetune_sdk.autotrain.tasks import TASKS, trainer
from finetune_sdk.errors import ConfigurationError, UnsupportedError

if TYPE_CHECKING:
    from pydantic import JsonValue

    from finetune_sdk.autotrain.spec import AutoTrainSpec

_SPACES = "spaces-"
HARDWARE = tuple(
    f"{_SPACES}{name}"
    for name in (
        "a10g-large",
        "a10g-small",
        "a100-large",
        "t4-medium",
        "t4-small",
        "cpu-upgrade",
        "cpu-basic",
        "l4x1",
        "l4x4",
        "l40sx1",
        "l40sx4",
        "l40sx8",
        "a10g-largex2",
        "a10g-largex4",
    )
)
"""What AutoTrain's REST API takes."""

_LENGTHS = ("max_prompt_length", "max_completion_length")
_UNREAD: Mapping[str, frozenset[str]] = {
    "llm:sft": frozenset({"add_eos_token", "model_ref", "dpo_beta", *_LENGTHS}),
    "llm:reward": frozenset({"add_eos_token", "model_ref", "dpo_beta", *_LENGTHS}),
    "llm:orpo": frozenset({"add_eos_token", "model_ref", "dpo_beta"}),
    "llm:dpo": frozenset({"add_eos_token"}),
}
"""Parameters that the API does not take for a task."""


def yaml_of(spec: AutoTrainSpec) -> str:
    """What `autotrain --config` takes."""
    import yaml

    words: dict[str, object] = {
        "task": spec.task,
        "base_model": spec.base_model,
        "project_name": spec.project_name,
        "log": spec.log,
        "backend": spec.backend,
        "data": _data(spec),
        "params": learning(spec) if trainer(spec.task) else spec.params,
    }
    if spec.hub is not None:
        words["hub"] = spec.hub.model_dump()
    # Newer stubs of PyYAML leave a part of its type open.
    return yaml.safe_dump(words, sort_keys=False, allow_unicode=True)  # pyright: ignore[reportUnknownMemberType]


def _data(spec: AutoTrainSpec) -> dict[str, JsonValue]:
    words = spec.data.model_dump()
    if trainer(spec.task):
        words["valid_split"] = None
    else:
        del words["chat_template"]
    return words


def learning(spec: AutoTrainSpec) -> dict[str, JsonValue]:
    """How a language model learns, by AutoTrain's names.

    Raises:
        UnsupportedError: it is another task, or a part of an epoch.
    """
    params = spec.llm
    if not float(params.epochs).is_integer():
        raise UnsupportedError(
            f"`epochs` is {params.epochs}: AutoTrain makes whole passes only; give a whole "
            'number, or train with `engine = "trl"`'
        )
    return params.model_dump()


def params_of(spec: AutoTrainSpec, username: str | None) -> dict[str, JsonValue]:
    """The fields of `LLMTrainingParams`; the token goes another way."""
    shaped = learning(spec)
    columns = cast("dict[str, JsonValue]", spec.data.column_mapping)
    hub = spec.hub
    return {
        "model": spec.base_model,
        "project_name": spec.project_name,
        "data_path": spec.data.path,
        "train_split": spec.data.train_split,
        "valid_split": None,
        "trainer": trainer(spec.task),
        "log": spec.log,
        "chat_template": spec.data.chat_template,
        "prompt_text_column": columns.get("prompt_text_column"),
        "text_column": columns["text_column"],
        "rejected_text_column": columns.get("rejected_text_column"),
        "push_to_hub": hub.push_to_hub if hub else False,
        "username": username or (hub.username if hub else None),
        "token": None,
        **shaped,
    }


def rest_of(spec: AutoTrainSpec, username: str, hardware: str) -> dict[str, JsonValue]:
    """The body of `POST /api/create_project`."""
    facts = TASKS[spec.task]
    if facts.rest is None:
        raise UnsupportedError(
            f"AutoTrain's REST API cannot run `{spec.task}`; take another runner"
            + (", or `llm-sft`" if trainer(spec.task) else "")
        )
    columns = spec.data.column_mapping
    return {
        "project_name": spec.project_name,
        "task": facts.rest,
        "base_model": spec.base_model,
        "hardware": _hardware(hardware),
        "username": username,
        "hub_dataset": _hub_dataset(spec),
        "train_split": spec.data.train_split,
        "valid_split": None if trainer(spec.task) else spec.data.valid_split,
        "column_mapping": {name: cast("JsonValue", columns[name]) for name in facts.columns},
        "params": _rest_params(spec, facts.rest),
    }


def _rest_params(spec: AutoTrainSpec, task: str) -> dict[str, JsonValue]:
    if not trainer(spec.task):
        return dict(cast("Mapping[str, JsonValue]", spec.params))
    params = learning(spec)
    sent = {name: value for name, value in params.items() if name not in _UNREAD[task]}
    # Its forms say `none` where they mean no quantization.
    return sent | {
        "quantization": params["quantization"] or "none",
        "chat_template": spec.data.chat_template,
    }


def _hardware(name: str) -> str:
    full = name if name.startswith(_SPACES) else f"{_SPACES}{name}"
    if full not in HARDWARE:
        known = listed(word.removeprefix(_SPACES) for word in HARDWARE)
        raise ConfigurationError(
            f"`hardware` is {name!r}, which AutoTrain's REST API does not know; it takes {known}"
        )
    return full


def _hub_dataset(spec: AutoTrainSpec) -> str:
    if spec.data.on_hub:
        return spec.data.path
    raise ConfigurationError(
        f"`data.path` is {spec.data.path!r}: AutoTrain's REST API reads rows from the Hub only; "
        "give a dataset's id, such as `alice/rows`"
    )
