"""How long a job takes, what that costs at most, and when it is ended.

A token costs about 6 floating-point operations for each parameter (2 forward, 4 backward;
arXiv 2001.08361, 2.1); frozen weights spare 2, and activations that are computed twice cost 2
more: 4 to 8 with adapters, 6 to 8 without. How fast a machine is, is its data sheet's number for
16-bit matrices without sparsity, of which training reaches a tenth to four tenths.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from finetune_sdk.providers.autotrain.order import Machine
from finetune_sdk.types import CostEstimate, NoEstimate, Span

# Dense FP16 or BF16 operations a second, from NVIDIA's data sheets.
_SPEEDS: Mapping[str, float] = MappingProxyType(
    {
        "T4": 65e12,
        "L4": 121e12,
        "A10G": 70e12,
        "L40S": 362e12,
        "A100": 312e12,
        "H200": 989e12,
        "RTX PRO 6000": 503e12,
    }
)
_CPU = 1e11
"""Of a few cores, which reach as much of it."""
_REACHED = (0.1, 0.4)
_START = (180.0, 900.0)
"""Seconds until a machine is there and has fetched its container and the model."""

_BYTES = (2.0, 6.0)
"""Of JSON lines for each token: dense scripts, and plain English with its keys."""

_SHORTEST = 3600.0
_ROUND = 600.0
_MARGIN = 2.0


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a job weighs.

    Attributes:
        parameters: of the base model.
        adapters: only adapters are trained.
        quantization: of the frozen weights.
        bytes: of the rows, as JSON lines.
        measured: bytes of the rows that are measured after each pass.
        epochs: passes over them.
    """

    parameters: int | None
    adapters: bool
    quantization: str | None
    bytes: int | None
    epochs: float
    measured: int = 0

    @property
    def memory(self) -> float:
        """Bytes that it needs on its accelerator: weights, optimizer, and a part for the rest.

        AutoTrain loads frozen weights in 32 bits; what is trained has two moments of AdamW and a
        gradient besides.
        """
        each = {"int4": 0.7, "int8": 1.2}.get(self.quantization or "", 4.0)
        frozen = (self.parameters or 0) * (each if self.adapters else 16.0)
        return frozen * 1.2 + 2e9

    @property
    def tokens(self) -> Span | None:
        """That are read, low to high."""
        if self.bytes is None:
            return None
        most, least = (self.bytes * self.epochs / one for one in _BYTES)
        return Span(low=least, high=most)


def seconds(load: Load, machine: Machine) -> Span | None:
    """How long the job takes, its start included; None where nobody can tell."""
    speed, tokens = _speed(machine), load.tokens
    if speed is None or tokens is None or load.parameters is None:
        return None
    least, most = (4.0 if load.adapters else 6.0), 8.0
    work = load.parameters / (speed * max(machine.gpus, 1))
    # What is measured goes forward alone.
    seen = 2.0 * load.measured * load.epochs
    return Span(
        low=_START[0] + work * (least * tokens.low + seen / _BYTES[1]) / _REACHED[1],
        high=_START[1] + work * (most * tokens.high + seen / _BYTES[0]) / _REACHED[0],
    )


def timeout(took: Span | None) -> float | None:
    """When a job is ended that takes much longer than it should; None where nobody can tell."""
    if took is None:
        return None
    return math.ceil(max(took.high * _MARGIN, _SHORTEST) / _ROUND) * _ROUND


def cost(machine: Machine, took: Span | None, ended: float) -> CostEstimate | NoEstimate:
    """US dollars: the low end by the estimate, the high end by when the job is ended.

    Args:
        ended: seconds after which it is ended, whatever it has learned.
    """
    if machine.per_hour is None:
        return NoEstimate(reason=f"the Hub tells no price for {machine.name!r}")
    low = min(took.low if took else 0.0, ended)
    minutes = [math.ceil(one / 60) for one in (low, ended)]
    return CostEstimate(
        low=minutes[0] * machine.per_hour / 60,
        high=minutes[1] * machine.per_hour / 60,
        source=(
            f"the Hub's own price of {machine.name}, {machine.per_hour:.2f} US dollars an hour; "
            f"the high end is what {ended / 3600:.1f} hours cost, when the job is ended"
        ),
    )


def _speed(machine: Machine) -> float | None:
    # The longest first: `L4` is a part of `L40S`.
    if machine.gpus == 0:
        return _CPU
    for name in sorted(_SPEEDS, key=len, reverse=True):
        if name in machine.accelerator.upper():
            return _SPEEDS[name]
    return None
