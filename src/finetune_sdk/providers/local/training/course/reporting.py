"""Progress, metrics and events of a training, as they come."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from statistics import fmean
from typing import Any, Literal

from pydantic import BaseModel, Field

from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.training.failures import TrainingFailure
from finetune_sdk.types import Method, MethodName, Metric

_LOG = logging.getLogger("finetune_sdk.training")

_NAMES: Mapping[str, str] = {
    "mean_token_accuracy": "token_accuracy",
    "num_input_tokens_seen": "tokens",
}
"""What the trainer logs, by its word: our word, where it is another."""

_UNITS: Mapping[str, str] = {"tokens": "tokens", "entropy": "nats per token"}

_LOSS = {MethodName.SUPERVISED: "nats per token"}
"""Units of the loss, by method: the losses of the others are sums of unlike terms."""

_LEFT_OUT = frozenset({"epoch", "num_tokens", "total_flos", "train_loss"})
"""What is told elsewhere, or counts from where the process began."""
_SPEEDS = ("_runtime", "_per_second")

_PAUSE = 0.2
"""Seconds between two writes of the progress: a step of a tiny model takes less than a write."""


_MEASURED = "validation_"
"""How the names of numbers on validation rows begin where train and validation stand together."""


class Told(BaseModel):
    """What the reports need to go on after a stop."""

    loss: float | None = None
    epoch_losses: list[float] = Field(default_factory=list[float])
    newest: dict[str, float] = Field(default_factory=dict[str, float])
    tokens: int = 0
    seconds: float = 0.0


class Reporter:
    """Writes a training's numbers into the job's folder.

    Attributes:
        told: what it has told so far.
    """

    def __init__(self, folder: JobFolder, *, method: Method, epochs: float) -> None:
        self._folder = folder
        self._loss_unit = _LOSS.get(method.NAME)
        self._epochs = epochs
        self._steps = 0
        self._started = self._written = time.monotonic()
        self.told = Told()

    def begin(self, step: int, steps: int) -> None:
        """The next step is about to be taken; `step` of `steps` were taken before a stop."""
        self._started = time.monotonic() - self.told.seconds
        self._steps = steps
        self.progress(step)

    def step(self, step: int, tokens: int) -> None:
        """A step was taken."""
        self.told.tokens = tokens
        # They were another step's: a checkpoint must not be told from its sisters by them.
        self.told.newest = {
            name: value for name, value in self.told.newest.items() if not _is_measured(name)
        }
        if time.monotonic() - self._written >= _PAUSE:
            self.progress(step)

    def log(self, step: int, epoch: float | None, logs: Mapping[str, float]) -> None:
        """The trainer told numbers.

        Raises:
            TrainingFailure: the loss is no number any more.
        """
        if "loss" not in logs:
            return
        if not math.isfinite(logs["loss"]):
            raise not_a_number(step)
        self.told.loss = logs["loss"]
        self.told.epoch_losses.append(logs["loss"])
        for name, value in _told(logs):
            self._measure(step, epoch, name, value)
        _LOG.info("step %d: loss %.4f", step, logs["loss"])

    def measured(self, step: int, epoch: float | None, numbers: Mapping[str, float]) -> None:
        """The validation rows were measured.

        Raises:
            TrainingFailure: the loss on them is no number any more.
        """
        if not math.isfinite(numbers.get("loss", 0.0)):
            raise not_a_number(step)
        for name, value in _told(numbers):
            self._measure(step, epoch, name, value, split="validation")
        words = ", ".join(f"{name} {value:.4f}" for name, value in _told(numbers))
        _LOG.info("step %d: validation %s", step, words)

    def epoch_end(self, step: int, epoch: float, validation: Mapping[str, float] | None) -> None:
        """An epoch, or the last part of one, is over.

        Args:
            validation: the numbers on the validation rows, where they were measured now.
        """
        self.progress(step)
        words = f"epoch {epoch:.4g} of {self._epochs:.4g} is done"
        if self.told.epoch_losses:
            words += f", mean training loss {fmean(self.told.epoch_losses):.4f}"
            self.told.epoch_losses.clear()
        if validation is not None and "loss" in validation:
            words += f", validation loss {validation['loss']:.4f}"
        self._folder.tell(words, type="epoch", data={"epoch": epoch, "step": step})

    def progress(self, step: int) -> None:
        """Writes how far the training is."""
        self._written = time.monotonic()
        passed = self._written - self._started
        left = passed / step * (self._steps - step) if step else None
        numbers = {"step": step, "steps": self._steps, "loss": self.told.loss, "seconds_left": left}
        self._folder.write("progress", numbers)

    def so_far(self) -> Told:
        """What is told until now, with the time that it took."""
        return self.told.model_copy(update={"seconds": time.monotonic() - self._started})

    def _measure(
        self,
        step: int,
        epoch: float | None,
        name: str,
        value: float,
        *,
        split: Literal["train", "validation"] = "train",
    ) -> None:
        metric = Metric(
            step=step,
            name=name,
            value=value,
            split=split,
            unit=self._loss_unit if name == "loss" else _UNITS.get(name),
            epoch=epoch,
            created_at=datetime.now(UTC),
        )
        self._folder.measure(metric)
        self.told.newest[name if split == "train" else f"{_MEASURED}{name}"] = value


def not_a_number(step: int) -> TrainingFailure:
    """The failure of a training that ran away."""
    return TrainingFailure(
        "nan_loss",
        f"the loss is no number any more at step {step}: the training ran away; lower "
        "`learning_rate`, or raise `LocalOptions.warmup_steps`",
    )


def _is_measured(name: str) -> bool:
    return name.startswith(_MEASURED)


def _told(logs: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The numbers that are a job's metrics, by our word for each."""
    for name, value in logs.items():
        left_out = name in _LEFT_OUT or name.endswith(_SPEEDS)
        # A gradient may be infinite for a step in float16: the step is skipped then.
        if not left_out and isinstance(value, int | float) and math.isfinite(value):
            yield _NAMES.get(name, name.replace("/", "_")), value
