"""How a job learns: the words of the job and its options, and our defaults for what they leave out.

Pure: no I/O, no vendor package.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from finetune_sdk.providers.local.options import LocalOptions
from finetune_sdk.providers.local.training.failures import TrainingFailure
from finetune_sdk.types import JobSpec, Lora, MethodName

SEED = 42
"""The seed of a job that names none."""


class _Defaults(NamedTuple):
    epochs: float
    batch_size: int
    lora_rate: float
    full_rate: float

    def rate(self, lora: Lora | None) -> float:
        return self.lora_rate if lora else self.full_rate


_DEFAULTS: Mapping[MethodName, _Defaults] = {
    MethodName.SUPERVISED: _Defaults(3, 8, 2e-4, 2e-5),
    MethodName.DPO: _Defaults(1, 8, 5e-6, 5e-7),
    MethodName.ORPO: _Defaults(1, 8, 8e-5, 8e-6),
    MethodName.KTO: _Defaults(1, 8, 5e-6, 5e-7),
    MethodName.REWARD: _Defaults(1, 8, 1e-4, 1e-5),
    MethodName.REINFORCEMENT: _Defaults(1, 4, 1e-5, 1e-6),
}
"""What papers and TRL's own scripts begin with.

The rates of DPO, ORPO and reward models are those of TRL's scripts (`trl/scripts/dpo.py`,
`examples/scripts/orpo.py`, `examples/scripts/reward_modeling.py`); `trl/scripts/kto.py` says that
what suits DPO suits KTO. For GRPO it is the default of TRL's `GRPOConfig`, and ten times that with
LoRA, as "LoRA Without Regret" (Thinking Machines Lab, 2025) and TRL's page about it find for
LoRA in general. One pass is what those scripts make; a batch of reinforcement is of prompts, each
with several answers.
"""

_UNGROUPED: Mapping[MethodName, str] = {
    MethodName.KTO: "KTO holds each row against its neighbour",
    MethodName.REINFORCEMENT: "how long an answer will be is not known before",
}
"""Methods whose rows cannot be put in batches by their length, and why."""

_ANY_ORDER = (
    "off, because which rows meet in a batch has a share in what is learned, and padding costs "
    "next to nothing where beginnings are shared"
)
_WARMUP = 0.05
_LOGGED = 100
"""Metrics of a kind that a long job measures, about."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a job learns, with every default filled in.

    Attributes:
        lora: None trains all weights.
        warmup_steps: None is a share of all steps, known once the rows are counted.
        reasons: a line of words for what was chosen for the caller, by name.
    """

    epochs: float
    batch_size: int
    learning_rate: float
    lora: Lora | None
    max_length: int | None
    seed: int
    scheduler: str
    warmup_steps: int | None
    weight_decay: float
    max_grad_norm: float
    logging_steps: int | None
    group_by_length: bool
    reasons: dict[str, str]

    def steps(self, rows: int) -> int:
        """Optimizer steps in all, as transformers counts them."""
        return math.ceil(self.epochs * math.ceil(rows / self.batch_size))

    def warmup(self, rows: int) -> int:
        """Optimizer steps until the learning rate is at its peak."""
        share = math.ceil(self.steps(rows) * _WARMUP)
        return share if self.warmup_steps is None else self.warmup_steps

    def log_every(self, rows: int) -> int:
        """Optimizer steps between two metrics."""
        return self.logging_steps or math.ceil(self.steps(rows) / _LOGGED)


def recipe(spec: JobSpec, options: LocalOptions) -> Recipe:
    """The words of the job and its options, and our defaults where they say nothing.

    Raises:
        TrainingFailure: an option means nothing for the method.
    """
    method = spec.method
    lora = _lora(method.lora)
    defaults = _DEFAULTS[method.name]
    rate = defaults.rate(lora)
    grouped, why_grouped = _grouped(method.name, options)
    chosen = {
        "epochs": (method.epochs, f"{defaults.epochs:g}, the default"),
        "batch_size": (method.batch_size, f"{defaults.batch_size}, the default"),
        "learning_rate": (
            method.learning_rate,
            f"{rate:g}, the default for {'LoRA' if lora else 'training all weights'}",
        ),
        "lora": (method.lora, _lora_words(lora)),
        "seed": (spec.seed, f"{SEED}, the default"),
        "lr_scheduler": (options.lr_scheduler, "cosine, the default"),
        "warmup_steps": (options.warmup_steps, f"{_WARMUP:.0%} of all steps, the default"),
        "group_by_length": (options.group_by_length, why_grouped),
    }
    return Recipe(
        epochs=method.epochs or defaults.epochs,
        batch_size=method.batch_size or defaults.batch_size,
        learning_rate=method.learning_rate or rate,
        lora=lora,
        max_length=method.max_length,
        seed=SEED if spec.seed is None else spec.seed,
        scheduler=options.lr_scheduler or "cosine",
        warmup_steps=options.warmup_steps,
        weight_decay=options.weight_decay or 0.0,
        max_grad_norm=options.max_grad_norm or 1.0,
        logging_steps=options.logging_steps,
        group_by_length=grouped,
        reasons={name: words for name, (given, words) in chosen.items() if given is None},
    )


def _grouped(method: MethodName, options: LocalOptions) -> tuple[bool, str]:
    reason = _UNGROUPED.get(method)
    if reason is None:
        return options.group_by_length is True, _ANY_ORDER
    if options.group_by_length:
        raise TrainingFailure(
            "invalid_option",
            f"`LocalOptions.group_by_length` is True, which {method.value!r} cannot do: {reason}; "
            "leave it out",
        )
    return False, f"off, because {reason}"


def _lora(given: Lora | bool | None) -> Lora | None:
    if isinstance(given, Lora):
        return given
    return None if given is False else Lora()


def _lora_words(lora: Lora | None) -> str:
    if lora is None:
        return "off"
    modules = lora.target_modules
    layers = modules if isinstance(modules, str) else ", ".join(modules)
    return f"rank {lora.rank}, alpha {lora.alpha}, {layers}, the default"
