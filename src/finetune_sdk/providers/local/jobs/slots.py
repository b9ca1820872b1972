"""The machine's lock: one running job per accelerator, or one on the CPU; first come, first served.

A slot's lock is inherited by the trainer, as the job's own is: a machine whose supervisor was
killed is busy until the trainer is gone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.jobs import reading
from finetune_sdk.providers.local.jobs.folder import JobFolder, is_held, take

_NVIDIA = re.compile(r"nvidia[0-9]+")


@dataclass(frozen=True)
class Slot:
    """A place where one job can run.

    Attributes:
        device: what CUDA calls it; None is the CPU.
    """

    device: str | None

    @property
    def name(self) -> str:
        return "cpu" if self.device is None else f"gpu-{re.sub('[^A-Za-z0-9-]', '_', self.device)}"

    def lock(self, home: LocalHome) -> Path:
        return home.locks / f"{self.name}.lock"

    def environment(self) -> dict[str, str]:
        """What the trainer must hear to use this slot and no other."""
        return {} if self.device is None else {"CUDA_VISIBLE_DEVICES": self.device}


def of_machine(environ: Mapping[str, str], *, devices: Path = Path("/dev")) -> tuple[Slot, ...]:
    """The slots: a GPU each, of those that CUDA_VISIBLE_DEVICES shows; without any, the CPU."""
    count = sum(1 for device in devices.iterdir() if _NVIDIA.fullmatch(device.name))
    shown = environ.get("CUDA_VISIBLE_DEVICES")
    names = [str(n) for n in range(count)]
    if shown is not None and count:
        names = [name.strip() for name in shown.split(",") if name.strip() not in ("", "-1")]
    return tuple(Slot(name) for name in names) or (Slot(None),)


def claim(folder: JobFolder, slots: tuple[Slot, ...]) -> tuple[Slot, int] | None:
    """A free slot and the descriptor that holds it, when it is this job's turn."""
    free = [slot for slot in slots if not is_held(slot.lock(folder.home))]
    if not free or waiting_before(folder):
        return None
    for slot in free:
        handle = take(slot.lock(folder.home))
        if handle is not None:
            return slot, handle
    return None


def waiting_before(folder: JobFolder) -> int:
    """Number of jobs that wait as well and were made earlier."""
    own = reading.age(folder)
    others = (JobFolder(path) for path in folder.path.parent.glob("ftjob-*"))
    return sum(1 for other in others if other.id != folder.id and _waits(other, own))


def _waits(folder: JobFolder, before: tuple[str, str]) -> bool:
    if folder.ended:
        return False
    try:
        return reading.age(folder) < before and _queued(reading.look(folder))
    except (ValueError, OSError):
        # A folder that cannot be read has nobody in it who waits.
        return False


def _queued(sight: reading.Sight) -> bool:
    return sight.alive and not sight.started and not sight.cancel
