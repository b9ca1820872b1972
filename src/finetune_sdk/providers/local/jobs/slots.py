"""The machine's lock: one running job per accelerator, or one on the CPU; first come, first served.

A job of several processes takes as many accelerators at once, or none. While it waits as the first
in line, nobody overtakes it: those that are free are kept for it.

A slot's lock is inherited by the trainer, as the job's own is: a machine whose supervisor was
killed is busy until the trainer is gone.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.jobs import reading
from finetune_sdk.providers.local.jobs.folder import JobFolder, is_held, release, take
from finetune_sdk.providers.local.jobs.records import State

Turn = tuple[str, str]
"""When a job joined the queue, and its id between equals."""

_NVIDIA = re.compile(r"nvidia[0-9]+")


@dataclass(frozen=True)
class Slot:
    """A place where one job can run.

    Attributes:
        device: what CUDA calls it; several are parted by a comma; None is the CPU.
    """

    device: str | None

    @property
    def name(self) -> str:
        if self.device is None:
            return "cpu"
        names = (re.sub("[^A-Za-z0-9-]", "_", device) for device in self.device.split(","))
        return " and ".join(f"gpu-{name}" for name in names)

    def lock(self, home: LocalHome) -> Path:
        return home.locks / f"{self.name}.lock"

    def environment(self) -> dict[str, str]:
        """What the trainer must hear to use this slot and no other."""
        return {} if self.device is None else {"CUDA_VISIBLE_DEVICES": self.device}


class Elsewhere(Slot):
    """The place of a job that trains on a cluster, which has a queue of its own."""

    @property
    def name(self) -> str:
        return "the cluster"


def elsewhere(folder: JobFolder) -> tuple[Slot, tuple[int, ...]] | None:
    """That place, which nobody else wants, and the descriptor that holds it."""
    handle = take(folder.path / "cluster.lock")
    return None if handle is None else (Elsewhere(None), (handle,))


def of_machine(environ: Mapping[str, str], *, devices: Path = Path("/dev")) -> tuple[Slot, ...]:
    """The slots: a GPU each, of those that CUDA_VISIBLE_DEVICES shows; without any, the CPU."""
    count = sum(1 for device in devices.iterdir() if _NVIDIA.fullmatch(device.name))
    shown = environ.get("CUDA_VISIBLE_DEVICES")
    names = [str(n) for n in range(count)]
    if shown is not None and count:
        names = [name.strip() for name in shown.split(",") if name.strip() not in ("", "-1")]
    return tuple(Slot(name) for name in names) or (Slot(None),)


def claim(
    folder: JobFolder, slots: tuple[Slot, ...], count: int = 1
) -> tuple[Slot, tuple[int, ...]] | None:
    """Free slots, as one, and the descriptors that hold them, when it is this job's turn.

    Args:
        count: slots that the job needs at once.
    """
    free = [slot for slot in slots if not is_held(slot.lock(folder.home))]
    if len(free) < count or place(folder, line(folder.home)) > 1:
        return None
    taken = [(slot, handle) for slot in free if (handle := take(slot.lock(folder.home)))]
    for _, handle in taken[count:] if len(taken) >= count else taken:
        release(handle)
    if len(taken) < count:
        return None
    devices = [slot.device for slot, _ in taken[:count] if slot.device is not None]
    return Slot(",".join(devices) or None), tuple(handle for _, handle in taken[:count])


def needed(processes: int, slots: tuple[Slot, ...]) -> int:
    """Slots that a job takes: a GPU for each process; on a CPU they share the one."""
    return 1 if all(slot.device is None for slot in slots) else processes


def line(home: LocalHome) -> list[Turn]:
    """The jobs that wait now, in their order."""
    folders = (JobFolder(path) for path in home.jobs.glob("ftjob-*"))
    return sorted(turn for folder in folders if (turn := _waits(folder)) is not None)


def place(folder: JobFolder, line: Sequence[Turn]) -> int:
    """A job's place in the line, from 1: before it go those that joined the queue earlier."""
    state = State.of(folder)
    return bisect_left(line, _turn(folder, state)) + 1


def _waits(folder: JobFolder) -> Turn | None:
    try:
        # Most have ended, which is told by one look.
        sight = None if folder.ended else reading.look(folder)
        return _turn(folder, sight.state) if sight and sight.waits else None
    except (ValueError, OSError):
        # A folder that cannot be read has nobody in it who waits.
        return None


def _turn(folder: JobFolder, state: State | None) -> Turn:
    made, job_id = reading.age(folder)
    return (state.queued_at.isoformat() if state and state.queued_at else made, job_id)
