"""How much memory there is for this process: of the machine, or of the container around it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Capacity(NamedTuple):
    """Bytes of memory.

    Attributes:
        total: all that there is, swap included.
        free: what nobody uses now; None where the system does not tell.
    """

    total: int
    free: int | None


_V2 = ("memory.max", "memory.current", "inactive_file")
_V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def memory(root: Path = Path("/")) -> Capacity | None:
    """What this process can have at most, and what is free of it; None where nobody tells.

    Args:
        root: where `proc` and `sys` are.
    """
    told = _fields(root / "proc/meminfo", unit=1024)
    total, free = told.get("MemTotal"), told.get("MemAvailable")
    if total is None:
        return _physical()
    rooms = [Capacity(total + told.get("SwapTotal", 0), free), *_groups(root)]
    frees = [room.free for room in rooms if room.free is not None]
    return Capacity(min(room.total for room in rooms), min(frees, default=None))


def _physical() -> Capacity | None:
    try:
        return Capacity(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), None)
    except (ValueError, OSError):
        return None


def _groups(root: Path) -> Iterator[Capacity]:
    """The limits of the control groups that this process is in, and of those around them."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from _limits(root / "sys/fs/cgroup", path, _V2)
        elif "memory" in controllers.split(","):
            yield from _limits(root / "sys/fs/cgroup/memory", path, _V1)


def _limits(top: Path, path: str, names: tuple[str, str, str]) -> Iterator[Capacity]:
    limit_name, used_name, cache_name = names
    # In a container the path may be the host's, and only the top is there.
    inner = top / path.strip("/")
    for folder in (inner, *inner.parents):
        if not folder.is_relative_to(top):
            return
        limit, used = _text(folder / limit_name).strip(), _text(folder / used_name).strip()
        if limit.isdecimal() and used.isdecimal():
            # Files that were read are kept as long as there is room, and count as used.
            cache = _fields(folder / "memory.stat").get(cache_name, 0)
            yield Capacity(int(limit), max(0, int(limit) - int(used) + cache))


def _fields(path: Path, *, unit: int = 1) -> dict[str, int]:
    """Numbers by name, of a file with a name and a number in each line."""
    words = (line.replace(":", " ").split() for line in _text(path).splitlines())
    return {one[0]: int(one[1]) * unit for one in words if len(one) > 1 and one[1].isdecimal()}


def _text(path: Path) -> str:
    with suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace")
    return ""
