"""The way of a batch through a model's layers, laid out where that is less to compute.

It is the stack of layers that is wrapped, below heads, adapters and what spreads a model over
processes: so losses, measures, accumulation and references come by it without knowing of it.
What comes out has the shape of the padded batch.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from importlib import import_module
from itertools import chain
from typing import Any

from finetune_sdk.providers.local.training.shared import attention
from finetune_sdk.providers.local.training.shared.layout import Layout, lay

_PAYS = 0.97
"""A layout with a greater share of the padded batch's cells is left: it costs a little too."""

_READ = frozenset({"input_ids", "attention_mask", "use_cache", "return_dict"})


def share(model: Any) -> Callable[[], None]:
    """Makes a model share what the rows of a batch have in common.

    Args:
        model: of transformers, with an adapter or without; its attention is `sdpa`.

    Returns:
        What undoes it.
    """
    whole = plain(model)
    attention.register()
    before = whole.config._attn_implementation
    whole.set_attn_implementation(attention.NAME)
    stack = whole.base_model
    own = stack.forward

    def forward(_: Any, *args: Any, **kwargs: Any) -> Any:
        named = dict(zip(("input_ids", "attention_mask"), args, strict=False)) | kwargs
        layout = _layout(named) if len(args) <= 2 else None
        if layout is None:
            return own(*args, **kwargs)
        return _laid(own, layout, named["input_ids"], named.get("attention_mask"))

    def undo() -> None:
        stack.forward = own
        whole.set_attn_implementation(before)

    stack.forward = types.MethodType(forward, stack)
    return undo


def plain(model: Any) -> Any:
    """The model of transformers below an adapter."""
    peft = import_module("peft")
    return model.get_base_model() if isinstance(model, peft.PeftModel) else model


def _layout(named: Mapping[str, Any]) -> Layout | None:
    """The layout of a batch; None where it is to be computed as it is."""
    tokens, mask = named.get("input_ids"), named.get("attention_mask")
    # A cache, positions or outputs of its own: whoever asks for that means the batch as it lies.
    if tokens is None or named.get("use_cache") is not False or _asks(named):
        return None
    if mask is not None and mask.dim() != 2:
        return None
    layout = lay(_rows(tokens, mask))
    return layout if 0 < len(layout.tokens) <= _PAYS * tokens.numel() else None


def _asks(named: Mapping[str, Any]) -> bool:
    return any(
        value is not None and value is not False
        for name, value in named.items()
        if name not in _READ
    )


def _rows(tokens: Any, mask: Any) -> list[list[int]]:
    if mask is None:
        whole: list[list[int]] = tokens.tolist()
        return whole
    return [row[real].tolist() for row, real in zip(tokens, mask != 0, strict=True)]


def _laid(own: Any, layout: Layout, tokens: Any, mask: Any) -> Any:
    torch = import_module("torch")
    device = tokens.device
    output = own(
        input_ids=torch.tensor([layout.tokens], device=device),
        # A mask of four dimensions is passed on as it is, and nobody reads this one.
        attention_mask=torch.ones(1, 1, 1, 1, dtype=torch.bool, device=device),
        position_ids=torch.tensor([layout.positions], device=device),
        use_cache=False,
        layout=attention.looks(layout, device),
    )
    output.last_hidden_state = output.last_hidden_state[0][_places(layout, tokens, mask)]
    return output


def _places(layout: Layout, tokens: Any, mask: Any) -> Any:
    """For each token of the padded batch its cell; for padding any."""
    torch = import_module("torch")
    cells = torch.tensor(list(chain.from_iterable(layout.rows)), device=tokens.device)
    if mask is None:
        return cells.view_as(tokens)
    return torch.zeros_like(tokens).masked_scatter(mask != 0, cells)
