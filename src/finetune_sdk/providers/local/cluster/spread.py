"""Several processes of one training, by Ray Train.

Run as `python -m finetune_sdk.providers.local.cluster.spread <orders>`. It waits until the cluster
has room for all of them, and says so meanwhile. Each is a seat whose trainer is a process of its
own, as torchrun starts it: a training listens to signals, which a thread of Ray's may not.
"""

from __future__ import annotations

import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from finetune_sdk.providers.local.cluster import capacity, layout
from finetune_sdk.providers.local.cluster.orders import MARK, GaveUp, Orders, check
from finetune_sdk.providers.local.cluster.seat import Seat
from finetune_sdk.providers.local.cluster.storage import Storage

_LOOK = 10.0


class Meeting(NamedTuple):
    """Where the processes of a training meet, as the first of them says.

    Attributes:
        host: of the first process.
        port: that is free there.
        scratch: the folder that each machine uses: by one path, since a checkpoint is named by it.
    """

    host: str
    port: int
    scratch: str


def work(said: dict[str, str]) -> None:
    """One process. Whatever becomes of its trainer is told in the storage."""
    orders = Orders.model_validate_json(said["orders"])
    check(orders)
    train, together = import_module("ray.train"), import_module("ray.train.collective")
    context = train.get_context()
    meeting: Meeting = Meeting(*together.broadcast_from_rank_zero(tuple(_meeting(orders))))
    scratch, keeps = Path(meeting.scratch), context.get_local_rank() == 0
    if keeps:
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(mode=0o700)
    together.barrier()
    ranks = {
        "RANK": str(context.get_world_rank()),
        "LOCAL_RANK": str(context.get_local_rank()),
        "WORLD_SIZE": str(context.get_world_size()),
        "LOCAL_WORLD_SIZE": str(context.get_local_world_size()),
        "MASTER_ADDR": meeting.host,
        "MASTER_PORT": str(meeting.port),
    }
    Seat(orders, scratch, ranks).run()
    # Those who share a folder are all done with it.
    together.barrier()
    if keeps:
        shutil.rmtree(scratch, ignore_errors=True)


def _meeting(orders: Orders) -> Meeting:
    host: str = import_module("ray").util.get_node_ip_address()
    with socket.socket() as free:
        free.bind((host, 0))
        port: int = free.getsockname()[1]
    scratch = Path(tempfile.gettempdir()) / f"finetune-{orders.job}-{orders.attempt}"
    return Meeting(host, port, str(scratch))


class Spread:
    """The driver: asks Ray for the processes and waits for their end."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._place = Storage(orders.storage).inside(layout.attempt(orders.job, orders.attempt))

    def run(self) -> None:
        """Comes back when all processes have ended and have told how.

        Raises:
            GaveUp: they could not begin, or the cluster has lost one.
        """
        signal.signal(signal.SIGTERM, self._stop)
        check(self._orders)
        ray = import_module("ray")
        ray.init(log_to_driver=False, logging_level="ERROR")
        self._wait_for_room(ray)
        try:
            self._fit()
        except Exception as error:
            raise _gave_up(error) from error

    def _stop(self, *_: object) -> None:
        # The processes are on other machines, and read it there.
        with suppress(OSError):
            self._place.write_json(layout.WISH, {"cancel": True})

    def _wait_for_room(self, ray: Any) -> None:
        group = ray.util.placement_group([self._share] * self._orders.processes)
        try:
            while not group.wait(_LOOK):
                total, free = ray.cluster_resources(), ray.available_resources()
                has = {name: (total[name] - free.get(name, 0.0), total[name]) for name in total}
                with suppress(OSError):
                    reason = capacity.words(self._orders, has)
                    self._place.write_json(layout.WAITING, {"reason": reason})
        finally:
            ray.util.remove_placement_group(group)

    @property
    def _share(self) -> dict[str, float]:
        orders = self._orders
        share = {"CPU": float(orders.cpus_per_process), "GPU": float(orders.gpus_per_process)}
        return {name: count for name, count in share.items() if count}

    def _fit(self) -> None:
        train, torch = import_module("ray.train"), import_module("ray.train.torch")
        orders = self._orders
        with tempfile.TemporaryDirectory(prefix="finetune-") as name:
            torch.TorchTrainer(
                work,
                train_loop_config={"orders": orders.model_dump_json()},
                # Our trainers meet by themselves; the group of Ray's own takes no GPU.
                torch_config=torch.TorchConfig(backend="gloo"),
                scaling_config=train.ScalingConfig(
                    num_workers=orders.processes,
                    use_gpu=bool(orders.gpus_per_process),
                    resources_per_worker=self._share,
                ),
                run_config=train.RunConfig(name=orders.job, storage_path=name),
            ).fit()


def _gave_up(error: Exception) -> GaveUp:
    """A process's own word, which comes in the midst of a traceback; else it was lost."""
    line = next((line for line in str(error).splitlines() if MARK in line), None)
    if line is not None:
        return GaveUp.of(line)
    first = next(iter(str(error).splitlines()), type(error).__name__)[:200]
    return GaveUp("cluster_lost", f"the cluster lost one of the processes ({first})")


def main(arguments: Sequence[str]) -> int:
    """Does as the orders say; gives the exit code."""
    try:
        Spread(Orders.model_validate_json(arguments[0])).run()
    except GaveUp as error:
        print(error, flush=True)  # noqa: T201 - the only way that is left
        return 1
    return 0


if __name__ == "__main__":
    # By its own name: what is sent to other machines must be found there.
    module = import_module("finetune_sdk.providers.local.cluster.spread")
    sys.exit(module.main(sys.argv[1:]))
