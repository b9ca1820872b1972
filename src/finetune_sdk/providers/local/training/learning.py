"""The training itself: what listens to it, and how it begins and ends."""

from __future__ import annotations

from typing import Any

from finetune_sdk.providers.local.training import saving
from finetune_sdk.providers.local.training.reporting import (
    Measure,
    Reporter,
    callback,
    not_a_number,
)


def callbacks(reporter: Reporter, measure: Measure) -> list[Any]:
    """What listens to a training."""
    return [callback(reporter, measure)]


def learn(trainer: Any) -> None:
    """Trains to the end.

    Raises:
        TrainingFailure: the training ran away.
    """
    trainer.train()
    if not saving.is_finite(trainer.model):
        raise not_a_number(trainer.state.global_step)
