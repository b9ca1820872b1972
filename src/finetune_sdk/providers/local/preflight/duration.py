"""How long a training takes: the sums that it computes, over the speed of the machine. Pure.

A token that passes a layer with W weights costs 2W floating point operations: a product and a sum
for each weight. The way back costs as much for the gradient of what went in, and as much again for
that of the weights: 6 for each weight and token in all, the "6N" of Kaplan et al. (arXiv
2001.08361, section 2.1). From there:

LoRA           4 for each weight and token: no gradient of a frozen weight is computed; and 6 for
               each weight of the adapter
checkpointing  2 more: the way there is gone twice (arXiv 1604.06174)
references     2 more for each time that a method has rows scored besides: DPO by the model that it
               is held to (with LoRA too, the adapter switched off); KTO by that one, and both again
               with the neighbour's answers
attention      as Kaplan's table 1, with the values as with the scores: 4 for each layer, number of
               its width and token, and token that it looks at
head           its weights are counted for the tokens that are scored alone

Padding is computed like tokens. What texts share passes the layers once, and each looks at it.
Rows that are measured cost the 2 of the way there.

What is left out (norms, activation functions, the optimizer, Python) and what keeps a processor
from its speed in products alone is in how many times as long trainings took: supervised (LoRA, all
weights, checkpointing, long rows), DPO and KTO, of SmolLM2-135M on two cores of an x86 CPU with
units for bfloat16, less the start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from finetune_sdk.providers.local.preflight.arithmetic import Load, Shape, trained
from finetune_sdk.types import MethodName, Span

_FORWARD, _BACK, _WEIGHTS = 1, 1, 1
"""In ways there, of 2 operations for each weight and token."""

_ADAPTER = 6

_SCORINGS: Mapping[MethodName, int] = MappingProxyType({MethodName.DPO: 1, MethodName.KTO: 3})
"""Times that a method has rows scored besides."""

_START = Span(low=1.0, high=4.0)
"""Times as long as the look, which loads the same libraries and rows, but no weights."""

_STEP = Span(low=0.02, high=0.4)
"""Seconds of a micro batch besides its sums: of a tiny model, where these are as good as none."""


class Pace(NamedTuple):
    """What trainings took, held against their operations at the speed of products alone.

    Attributes:
        span: times as long, at least and at most.
        source: how that is known, in words.
    """

    span: Span
    source: str


_MEASURED = "where SmolLM2-135M took {} on two cores of a CPU, and {} beside another program"
_SINGLE = Pace(Span(low=0.8, high=4.0), _MEASURED.format("1.5 to 2.4", "up to 3.8"))
_HALF = Pace(Span(low=1.5, high=8.0), _MEASURED.format("2.7 to 4.4", "up to 6.6"))
"""In 16 bits the products are quicker, and what is no product is not."""

_GPU = Pace(
    Span(low=1.0, high=10.0),
    "which no GPU was held against yet: large trainings used a fifth to a half of theirs (arXiv "
    "2204.02311, table 3)",
)


def pace(device: str, precision: str) -> Pace:
    """What is known of a device at a precision."""
    if device != "cpu":
        return _GPU
    return _SINGLE if precision == "float32" else _HALF


@dataclass(frozen=True, kw_only=True)
class Texts:
    """What passes through the model when the rows are gone through once.

    Attributes:
        lengths: tokens of each text, with its padding where it gets one.
        tokens: that pass the layers: of all texts, less what they share.
        scored: tokens whose next one is told.
    """

    lengths: Sequence[int]
    tokens: int
    scored: int


@dataclass(frozen=True, kw_only=True)
class Course:
    """How often that is.

    Attributes:
        passes: over the rows that are learned from.
        scored_once: what is held against is asked once, before the first pass.
        measurements: of the rows that are measured on.
        parts: micro batches that are computed, one after the other.
        least: the share of it that is done before it may stop early.
    """

    passes: float
    scored_once: bool
    measurements: int
    parts: int
    least: float = 1.0


def padded(lengths: Sequence[int], at_once: int) -> list[int]:
    """Lengths of texts that are computed so many at once, each as long as the longest."""
    parts = (lengths[start : start + at_once] for start in range(0, len(lengths), at_once))
    return [max(part) for part in parts for _ in part]


def operations(shape: Shape, load: Load, learned: Texts, measured: Texts, course: Course) -> float:
    """Floating point operations of a training."""
    there = _there(shape, learned)
    ways = _FORWARD + _BACK + (_WEIGHTS if load.lora is None else 0)
    ways += _FORWARD if load.checkpointing else 0
    adapter = 0 if load.lora is None else _ADAPTER * trained(shape, load.lora) * learned.tokens
    scorings = _SCORINGS.get(load.method, 0)
    besides = scorings * there * (1 if course.scored_once else course.passes)
    measuring = (1 + scorings) * _there(shape, measured) * course.measurements
    return course.passes * (ways * there + adapter) + besides + measuring


def seconds(ideal: Span, course: Course, span: Span, *, started: float) -> Span:
    """How long a training takes, with its start.

    Args:
        ideal: seconds that its operations would take in products alone.
        span: times as long, at least and at most.
        started: seconds that it took to load the same libraries and rows.
    """
    low = _STEP.low * course.parts + span.low * ideal.low
    high = _STEP.high * course.parts + span.high * ideal.high
    return Span(low=_START.low * started + course.least * low, high=_START.high * started + high)


def words(seconds: float) -> str:
    """A time, to two digits that count."""
    for factor, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * factor:
            return f"{float(f'{seconds / factor:.2g}'):g} {unit}"
    return f"{float(f'{seconds:.2g}'):g} s"


def _there(shape: Shape, texts: Texts) -> float:
    """Operations of the way there."""
    layers = sum(one.inputs * one.outputs for one in shape.linears) * texts.tokens
    head = shape.hidden * shape.vocabulary * texts.scored
    looks = sum(length * length for length in texts.lengths)
    return 2 * (layers + head) + 4 * shape.layers * shape.hidden * looks
