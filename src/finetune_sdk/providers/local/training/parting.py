"""A model's weights in parts, one for each process: FSDP or DeepSpeed, by accelerate.

FSDP is tested on CPUs. DeepSpeed is not: its configuration is held against accelerate's own
classes, and nothing more.
"""

from __future__ import annotations

from copy import deepcopy
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from finetune_sdk.providers.local.options import Parallel
from finetune_sdk.providers.local.training.failures import TrainingFailure
from finetune_sdk.providers.local.training.hardware import Choices
from finetune_sdk.types import MethodName

METHODS = frozenset({MethodName.SUPERVISED, MethodName.DPO})
"""Methods that are known to learn the same so."""

FSDP: dict[str, object] = {
    "fsdp": True,
    # Layer by layer, as the model itself names its layers.
    "fsdp_config": {"version": 2, "auto_wrap_policy": "TRANSFORMER_BASED_WRAP"},
}
"""Keywords of TRL's configuration classes."""

ZERO: dict[str, object] = {
    "zero_optimization": {
        "stage": 3,
        "overlap_comm": True,
        "contiguous_gradients": True,
        # The model that comes out is whole.
        "stage3_gather_16bit_weights_on_model_save": True,
    },
    # What `auto` stands for is the trainer's own.
    "bf16": {"enabled": "auto"},
    "fp16": {"enabled": "auto"},
    "gradient_clipping": "auto",
    "gradient_accumulation_steps": "auto",
    "train_batch_size": "auto",
    "train_micro_batch_size_per_gpu": "auto",
}
"""DeepSpeed's configuration: weights, gradients and optimizer in parts (ZeRO, stage 3)."""


def keywords(parallel: Parallel | None) -> dict[str, object]:
    """Of TRL's configuration classes."""
    given: dict[str, dict[str, object]] = {"fsdp": FSDP, "deepspeed": {"deepspeed": ZERO}}
    # The libraries write into what they are given.
    return deepcopy(given.get(parallel or "", {}))


def refuse(parallel: Parallel, method: MethodName, device: str) -> None:
    """Raises a `TrainingFailure` where the parts cannot be made."""
    why = None
    if parallel != "ddp" and method not in METHODS:
        why = f"which is not known to learn the same with the method {method.value!r}"
    elif parallel == "deepspeed" and device != "cuda":
        why = f"which needs GPUs of NVIDIA, and the device is {device!r}"
    elif parallel == "deepspeed" and find_spec("deepspeed") is None:
        why = "and the package is not installed: `pip install deepspeed`"
    if why:
        raise TrainingFailure(
            "invalid_option", f"`LocalOptions.parallel` is {parallel!r}, {why}; take 'ddp'"
        )


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
