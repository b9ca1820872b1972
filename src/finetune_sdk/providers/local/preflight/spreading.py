"""Whether several processes keep a whole copy of the model each, or a part of it."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from finetune_sdk.providers.local.options import LocalOptions, Parallel
from finetune_sdk.providers.local.preflight.arithmetic import Load, Shape, memory, size
from finetune_sdk.providers.local.preflight.capacity import Capacity
from finetune_sdk.providers.local.training import parting


class Way(NamedTuple):
    """How the model is kept, and why."""

    name: Parallel
    why: str

    def __str__(self) -> str:
        return f"{self.name}, {self.why}"


def choose(
    options: LocalOptions, shape: Shape | None, load: Load, there: Capacity | None
) -> Way | None:
    """The way for a job; None where one process trains.

    Args:
        shape: of the model; None where it is not known.
        load: what one process computes at once.
        there: memory that one process can have; None where nobody tells.
    """
    if load.processes == 1:
        return None
    if options.parallel:
        return Way(options.parallel, "as `LocalOptions.parallel` says")
    if shape is None or there is None:
        return Way("ddp", "a whole copy in each process: what there is room for is not known")
    copy = memory(shape, replace(load, parallel="ddp")).total
    has = f"of {size(there.total)} that each can have"
    if copy <= there.total:
        return Way("ddp", f"because a whole copy in each process needs {size(copy)}, {has}")
    if load.method not in parting.METHODS:
        return Way("ddp", f"the only way for this method; a whole copy needs {size(copy)}, {has}")
    part = memory(shape, replace(load, parallel="fsdp")).total
    words = f"because a whole copy in each process needs {size(copy)}, {has}, and a part"
    return Way("fsdp", f"{words} {size(part)}")
