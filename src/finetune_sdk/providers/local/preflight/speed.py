"""How fast this machine multiplies, with the threads and the precision that a job would use."""

from __future__ import annotations

import time
from importlib import import_module
from typing import Any, NamedTuple

from finetune_sdk.providers.local.preflight.arithmetic import Shape
from finetune_sdk.providers.local.training.hardware import Choices
from finetune_sdk.types import Span

_SECONDS = 0.2


class _Most(NamedTuple):
    """A product at most: enough to be at full speed, and over soon."""

    tokens: int
    width: int


_CPU, _GPU = _Most(256, 2048), _Most(4096, 8192)


def speed(shape: Shape, choices: Choices, tokens: int) -> Span | None:
    """Floating point operations a second, in products of the sizes that the model has.

    Other programs may be at work now, and not later: from all rounds together to the best one.

    Takes about a fifth of a second.

    Args:
        tokens: that are computed at once.

    Returns:
        None where it cannot be measured: the device lacks the precision, or room.
    """
    most = _CPU if choices.device == "cpu" else _GPU
    rows = max(1, min(tokens, most.tokens))
    sizes = {tuple(min(n, most.width) for n in (one.inputs, one.outputs)) for one in shape.linears}
    torch = import_module("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(choices.threads)
    try:
        kind = {"device": choices.device, "dtype": getattr(torch, choices.precision)}
        pairs = [
            (torch.rand(rows, inputs, **kind), torch.rand(inputs, outputs, **kind))
            for inputs, outputs in sorted(sizes)
        ]
        return _measured(pairs) if pairs else None
    except RuntimeError:
        return None
    finally:
        torch.set_num_threads(before)


def _measured(pairs: list[tuple[Any, Any]]) -> Span:
    each = sum(2 * left.shape[0] * right.numel() for left, right in pairs)
    _round(pairs)  # the first one makes plans and wakes threads
    rounds = [_round(pairs)]
    while sum(rounds) < _SECONDS:
        rounds.append(_round(pairs))
    return Span(low=each * len(rounds) / sum(rounds), high=each / min(rounds))


def _round(pairs: list[tuple[Any, Any]]) -> float:
    """Seconds that all the products take."""
    begun = time.perf_counter()
    products: list[Any] = [left @ right for left, right in pairs]
    # A device computes on its own until somebody wants to know.
    products[-1][0, 0].item()
    return time.perf_counter() - begun
