"""Which process of a training this is, and what all of them agree on.

A training may have several processes, each on a device of its own. `RANK`, `WORLD_SIZE` and
`LOCAL_RANK` in the environment tell them apart, as torchrun and Ray Train set them; without these
there is one, and nothing here costs anything.

One process speaks for all: the first. It alone writes into the job's folder, and what it decides
at a step the others are told, or one of them would wait for ever in a sum that all must join.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from importlib import import_module
from typing import Any, TypeVar

from finetune_sdk.providers.local.training.failures import TrainingFailure

LISTENER = "FINETUNE_LISTENER"
"""Names the descriptor of a socket at `MASTER_PORT` that listens already, in the first process."""

PATIENCE = timedelta(minutes=30)
"""How long a process waits for the others: for what the slowest alone does, such as to save."""

_LOST = (
    "connection closed by peer",
    "connection reset by peer",
    "connection refused",
    "broken pipe",
    "socket closed",
    "recvvalue failed",
    "remote process exited",
)
"""What torch's backends say, in the end, where another process is gone."""

T = TypeVar("T")


class Lost(Exception):  # noqa: N818 - it is another process that failed, and says why
    """Another process of this training failed, so this one ends too."""

    def __init__(self) -> None:
        super().__init__("another process of this training has ended")


def rank() -> int:
    """This process's number, from 0."""
    return _number("RANK", 0)


def local_rank() -> int:
    """This process's number on its machine, from 0."""
    return _number("LOCAL_RANK", rank())


def world() -> int:
    """How many processes train."""
    return _number("WORLD_SIZE", 1)


def first() -> bool:
    """This process writes for all."""
    return rank() == 0


def join(device: str) -> None:
    """Meets the other processes, unless whoever started this one has done so already.

    Args:
        device: that tensors are on, as torch names its kind.

    Raises:
        TrainingFailure: there are not as many as were asked for.
    """
    if world() == 1:
        return
    distributed = import_module("torch.distributed")
    if not distributed.is_initialized():
        backend = "cpu:gloo,cuda:nccl" if device == "cuda" else "gloo"
        if device == "cuda":
            import_module("torch").cuda.set_device(_device())
        distributed.init_process_group(backend, timeout=PATIENCE, **_meeting(distributed))
    check(world(), distributed.get_world_size())


def check(asked: int, found: int) -> None:
    """Holds the number of processes that train against what was asked for.

    Raises:
        TrainingFailure: it is another one.
    """
    if found != asked:
        raise TrainingFailure(
            "wrong_world_size",
            f"{asked} process(es) were asked to train together, and {found} would; the processes "
            "of a job are started by the provider, not by `accelerate launch`",
        )


def agree(value: T) -> T:
    """The first process's value, for all."""
    if world() == 1:
        return value
    told = [value]
    import_module("torch.distributed").broadcast_object_list(told, src=0)
    return told[0]


def gather(value: T) -> Sequence[T]:
    """The values of all processes, in their order, for all."""
    if world() == 1:
        return (value,)
    told: list[Any] = [None] * world()
    import_module("torch.distributed").all_gather_object(told, value)
    return told


def anywhere(fact: bool) -> bool:
    """Whether something is so in any of the processes."""
    return any(gather(fact))


def wait() -> None:
    """Comes back when all processes are here."""
    gather(None)


def is_lost(error: BaseException) -> bool:
    """The error says no more than that another process is gone: that one knows why."""
    if world() == 1:
        return False
    link: BaseException | None = error
    while link is not None:
        words = str(link).lower()
        if isinstance(link, Lost) or any(one in words for one in _LOST):
            return True
        link = link.__cause__ or link.__context__
    return False


def _meeting(distributed: Any) -> dict[str, Any]:
    listener = os.environ.get(LISTENER)
    if listener is None:
        return {}
    store = distributed.TCPStore(
        os.environ["MASTER_ADDR"],
        int(os.environ["MASTER_PORT"]),
        world(),
        is_master=first(),
        timeout=PATIENCE,
        wait_for_workers=False,
        # A port that is held from the beginning is nobody else's.
        master_listen_fd=int(listener) if first() else None,
    )
    return {"store": store, "rank": rank(), "world_size": world()}


def _device() -> int:
    # Whoever started this process may show it its own device alone.
    shown: int = import_module("torch").cuda.device_count()
    return local_rank() % shown


def _number(name: str, otherwise: int) -> int:
    given = os.environ.get(name, "")
    return int(given) if given.isdecimal() else otherwise
