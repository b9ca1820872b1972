"""The shortcuts to the same loss, taken on a trainer that is ready."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from finetune_sdk.providers.local.training import choosing, loss
from finetune_sdk.providers.local.training.hardware import Choices
from finetune_sdk.providers.local.training.methods.lesson import Lesson
from finetune_sdk.providers.local.training.order import Order
from finetune_sdk.providers.local.training.shared import fitness


def take(order: Order, lesson: Lesson, trainer: Any, choices: Choices) -> Choices:
    """Takes those that were chosen, each where the model itself allows it.

    Returns:
        The choices as they are now.

    Raises:
        TrainingFailure: one was asked for, and the model does not allow it.
    """
    held = getattr(trainer, "ref_model", None)
    models = [
        trainer.accelerator.unwrap_model(one) for one in (trainer.model, held) if one is not None
    ]
    if choices.labelled_only:
        why = next(filter(None, map(loss.hindrance, models)), None)
        if why:
            choices = _left(order, choices, "labelled_only", why)
        else:
            _score(trainer, models)
    if choices.shared_prefix:
        whys = (fitness.share(model, lesson.encoded(), choices.precision) for model in models)
        why = next((why for why in whys if why), None)
        if why:
            choices = _left(order, choices, "shared_prefix", why)
    return choices


def _score(trainer: Any, models: Iterable[Any]) -> None:
    temperature = getattr(trainer, "temperature", 1.0)
    for model in models:
        loss.score_labelled(model, temperature, trainer.accelerator.autocast)


def _left(order: Order, choices: Choices, name: str, why: str) -> Choices:
    if getattr(order.options, name):
        raise choosing.refusal(name, why)
    reasons = {**choices.reasons, name: f"off, because {why}"}
    changes: dict[str, Any] = {"reasons": reasons, name: False}
    return replace(choices, **changes)
