"""How a job learns: the words of the job and its options, and our defaults for what they leave out.

Pure: no I/O, no vendor package.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from finetune_sdk.providers.local.options import LocalOptions
from finetune_sdk.types import JobSpec, Lora

SEED = 42
"""The seed of a job that names none."""

_EPOCHS = 3.0
_BATCH_SIZE = 8
_RATES = {True: 2e-4, False: 2e-5}
"""Learning rates by whether LoRA is used: what papers and TRL's own examples begin with."""
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
    """The words of the job and its options, and our defaults where they say nothing."""
    method = spec.method
    lora = _lora(method.lora)
    rate = _RATES[lora is not None]
    chosen = {
        "epochs": (method.epochs, f"{_EPOCHS:g}, the default"),
        "batch_size": (method.batch_size, f"{_BATCH_SIZE}, the default"),
        "learning_rate": (
            method.learning_rate,
            f"{rate:g}, the default for {'LoRA' if lora else 'training all weights'}",
        ),
        "lora": (method.lora, _lora_words(lora)),
        "seed": (spec.seed, f"{SEED}, the default"),
        "lr_scheduler": (options.lr_scheduler, "cosine, the default"),
        "warmup_steps": (options.warmup_steps, f"{_WARMUP:.0%} of all steps, the default"),
        "group_by_length": (options.group_by_length, "on, because it saves padding"),
    }
    return Recipe(
        epochs=method.epochs or _EPOCHS,
        batch_size=method.batch_size or _BATCH_SIZE,
        learning_rate=method.learning_rate or rate,
        lora=lora,
        max_length=method.max_length,
        seed=SEED if spec.seed is None else spec.seed,
        scheduler=options.lr_scheduler or "cosine",
        warmup_steps=options.warmup_steps,
        weight_decay=options.weight_decay or 0.0,
        max_grad_norm=options.max_grad_norm or 1.0,
        logging_steps=options.logging_steps,
        group_by_length=options.group_by_length is not False,
        reasons={name: words for name, (given, words) in chosen.items() if given is None},
    )


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
