"""What each token looks at in a layout: the cells of its row, up to itself.

Each row's own part asks, its whole path answers: the same products as for rows that lie apart,
without those of padding and of what was asked before. One mask over the whole sequence would be
the other way; most of what it computes is thrown away (SmolLM2-135M, eight rows of 40 to 260
tokens: 1.4 times the time of a step).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from finetune_sdk.providers.local.training.shared.layout import Layout

NAME = "finetune_sdk_shared"
"""What transformers knows this way of attention by."""


@dataclass(frozen=True)
class Looks:
    """A layout as attention reads it, on the device of the model.

    Attributes:
        keys: the cells of all paths, one path after the other.
        own: how many cells of each part ask.
        whole: how many cells of each part answer.
        masks: what of them each may see; None is all up to itself, from the first on.
    """

    keys: Any
    own: list[int]
    whole: list[int]
    masks: Sequence[Any]


def looks(layout: Layout, device: Any) -> Looks:
    """A layout's parts as tensors."""
    torch = import_module("torch")
    own = [part.own for part in layout.parts]
    whole = [len(part.path) for part in layout.parts]
    keys = torch.tensor([cell for part in layout.parts for cell in part.path], device=device)
    masks = [_mask(asks, answers, device) for asks, answers in zip(own, whole, strict=True)]
    return Looks(keys, own, whole, masks)


def _mask(asks: int, answers: int, device: Any) -> Any:
    if asks == answers:
        return None
    torch = import_module("torch")
    ones = torch.ones(1, 1, asks, answers, dtype=torch.bool, device=device)
    return ones.tril(answers - asks)


def register() -> None:
    """Makes it known to transformers. A call without a layout is plain `sdpa`."""
    transformers = import_module("transformers")
    masking = import_module("transformers.masking_utils")
    sdpa = import_module("transformers.integrations.sdpa_attention").sdpa_attention_forward

    def attend(
        module: Any,
        query: Any,
        key: Any,
        value: Any,
        attention_mask: Any,
        *,
        layout: Looks | None = None,
        **kwargs: Any,
    ) -> tuple[Any, None]:
        if layout is None:
            plain: tuple[Any, None] = sdpa(module, query, key, value, attention_mask, **kwargs)
            return plain
        parts = zip(
            query.split(layout.own, dim=2),
            key.index_select(2, layout.keys).split(layout.whole, dim=2),
            value.index_select(2, layout.keys).split(layout.whole, dim=2),
            layout.masks,
            strict=True,
        )
        # Shape (1, cells, heads, width) each.
        seen = [
            sdpa(module, asks, keys, values, mask, **kwargs)[0]
            for asks, keys, values, mask in parts
        ]
        return import_module("torch").cat(seen, dim=1), None

    transformers.AttentionInterface.register(NAME, attend)
    transformers.AttentionMaskInterface.register(NAME, masking.sdpa_mask)
