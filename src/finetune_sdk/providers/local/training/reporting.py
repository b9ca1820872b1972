"""Progress, metrics and events of a training, as they come."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib import import_module
from statistics import fmean
from typing import Any

from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.training.failures import TrainingFailure
from finetune_sdk.types import Metric

_LOG = logging.getLogger("finetune_sdk.training")

_NAMES: Mapping[str, tuple[str, str | None]] = {
    "loss": ("loss", "nats per token"),
    "learning_rate": ("learning_rate", None),
    "grad_norm": ("grad_norm", None),
    "mean_token_accuracy": ("token_accuracy", None),
    "num_input_tokens_seen": ("tokens", "tokens"),
}
"""What the trainer logs, by its word: our word, and the unit."""

_PAUSE = 0.2
"""Seconds between two writes of the progress: a step of a tiny model takes less than a write."""

Measure = Callable[[], Mapping[str, float] | None]
"""Gives the numbers on the validation rows; None where there are none."""

_UNITS: Mapping[str, str | None] = dict(_NAMES.values())


class Reporter:
    """Writes a training's numbers into the job's folder.

    Attributes:
        tokens: real tokens seen so far, padding aside.
    """

    def __init__(self, folder: JobFolder, *, epochs: float) -> None:
        self._folder = folder
        self._epochs = epochs
        self._loss: float | None = None
        self._epoch_losses: list[float] = []
        self._steps = 0
        self._started = self._written = time.monotonic()
        self.tokens = 0

    def begin(self, steps: int) -> None:
        """The first step is about to be taken."""
        self._started = time.monotonic()
        self._steps = steps
        self._progress(0)

    def step(self, step: int, tokens: int) -> None:
        """A step was taken."""
        self.tokens = tokens
        if time.monotonic() - self._written >= _PAUSE:
            self._progress(step)

    def log(self, step: int, epoch: float | None, logs: Mapping[str, float]) -> None:
        """The trainer told numbers.

        Raises:
            TrainingFailure: the loss is no number any more.
        """
        if "loss" not in logs:
            return
        if not math.isfinite(logs["loss"]):
            raise not_a_number(step)
        self._loss = logs["loss"]
        self._epoch_losses.append(self._loss)
        for name, (ours, unit) in _NAMES.items():
            # A gradient may be infinite for a step in float16: the step is skipped then.
            if name in logs and math.isfinite(logs[name]):
                self._measure(step, epoch, ours, logs[name], unit=unit)
        _LOG.info("step %d: loss %.4f", step, logs["loss"])

    def epoch_end(self, step: int, epoch: float, validation: Mapping[str, float] | None) -> None:
        """An epoch, or the last part of one, is over.

        Args:
            validation: the numbers on the validation rows, where there are any.

        Raises:
            TrainingFailure: the loss on them is no number any more.
        """
        self._progress(step)
        words = f"epoch {epoch:.4g} of {self._epochs:.4g} is done"
        if self._epoch_losses:
            words += f", mean training loss {fmean(self._epoch_losses):.4f}"
            self._epoch_losses.clear()
        if validation is not None:
            if not math.isfinite(validation["loss"]):
                raise not_a_number(step)
            for name, value in validation.items():
                self._measure(step, epoch, name, value, split="validation", unit=_UNITS.get(name))
            words += f", validation loss {validation['loss']:.4f}"
        self._folder.tell(words, type="epoch", data={"epoch": epoch, "step": step})

    def _measure(
        self,
        step: int,
        epoch: float | None,
        name: str,
        value: float,
        *,
        split: Any = "train",
        unit: str | None = None,
    ) -> None:
        metric = Metric(
            step=step,
            name=name,
            value=value,
            split=split,
            unit=unit,
            epoch=epoch,
            created_at=datetime.now(UTC),
        )
        self._folder.measure(metric)

    def _progress(self, step: int) -> None:
        self._written = time.monotonic()
        passed = self._written - self._started
        left = passed / step * (self._steps - step) if step else None
        numbers = {"step": step, "steps": self._steps, "loss": self._loss, "seconds_left": left}
        self._folder.write("progress", numbers)


def not_a_number(step: int) -> TrainingFailure:
    """The failure of a training that ran away."""
    return TrainingFailure(
        "nan_loss",
        f"the loss is no number any more at step {step}: the training ran away; lower "
        "`learning_rate`, or raise `LocalOptions.warmup_steps`",
    )


def callback(reporter: Reporter, measure: Measure) -> Any:
    """The reporter as a callback of transformers' trainer."""
    transformers = import_module("transformers")

    class Forward(transformers.TrainerCallback):  # type: ignore[misc, name-defined]
        def on_train_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
            reporter.begin(state.max_steps)

        def on_step_end(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
            reporter.step(state.global_step, state.num_input_tokens_seen)

        def on_log(self, _args: Any, state: Any, _control: Any, logs: Any = None, **_: Any) -> None:
            reporter.log(state.global_step, state.epoch, logs or {})

        def on_epoch_end(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
            reporter.epoch_end(state.global_step, state.epoch, measure())

    return Forward()
