"""The model's folder: the adapter or the full weights, and the tokenizer. Whole, or not there.

A checkpoint holds the same files, written in the same way.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from finetune_sdk.providers.local.jobs.checkpoints import Saved
from finetune_sdk.providers.local.models.converting import publish

# A card that speaks of us as its author; peft writes it without being asked.
_UNWANTED = ("README.md",)

Weights = Mapping[str, Any]
"""Tensors by their names in a model."""


def whole(trainer: Any) -> Weights | None:
    """The weights of a model of which each process has a part; None where each has all.

    All processes call it, and the first is given the weights.
    """
    if not is_parted(trainer):
        return None
    weights: Weights = trainer.accelerator.get_state_dict(trainer.model_wrapped)
    return weights


def is_parted(trainer: Any) -> bool:
    """Each process has a part of the model's weights."""
    return bool(trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled)


def write(model: Any, tokenizer: Any, folder: Path, weights: Weights | None = None) -> None:
    """Writes the model into a folder; an adapter without its base.

    Args:
        weights: of the model, where those in it are a part.

    Raises:
        OSError: the disk is full.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    given = {} if weights is None else {"state_dict": weights}
    model.save_pretrained(folder, **_adapter_only(model), **given)
    # Beside an adapter too: it tells which tokens end an answer. A reward model writes none.
    generation = getattr(model, "generation_config", None)
    if generation is not None:
        generation.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    for name in _UNWANTED:
        (folder / name).unlink(missing_ok=True)


def copy(saved: Saved, target: Path) -> None:
    """Makes the model of a checkpoint the model that comes out.

    Raises:
        OSError: the disk is full.
    """

    def fill(partial: Path) -> None:
        for name in saved.manifest.model:
            (partial / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copyfile(saved.path / name, partial / name)

    _published(target, fill)


def save(model: Any, tokenizer: Any, target: Path, weights: Weights | None = None) -> None:
    """Makes what was learned the model that comes out.

    Raises:
        OSError: the disk is full.
    """
    _published(target, lambda partial: write(model, tokenizer, partial, weights))


def _published(target: Path, fill: Callable[[Path], None]) -> None:
    partial = target.with_name(f"{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    fill(partial)
    publish(partial, target)


def stop_at(model: Any, tokenizer: Any, ends: Collection[str]) -> None:
    """Makes generation stop at the tokens that ended the learned turns, beside its own."""
    given: int | list[int] | None = model.generation_config.eos_token_id
    known = given if isinstance(given, list) else [given]
    stops = [tokenizer.convert_tokens_to_ids(token) for token in sorted(ends)]
    if set(stops) <= set(known):
        return
    own = [token for token in known if token is not None and token not in stops]
    model.generation_config.eos_token_id = [*stops, *own]


def is_finite(model: Any) -> bool:
    """No trained weight has become infinite or not a number."""
    torch = import_module("torch")
    trained = (weight for weight in model.parameters() if weight.requires_grad)
    # Of a weight that is parted, each process looks at its part.
    parts = (weight.to_local() if hasattr(weight, "to_local") else weight for weight in trained)
    return all(bool(torch.isfinite(part).all()) for part in parts)


def _adapter_only(model: Any) -> dict[str, object]:
    peft = import_module("peft")
    # Without it peft asks the Hub whether the base model's vocabulary has changed.
    return {"save_embedding_layers": False} if isinstance(model, peft.PeftModel) else {}
