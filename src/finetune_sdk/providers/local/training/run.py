"""One training, from the job's folder to the model's folder."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.jobs.team import Team
from finetune_sdk.providers.local.training import choosing, methods, parting, ranks, shortcuts
from finetune_sdk.providers.local.training.course import learning
from finetune_sdk.providers.local.training.course.pausing import Stop
from finetune_sdk.providers.local.training.failures import TrainingFailure
from finetune_sdk.providers.local.training.hardware import Choices
from finetune_sdk.providers.local.training.methods.lesson import Lesson
from finetune_sdk.providers.local.training.order import Order, read_order


def train(folder: JobFolder) -> int | None:
    """Trains as the folder's spec says, from the newest checkpoint on where there is one.

    Returns:
        The number of tokens that were seen; None where it was asked to stop and go on later.

    Raises:
        TrainingFailure: a reason that is understood; others come as they are.
    """
    if team := Team.of(folder):
        ranks.check(team.processes, ranks.world())
    stop = Stop(folder)
    with stop.listening():
        order = read_order(folder)
        learning.check(order)
        course = _take(order, stop)
        if course.stopped:
            folder.tell("saved and stopped, to go on later", type="stopped")
            return None
        course.save(folder.model)
    folder.tell(f"the model is in {folder.model}", type="model")
    return course.tokens


def _take(order: Order, stop: Stop) -> learning.Course:
    lesson = methods.lesson(order)
    choices = choosing.choose(order, lesson)
    _tell(order, lesson, choices)
    import_module("torch").set_num_threads(choices.threads)
    if ranks.world() > 1:
        # accelerate would take the number of cores otherwise, for each.
        os.environ["OMP_NUM_THREADS"] = str(choices.threads)
    ranks.join(choices.device)
    course = learning.Course(order, lesson, stop)
    if not course.over:
        trainer = _trainer(lesson, lesson.load(choices), choices, course.callbacks)
        taken = shortcuts.take(order, lesson, trainer, choices)
        if taken != choices:
            _tell(order, lesson, taken)
        course.take(trainer)
    return course


def _tell(order: Order, lesson: Lesson, choices: Choices) -> None:
    settings = {**order.recipe.reasons, **lesson.reasons, **choices.reasons}
    order.folder.write("choices", {"settings": settings, "warnings": order.teller.warnings})
    words = "the settings for this job and this machine are chosen; `jobs.get` shows them"
    order.folder.tell(words, type="settings", data=dict(settings))


def _trainer(lesson: Lesson, model: Any, choices: Choices, callbacks: list[Any]) -> Any:
    try:
        trainer = lesson.trainer(model, choices, callbacks)
    except (ValueError, TypeError) as error:
        raise TrainingFailure("invalid_hyperparameter", f"TRL refuses: {error}") from error
    parting.check(trainer, choices)
    ranks.check(ranks.world(), trainer.accelerator.num_processes)
    trainer.remove_callback(import_module("transformers").PrinterCallback)
    return trainer
