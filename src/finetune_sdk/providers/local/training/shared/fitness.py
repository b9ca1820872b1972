"""Which models a layout is for, and the proof that it changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib import import_module
from itertools import islice
from typing import Any

from finetune_sdk.providers.local.training.shared import forward
from finetune_sdk.types import Lora

_DROPOUTS = (
    "attention_dropout",
    "attn_pdrop",
    "dropout",
    "embd_pdrop",
    "hidden_dropout",
    "resid_pdrop",
)
"""Fields of a model's config that leave out numbers by chance."""

_TRIED, _LONG = 3, 128
"""Texts that are tried, and tokens of each: enough for each layer to look back."""

_APART = {"float32": 1e-4, "bfloat16": 0.05, "float16": 0.01}
"""How far states may lie apart, as a share of their length, by rounding.

Of SmolLM2-135M they lay 2e-6 apart in float32 and 1e-2 in bfloat16; a token that looks at one more
than it should moves them by a tenth or more.
"""


def obstacle(config: Any) -> str | None:
    """Why a model cannot be told what a token looks at; None where nothing speaks against it.

    Args:
        config: of transformers.
    """
    text = config.get_text_config()
    kinds = set(getattr(text, "layer_types", None) or ["full_attention"])
    found = {
        "it reads more than text": text is not config,
        "it looks back through a window": bool(getattr(text, "sliding_window", None)),
        "its layers are not all of full attention": kinds != {"full_attention"},
        "it looks back in chunks": bool(getattr(text, "attention_chunk_size", None)),
        "it is a mixture of experts": bool(getattr(text, "num_experts_per_tok", None)),
        "its positions are not rotary": not getattr(text, "rope_parameters", None),
        "it looks ahead too": not getattr(text, "is_causal", True),
    }
    return next((reason for reason, holds in found.items() if holds), None)


def drops(config: Any, lora: Lora | None) -> bool:
    """Numbers are left out by chance while it learns."""
    text = config.get_text_config()
    shares = [getattr(text, name, None) for name in _DROPOUTS]
    return bool(lora and lora.dropout) or any(isinstance(one, float) and one > 0 for one in shares)


def share(model: Any, texts: Iterable[Sequence[int]], precision: str) -> str | None:
    """Makes a model share beginnings, where that changes nothing on texts of the job.

    Args:
        texts: tokens; some of the first are computed both ways.
        precision: of the arithmetic.

    Returns:
        Why it is left as it was; None where it shares.
    """
    torch, was_training = import_module("torch"), model.training
    rows = _sample(texts)
    model.eval()
    kind = getattr(torch, precision)
    try:
        with (
            torch.no_grad(),
            torch.autocast(model.device.type, kind, enabled=precision != "float32"),
        ):
            reason = _tried(model, rows, _APART[precision])
    finally:
        model.train(was_training)
    return reason


def _sample(texts: Iterable[Sequence[int]]) -> list[Sequence[int]]:
    rows = [text[:_LONG] for text in islice(texts, _TRIED)]
    # One that is the beginning of another: there is something to share, and a length of its own.
    return [*rows, rows[0][: -(-len(rows[0]) // 2)]]


def _tried(model: Any, rows: list[Sequence[int]], apart: float) -> str | None:
    before = _states(model, rows)
    unshare = forward.share(model)
    # Whatever a model that is written otherwise raises says the same: it is not for this.
    with suppress(Exception):
        after = _states(model, rows)
        found = float((after - before).norm() / before.norm())
        if found <= apart:
            return None
        unshare()
        return f"its states would be others: {found:.1e} apart on rows of this job"
    unshare()
    return "its layers do not pass on what a token looks at"


def _states(model: Any, rows: list[Sequence[int]]) -> Any:
    """States of the real tokens, of all rows, of shape (tokens, width)."""
    torch = import_module("torch")
    longest = max(map(len, rows))
    tokens = torch.zeros(len(rows), longest, dtype=torch.int64)
    mask = torch.zeros_like(tokens)
    for place, row in enumerate(rows):
        tokens[place, : len(row)] = torch.tensor(row)
        mask[place, : len(row)] = 1
    tokens, mask = tokens.to(model.device), mask.to(model.device)
    stack = forward.plain(model).base_model
    return (
        stack(input_ids=tokens, attention_mask=mask, use_cache=False)
        .last_hidden_state[mask != 0]
        .float()
    )
