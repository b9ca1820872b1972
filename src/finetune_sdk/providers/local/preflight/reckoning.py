"""Holds what a training needs against what the machine has."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from finetune_sdk.errors import QuotaExceededError
from finetune_sdk.providers.local import files
from finetune_sdk.providers.local.models import hub, weights
from finetune_sdk.providers.local.models.weights import Weights
from finetune_sdk.providers.local.preflight import arithmetic, capacity
from finetune_sdk.providers.local.preflight.arithmetic import Bill, Load, Shape, size
from finetune_sdk.providers.local.preflight.capacity import Capacity
from finetune_sdk.providers.local.settings import NAME
from finetune_sdk.providers.local.training.course.keeping import KEPT
from finetune_sdk.providers.local.training.order import Order

_SINGLE, _HALF = 4, 2
_HALVES = ("bfloat16", "float16")


Room = Callable[[str], Capacity | None]


def room(device: str) -> Capacity | None:
    """The memory that a device computes in; None where nobody tells."""
    if device != "cuda":
        return capacity.memory()
    free, total = import_module("torch").cuda.mem_get_info()
    return Capacity(total, free)


def share(there: Capacity | None, load: Load) -> Capacity | None:
    """What each process of a training can have: a GPU of its own, or its part of the memory."""
    if there is None or load.device == "cuda":
        return there
    free = None if there.free is None else there.free // load.processes
    return Capacity(there.total // load.processes, free)


def check(
    order: Order, found: Weights, shape: Shape, load: Load, there: Capacity | None
) -> dict[str, str]:
    """The settings `memory` and `disk`: what is needed, of what there is.

    Raises:
        QuotaExceededError: the machine has not so much memory, or the disk not so much room.
    """
    memory = _check_memory(order, shape, load, there)
    return {"memory": memory, "disk": _check_disk(order, found, shape, load)}


def _check_memory(order: Order, shape: Shape, load: Load, there: Capacity | None) -> str:
    bill = arithmetic.memory(shape, load)
    need = bill.total
    words = str(bill) if load.longest else f"at least {bill}, and more for the rows"
    place = "the GPU" if load.device == "cuda" else "this machine"
    if load.processes > 1:
        words = f"in each of {load.processes} processes {words}"
        place = "its GPU" if load.device == "cuda" else "its part of this machine"
    if there is None:
        return f"{words}; what {place} has is not known"
    of = f"{words}, of {size(there.total)} that {place} has"
    if need > there.total:
        raise QuotaExceededError(
            f"the training needs more memory than there is: {of}; {_lower(order, load)}",
            provider=NAME,
            code="not_enough_memory",
        )
    if there.free is not None and need > there.free:
        order.teller.warn(
            f"the training needs about {size(need)} of memory, and {size(there.free)} are free "
            f"now; end other programs before it starts, or {_lower(order, load)}"
        )
    return of


def _lower(order: Order, load: Load) -> str:
    """What to lower, of what is not as low as it can be."""
    ways: list[str] = []
    if load.rows > 1:
        ways.append(f"lower `LocalOptions.micro_batch_size`, which is {load.rows}")
    if load.longest:
        ways.append(f"shorten the rows, of which one adds {load.longest} tokens")
    if not load.checkpointing:
        ways.append("set `LocalOptions(gradient_checkpointing=True)`")
    if order.recipe.lora is None:
        ways.append("train with `lora`")
    return "; or ".join([*ways, "take a smaller model"])


def _check_disk(order: Order, found: Weights, shape: Shape, load: Load) -> str:
    home, lora = order.folder.home, order.recipe.lora
    keep = order.options.keep_checkpoints or KEPT
    missing = weights.missing(found, home)
    download = shape.parameters * _width(order.base) if missing.download else 0
    cache = hub.cache(os.environ)
    shared = _device(cache) == _device(home.root)
    if download and not shared:
        _refuse_full(Bill({"base model": download}), cache, "free some space there")
    base = missing.folders * shape.parameters * _SINGLE + (download if shared else 0)
    beside = _beside(order.base)
    parted = load.parallel not in (None, "ddp")
    bill = arithmetic.disk(shape, lora, keep=keep, beside=beside, base=base, parted=parted)
    return _refuse_full(bill, home.root, _make_room(order, keep))


def _make_room(order: Order, keep: int) -> str:
    ways = ["free some space, or name a folder on another disk with FINETUNE_HOME or `home=`"]
    if keep > 1:
        ways.append(f"lower `LocalOptions.keep_checkpoints`, which is {keep}")
    if order.recipe.lora is None:
        ways.append("train with `lora`")
    return "; or ".join(ways)


def _refuse_full(bill: Bill, folder: Path, ways: str) -> str:
    free = shutil.disk_usage(_existing(folder)).free
    of = f"{bill}, of {size(free)} that are free"
    if bill.total > free:
        raise QuotaExceededError(
            f"the disk of {str(folder)!r} has not enough room for the training: {of}; {ways}",
            provider=NAME,
            code="disk_full",
        )
    return of


def _width(base: Path) -> int:
    """Bytes of a number in the base model's files."""
    config = files.read_json(base / "config.json") or {}
    return _HALF if config.get("dtype", config.get("torch_dtype")) in _HALVES else _SINGLE


def _beside(base: Path) -> int:
    """Bytes of the tokenizer and the configuration."""
    return sum(
        file.stat().st_size
        for file in base.iterdir()
        if file.is_file() and file.suffix in (".json", ".txt", ".model", ".jinja")
    )


def _device(folder: Path) -> int:
    return _existing(folder).stat().st_dev


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())
