"""Whether a model's weights are those of its configuration, and has the layers that are asked for.

transformers draws what a file lacks by lot and leaves out what it does not know, with a warning
that nobody reads: the training would go on with a model that is none.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from finetune_sdk.providers.local.training.failures import TrainingFailure
from finetune_sdk.types import Lora

_NUMBER = re.compile(r"(?<=\.)\d+(?=\.)")
_NAMED = 3


def loaded(kind: Any, base: Path, *, head: bool = True, **keywords: Any) -> Any:
    """A model with all of its weights from its files.

    Args:
        kind: the class of transformers that loads it.
        head: False where what stands on the model is new, and so may be drawn by lot.
        keywords: for `from_pretrained`.

    Raises:
        TrainingFailure: a weight is missing, has another shape, or has no place in the model.
    """
    try:
        model, told = kind.from_pretrained(
            base,
            # What does not fit is told with the rest, in words of ours.
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            use_safetensors=True,
            trust_remote_code=False,
            **keywords,
        )
    except import_module("safetensors").SafetensorError as error:
        raise unreadable(base, str(error)) from error
    lacking = {*told["missing_keys"], *(name for name, *_ in told["mismatched_keys"])}
    refuse(
        base,
        lacking if head else {name for name in lacking if name.startswith(_prefix(model))},
        surplus(told["unexpected_keys"], model),
    )
    return model


def surplus(found: Iterable[str], model: Any) -> set[str]:
    """Names in a file that have no place in a model and mean something to it.

    That is another layer of a kind that it has, or the bias of a layer that it has: files keep
    masks and counters of old versions too, and heads for other tasks.
    """
    weights = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    kinds = {_NUMBER.sub("*", name) for name in weights}
    prefix = _prefix(model)

    def means_something(name: str) -> bool:
        biased = name.endswith(".bias") and f"{name.removesuffix('bias')}weight" in weights
        return biased or _NUMBER.sub("*", name) in kinds

    full = {name if name.startswith(prefix) else f"{prefix}{name}": name for name in found}
    return {name for whole, name in full.items() if whole not in weights and means_something(whole)}


def refuse(base: Path, lacking: Collection[str], left_over: Collection[str]) -> None:
    """Raises a `TrainingFailure` where there is anything in one of the two."""
    parts = {"lack or have in another shape": lacking, "have no place in it for": left_over}
    said = [f"{words} {_some(names)}" for words, names in parts.items() if names]
    if said:
        raise TrainingFailure(
            "model_unusable",
            f"the weights in {str(base)!r} are not those of the model that its config.json "
            f"describes: they {', and '.join(said)}; name a folder with the configuration and "
            "the weights of one model",
        )


def unreadable(file: Path, why: str) -> TrainingFailure:
    """The failure of a file that is no safetensors, or not all of it."""
    return TrainingFailure(
        "model_unusable",
        f"the weights in {str(file)!r} cannot be read as safetensors ({why}); fetch or write "
        "them again",
    )


def check_layers(model: Any, lora: Lora | None) -> None:
    """Looks for each layer that is named for adapters; peft trains those that it finds.

    Raises:
        TrainingFailure: there is no such layer.
    """
    names = () if lora is None or isinstance(lora.target_modules, str) else lora.target_modules
    layers = [
        name
        for name, part in model.named_modules()
        if getattr(getattr(part, "weight", None), "ndim", 0) == 2
    ]
    nowhere = [
        name for name in names if not any(f".{layer}".endswith(f".{name}") for layer in layers)
    ]
    if nowhere:
        known = sorted({layer.rpartition(".")[2] for layer in layers})
        raise TrainingFailure(
            "invalid_hyperparameter",
            f"`lora.target_modules` names {', '.join(map(repr, nowhere))}, and the model has no "
            f"such layer; it has {', '.join(known)}",
        )


def _prefix(model: Any) -> str:
    return f"{model.base_model_prefix}."


def _some(names: Collection[str]) -> str:
    first = ", ".join(map(repr, sorted(names)[:_NAMED]))
    more = len(names) - _NAMED
    return f"{first} and {more} more" if more > 0 else first
