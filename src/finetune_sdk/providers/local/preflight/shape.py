"""The shape of a model, without its weights: it is built on torch's device `meta`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from finetune_sdk.providers.local.preflight.arithmetic import Linear, Shape


def skeleton(base: Path) -> Any:
    """The model whose config.json is in a folder. Takes no memory for its weights."""
    torch, transformers = import_module("torch"), import_module("transformers")
    config = transformers.AutoConfig.from_pretrained(base, trust_remote_code=False)
    with torch.device("meta"):
        return transformers.AutoModelForCausalLM.from_config(config, trust_remote_code=False)


def shape_of(model: Any) -> Shape:
    """The shape of a model."""
    text = model.config.get_text_config()
    return Shape(
        parameters=sum(weight.numel() for weight in model.parameters()),
        linears=_linears(model),
        layers=int(getattr(text, "num_hidden_layers", 0)),
        hidden=int(getattr(text, "hidden_size", 0)),
        vocabulary=int(getattr(text, "vocab_size", 0)),
        sparse=bool(getattr(text, "num_experts_per_tok", None)),
    )


def _linears(model: Any) -> tuple[Linear, ...]:
    head = model.get_output_embeddings()
    embedding = import_module("torch.nn").Embedding
    # GPT-2 has a class of its own for a linear layer; that a weight is a table is what they share.
    return tuple(
        Linear(name, part.weight.shape[1], part.weight.shape[0])
        for name, part in model.named_modules()
        if part is not head
        and not isinstance(part, embedding)
        and getattr(getattr(part, "weight", None), "ndim", 0) == 2
    )
