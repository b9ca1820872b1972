"""How large a model on this machine is, and under which licence: as its files say."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path

from finetune_sdk.providers.local.models import gguf_head, licence
from finetune_sdk.types import Model


def of_gguf(model: Model, file: Path) -> Model:
    """The model with what a GGUF file tells."""
    told: dict[str, object] = {"bytes": file.stat().st_size}
    with suppress(ValueError, OSError):
        head = gguf_head.read(file)
        told |= {
            "parameters": head.parameters,
            "licence": head.licence and licence.plain(head.licence),
        }
    return model.model_copy(update=told)


def of_folder(model: Model, folder: Path) -> Model:
    """The model with what its folder tells."""
    said = licence.of(folder)
    told = {
        "bytes": sum(file.stat().st_size for file in folder.iterdir() if file.is_file()),
        "parameters": _parameters(folder),
        "licence": None if said == licence.UNKNOWN else said,
    }
    return model.model_copy(update=told)


def _parameters(folder: Path) -> int | None:
    from finetune_sdk.providers.local.preflight import headers
    from finetune_sdk.providers.local.training.failures import TrainingFailure

    try:
        found = [headers.shapes(file) for file in folder.glob("*.safetensors")]
    except (TrainingFailure, OSError):
        return None  # It is told to whoever trains on it.
    shapes = {name: shape for one in found for name, shape in one.items()}
    return sum(map(math.prod, shapes.values())) or None
