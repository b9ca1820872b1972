"""What a training needs of memory and disk, added up before anything is loaded. Pure.

Memory, in bytes, with P numbers in the base model's weights and T that are trained:

weights      P times 4, or times 2 where a frozen base model is kept in 16 bits (LoRA)
casts        P times 2, where all weights are trained in float32 and computed in 16 bits (autocast)
trained      T times 4 for the weights of an adapter, which come on top of the base model's
gradients    T times 4
optimizer    T times 8: AdamW keeps two numbers for each weight (arXiv 1711.05101, algorithm 2)
reference    P times 4, where a method holds the model against a copy of itself
activations  what is kept for the way back, for each token that is computed at once: the input
             and the output of every linear layer, a quarter more for norms, activation functions
             and attention (counted with torch's hooks on saved tensors in Llamas of three shapes:
             13 to 20 % more), and for each layer as many numbers as the row is long (the mask).
             With gradient checkpointing, a layer's input for each layer, and all this for one
             layer (arXiv 1604.06174)
scores       4 numbers for each word of the vocabulary and token that is scored at once: the
             logits, their softmax, and the gradients of both; 12 where the reference scores them
             too. Our own loss scores so many tokens at once that the logits are 2**26 numbers at
             most
program      Python, torch, transformers and TRL: measured

Where N processes train together, this is what each needs. With a whole copy in each (DDP):

buckets      T times 4: the gradients once more, as they are summed up (torch keeps both)

With a part in each (FSDP), weights, casts, reference, gradients and optimizer are divided by N,
and there is besides:

gathered     what is whole while it is computed: two layers, of which one comes while the other is
             at work, and the words at both ends

Measured on a CPU with the C library of GNU, as the peak of resident memory of whole trainings of
SmolLM2-135M and of a tiny model: the C library does not give back all that was kept for the way
back, 1.9 times as much stays resident; checkpointing halves that and no more.

Disk: the model that comes out, and checkpoints, each with weights and optimizer; two more than are
kept: the best, and the one that is being written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from finetune_sdk.providers.local.options import Parallel, Precision
from finetune_sdk.types import Lora, MethodName

_SINGLE, _HALF, _ADAM = 4, 2, 8
_BESIDES = 1.25
_SCORES = 4
_SCORES_TWICE = 12
_REFERRING = frozenset({MethodName.DPO, MethodName.KTO, MethodName.REINFORCEMENT})
_LOGITS_AT_ONCE = 2**26
_PROGRAM = 650_000_000

_RESIDENT = {"cpu": 1.9, "cuda": 1.2, "mps": 1.2}
"""How much stays taken for each byte that is kept; a GPU's own allocator rounds up."""

_CHECKPOINTED_CPU = 0.5

_PARTING = ("fsdp", "deepspeed")

KEPT = 2
"""Checkpoints that are kept where `keep_checkpoints` is not given."""


@dataclass(frozen=True)
class Linear:
    """A linear layer: its name in the model, and the numbers that go in and come out."""

    name: str
    inputs: int
    outputs: int


@dataclass(frozen=True)
class Shape:
    """What of a model counts here.

    Attributes:
        parameters: numbers in all weights; those that are used twice count once.
        linears: linear layers, without the output head.
        layers: how many layers are stacked.
        hidden: numbers that pass from layer to layer, for each token.
        vocabulary: words of the output head.
        sparse: each token is computed by a part of the weights alone (a mixture of experts).
    """

    parameters: int
    linears: tuple[Linear, ...]
    layers: int
    hidden: int
    vocabulary: int
    sparse: bool = False


@dataclass(frozen=True, kw_only=True)
class Load:
    """What is computed at once.

    Attributes:
        rows: at once.
        longest: tokens that a row adds, at most; 0 where it is not known.
        lora: None trains all weights.
        reference: a copy of the model is kept beside it.
        cells: tokens at once, at most, where none is padding; None where rows are padded.
        processes: that train together.
        parallel: how they keep the model; None is one process.
    """

    method: MethodName
    device: Literal["cuda", "mps", "cpu"]
    precision: Precision
    checkpointing: bool
    rows: int
    longest: int
    lora: Lora | None
    reference: bool = False
    cells: int | None = None
    processes: int = 1
    parallel: Parallel | None = None

    @property
    def tokens(self) -> int:
        """That are computed at once, at most."""
        return self.rows * self.longest if self.cells is None else self.cells


@dataclass(frozen=True)
class Bill:
    """Bytes by what they are for."""

    items: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.items.values())

    def __str__(self) -> str:
        parts = " + ".join(f"{size(count)} {name}" for name, count in self.items.items() if count)
        return f"{parts} = {size(self.total)}"


def size(count: float) -> str:
    """Bytes, in words with two digits that count."""
    for factor, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if count >= factor:
            return f"{count / factor:.{1 if count < 10 * factor else 0}f} {unit}"
    return f"{count / 1e3:.0f} kB"


def targets(shape: Shape, lora: Lora) -> tuple[Linear, ...]:
    """The layers that get an adapter, by peft's own rule for names."""
    if isinstance(lora.target_modules, str):
        return shape.linears
    wanted = lora.target_modules
    return tuple(
        one
        for one in shape.linears
        if any(one.name == name or one.name.endswith(f".{name}") for name in wanted)
    )


def trained(shape: Shape, lora: Lora | None) -> int:
    """Numbers that are trained: of an adapter, `rank` times what goes in and comes out."""
    if lora is None:
        return shape.parameters
    return sum(lora.rank * (one.inputs + one.outputs) for one in targets(shape, lora))


def memory(shape: Shape, load: Load) -> Bill:
    """Bytes that each process needs at its peak, rather too many than too few."""
    half = load.precision != "float32"
    frozen = load.lora is not None
    learned = trained(shape, load.lora)
    weights = shape.parameters * (_HALF if half and frozen else _SINGLE)
    casts = 0 if frozen or not half else shape.parameters * _HALF
    states = learned * (_SINGLE + _ADAM + (_SINGLE if frozen else 0))
    parts = load.processes if load.parallel in _PARTING else 1
    return Bill(
        {
            "weights": (weights + casts) // parts,
            "reference": shape.parameters * _SINGLE // parts if load.reference else 0,
            f"{'adapter, ' if frozen else ''}gradients and optimizer": states // parts,
            "buckets": learned * _SINGLE if load.parallel == "ddp" else 0,
            "gathered": _gathered(shape, load) if parts > 1 else 0,
            "activations": _activations(shape, load),
            "scores": _scores(shape, load),
            "program": _PROGRAM,
        }
    )


def disk(
    shape: Shape,
    lora: Lora | None,
    *,
    keep: int,
    beside: int,
    base: int = 0,
    parted: bool = False,
) -> Bill:
    """Bytes that a training writes.

    Args:
        keep: checkpoints that are kept.
        beside: bytes of the tokenizer, which is written with every model.
        base: bytes of the base model, where it must be fetched or converted first.
        parted: each process has a part of the model: what it goes on from is written besides.
    """
    learned = trained(shape, lora)
    checkpoint = learned * (_SINGLE + _ADAM + (_SINGLE if parted else 0)) + beside
    return Bill(
        {
            "base model": base,
            "model": learned * _SINGLE + beside,
            f"for {keep + 2} checkpoints": (keep + 2) * checkpoint,
        }
    )


def _gathered(shape: Shape, load: Load) -> int:
    ends = shape.vocabulary * shape.hidden
    layers = 2 * sum(one.inputs * one.outputs for one in shape.linears) // max(shape.layers, 1)
    return (2 * ends + layers) * (_SINGLE if load.precision == "float32" else _HALF)


def _activations(shape: Shape, load: Load) -> int:
    passed = sum(one.inputs + one.outputs for one in shape.linears)
    numbers = passed * _BESIDES + shape.layers * load.longest
    if load.checkpointing and load.device != "cpu":
        numbers = shape.layers * shape.hidden + numbers / max(shape.layers, 1)
    elif load.checkpointing:
        numbers *= _CHECKPOINTED_CPU
    # Norms and sums stay in float32 where the rest has 16 bits.
    width = _SINGLE if load.precision == "float32" else 3
    return int(load.tokens * numbers * width * _RESIDENT[load.device])


def _scores(shape: Shape, load: Load) -> int:
    if load.method is MethodName.REWARD:
        return 0
    logits = load.tokens * shape.vocabulary
    if load.method is MethodName.SUPERVISED:
        logits = min(logits, _LOGITS_AT_ONCE)
    return logits * (_SCORES_TWICE if load.method in _REFERRING else _SCORES) * _SINGLE
