"""The methods: what each makes of a job's rows.

lesson.py   what a method is               supervised.py      to give the assistant's turns
pairs.py    what learns from pairs:        dpo.py  orpo.py  reward.py
kto.py      from answers good or bad       reinforcement.py   from graded answers of its own
trl.py      what we take from TRL         fitting.py   whether a model has its weights and layers
"""

from __future__ import annotations

from importlib import import_module

from finetune_sdk.providers.local.training.methods.lesson import Lesson
from finetune_sdk.providers.local.training.order import Order
from finetune_sdk.types import MethodName

_CLASSES = {
    MethodName.SUPERVISED: ("supervised", "SupervisedLesson"),
    MethodName.DPO: ("dpo", "DPOLesson"),
    MethodName.ORPO: ("orpo", "ORPOLesson"),
    MethodName.KTO: ("kto", "KTOLesson"),
    MethodName.REWARD: ("reward", "RewardLesson"),
    MethodName.REINFORCEMENT: ("reinforcement", "ReinforcementLesson"),
}


def kind(method: MethodName) -> type[Lesson]:
    """The class of a method's lessons."""
    module, name = _CLASSES[method]
    found: type[Lesson] = getattr(import_module(f"{__name__}.{module}"), name)
    return found


def lesson(order: Order) -> Lesson:
    """The lesson of the job's method: its rows are read and checked.

    Raises:
        TrainingFailure: a row or an option is wrong.
    """
    return kind(order.spec.method.name)(order)
