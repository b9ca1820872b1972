"""What a job asks of a cluster and what the cluster has, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

Resources = Mapping[str, tuple[float, float]]
"""What is in use and what there is, by Ray's names; empty where that is not known."""


class Asking(Protocol):
    """Who asks for so many processes, with so much for each."""

    @property
    def processes(self) -> int: ...
    @property
    def cpus_per_process(self) -> int: ...
    @property
    def gpus_per_process(self) -> int: ...


def words(asking: Asking, resources: Resources) -> str:
    """Why it waits."""
    count = f"{asking.processes} times " if asking.processes > 1 else ""
    wish = f"it asks for {count}{asked(asking)}; {_has(asking, resources)}"
    if _has_room(asking, resources):
        return f"the cluster is about to begin it: {wish}"
    return f"waits for the cluster: {wish}"


def asked(asking: Asking) -> str:
    """What each process asks for."""
    cpus, gpus = asking.cpus_per_process, asking.gpus_per_process
    words = [f"{cpus} CPU{'s' if cpus > 1 else ''}"]
    words += [f"{gpus} GPU{'s' if gpus > 1 else ''}"] if gpus else []
    return " and ".join(words)


def _has_room(asking: Asking, resources: Resources) -> bool:
    # Of all machines together: that none of them has enough alone, only Ray knows.
    needs = {"CPU": asking.cpus_per_process, "GPU": asking.gpus_per_process}
    return bool(resources) and all(
        asking.processes * need <= _free(resources, name) for name, need in needs.items()
    )


def _free(resources: Resources, name: str) -> float:
    used, total = resources.get(name, (0.0, 0.0))
    return total - used


def _has(asking: Asking, resources: Resources) -> str:
    if not resources:
        return "what the cluster has, it does not tell"
    totals = {"CPU": 0.0, **({"GPU": 0.0} if asking.gpus_per_process else {})}
    totals |= {name: resources[name][1] for name in ("CPU", "GPU") if name in resources}
    told = [
        f"{total:g} {name}s, {_free(resources, name):g} of them free"
        for name, total in totals.items()
    ]
    return f"the cluster has {' and '.join(told)}"
