"""A model's weights in parts, one for each process: FSDP by accelerate and transformers."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from finetune_sdk.providers.local.training.failures import TrainingFailure
from finetune_sdk.providers.local.training.hardware import Choices


def allow(choices: Choices) -> None:
    """Lets accelerate part a model on CPUs too, once TRL's configuration is made.

    It does so on accelerators alone, and keeps copies elsewhere without a word (accelerate 1.15,
    `AcceleratorState`). What it calls by that name only says that several processes may part it.
    """
    if choices.parallel == "fsdp" and choices.device == "cpu":
        state = import_module("accelerate.state")
        kind = import_module("accelerate.utils").DistributedType.MULTI_GPU
        state.PartialState._shared_state["distributed_type"] = kind


def check(trainer: Any, choices: Choices) -> None:
    """Looks whether the model is parted where it should be.

    Raises:
        TrainingFailure: it is not, and each process would need room for all of it.
    """
    if choices.parallel == "fsdp" and not trainer.is_fsdp_enabled:
        raise TrainingFailure(
            "parallel_not_taken",
            "`LocalOptions.parallel` is 'fsdp', and the installed accelerate keeps a whole copy "
            "of the model in each process; take 'ddp', or another version of accelerate",
        )
