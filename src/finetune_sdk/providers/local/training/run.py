"""One training, from the job's folder to the model's folder."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.training import hardware, learning, methods, saving
from finetune_sdk.providers.local.training.failures import TrainingFailure
from finetune_sdk.providers.local.training.methods.lesson import Lesson
from finetune_sdk.providers.local.training.order import Order, read_order
from finetune_sdk.providers.local.training.reporting import Reporter


def train(folder: JobFolder) -> int:
    """Trains as the folder's spec says; gives the number of tokens that were seen.

    Raises:
        TrainingFailure: a reason that is understood; others come as they are.
    """
    order = read_order(folder)
    lesson = methods.lesson(order)
    choices = _choose(order, lesson)
    import_module("torch").set_num_threads(choices.threads)
    model = lesson.load(choices)
    reporter = Reporter(folder, epochs=order.recipe.epochs)
    listeners = learning.callbacks(reporter, lambda: lesson.measure(trainer))
    trainer = _trainer(lesson, model, choices, listeners)
    learning.learn(trainer)
    _save(order, lesson, trainer)
    return reporter.tokens


def _choose(order: Order, lesson: Lesson) -> hardware.Choices:
    choices = hardware.choose(
        hardware.look(os.environ),
        order.options,
        batch_size=order.recipe.batch_size,
        rows=lesson.rows,
        longest=lesson.longest,
    )
    settings = {**order.recipe.reasons, **lesson.reasons, **choices.reasons}
    order.folder.write("choices", {"settings": settings, "warnings": order.teller.warnings})
    words = "the settings for this job and this machine are chosen; `jobs.get` shows them"
    order.folder.tell(words, type="settings", data=dict(settings))
    return choices


def _trainer(lesson: Lesson, model: Any, choices: hardware.Choices, callbacks: list[Any]) -> Any:
    try:
        trainer = lesson.trainer(model, choices, callbacks)
    except (ValueError, TypeError) as error:
        raise TrainingFailure("invalid_hyperparameter", f"TRL refuses: {error}") from error
    trainer.remove_callback(import_module("transformers").PrinterCallback)
    return trainer


def _save(order: Order, lesson: Lesson, trainer: Any) -> None:
    config = import_module("transformers").AutoConfig.from_pretrained(order.base)
    # Switched off for the training; a model that is served without it is slow.
    trainer.model.config.use_cache = getattr(config, "use_cache", True)
    lesson.finish(trainer.model)
    saving.save(trainer.model, order.tokenizer, order.folder.model)
    order.folder.tell(f"the model is in {order.folder.model}", type="model")
