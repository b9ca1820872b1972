"""Whether a model's files hold the weights of its configuration, by their heads alone."""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

from finetune_sdk.providers.local.training.methods import fitting

_OLD = (".gamma", ".beta", ".weight_g", ".weight_v")
"""Ends of names that transformers reads as others."""

_LENGTH = 8
"""Bytes at the start of a safetensors file: the length of the JSON that follows."""


def check(base: Path, model: Any, *, head: bool) -> None:
    """Holds the weights in a folder against a model on torch's device `meta`.

    Where their names are changed on loading it says nothing: the trainer has the last word.

    Args:
        head: False where what stands on the model will be new.

    Raises:
        TrainingFailure: a file is no safetensors; or a weight is missing, has another shape, or
            has no place in the model.
    """
    found = {name: shape for file in _files(base) for name, shape in shapes(file).items()}
    if not found or _changed(model) or any(name.endswith(_OLD) for name in found):
        return
    prefix = f"{model.base_model_prefix}."
    # A file may hold the model without its head, by names without its prefix.
    known = found | {f"{prefix}{name}": shape for name, shape in found.items()}
    lacking = {
        names[0]
        for shape, names in _wanted(model)
        if (head or names[0].startswith(prefix)) and shape not in map(known.get, names)
    }
    ignored = getattr(model, "_keys_to_ignore_on_load_unexpected", None) or ()
    left = fitting.surplus(found, model)
    left_over = {name for name in left if not any(re.search(one, name) for one in ignored)}
    fitting.refuse(base, lacking, left_over)


def shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights in a safetensors file; the weights are not read.

    Raises:
        TrainingFailure: it is none, or not all of it.
    """
    size = file.stat().st_size
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(_LENGTH), "little")
        if not 1 < length <= size - _LENGTH:
            raise fitting.unreadable(file, f"{size} bytes without a head")
        head = stream.read(length)
    try:
        entries: dict[str, Any] = json.loads(head)
        weights = {name: one for name, one in entries.items() if name != "__metadata__"}
        found = {name: tuple(map(int, one["shape"])) for name, one in weights.items()}
        end = max((int(one["data_offsets"][1]) for one in weights.values()), default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise fitting.unreadable(file, f"its head is {type(error).__name__}: {error}") from error
    if _LENGTH + length + end > size:
        raise fitting.unreadable(file, f"it ends after {size} bytes")
    return found


def _files(base: Path) -> list[Path]:
    # In this order transformers looks for them.
    if (base / "model.safetensors").is_file():
        return [base / "model.safetensors"]
    index = base / "model.safetensors.index.json"
    if not index.is_file():
        return []
    names: list[str] = sorted(set(json.loads(index.read_bytes())["weight_map"].values()))
    files = [base / name for name in names]
    # Of a model of the Hub only the configuration may be here yet.
    return files if all(file.is_file() for file in files) else []


def _wanted(model: Any) -> list[tuple[tuple[int, ...], list[str]]]:
    """The weights by their shape and all their names: those that are tied have several."""
    names: dict[int, list[str]] = {}
    weights: dict[int, Any] = {}
    for name, weight in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(weight), []).append(name)
        weights[id(weight)] = weight
    return [(tuple(weights[key].shape), names[key]) for key in names]


def _changed(model: Any) -> bool:
    """Weights are renamed, put together or unpacked when they are loaded, as far as is known."""
    if getattr(model.config, "quantization_config", None) is not None:
        return True
    try:
        mapping = import_module("transformers.conversion_mapping").get_model_conversion_mapping
        return bool(mapping(model, add_legacy=False))
    except (ImportError, AttributeError, TypeError):  # inside of transformers, and so may go
        return True
