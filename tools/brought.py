"""What a package that is installed here brings with it, by the metadata of all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib import metadata

from packaging.requirements import Requirement


def packages(name: str, extras: Iterable[str] = ()) -> set[str]:
    """Names of all that a package and its extras ask for; it itself is not among them.

    Raises:
        PackageNotFoundError: one is not installed.
    """
    seen: dict[str, set[str]] = {}
    _gather(name, {"", *extras}, seen)
    return set(seen) - {_key(name)}


def offered(name: str) -> list[str]:
    """The extras of a package, but `all`."""
    told = metadata.metadata(name).get_all("Provides-Extra") or []
    return [extra for extra in told if extra != "all"]


def _gather(name: str, extras: set[str], seen: dict[str, set[str]]) -> None:
    new = extras - seen.setdefault(_key(name), set())
    seen[_key(name)] |= new
    for needed in _needed(metadata.requires(name) or (), new):
        _gather(needed.name, {"", *needed.extras}, seen)


def _needed(lines: Iterable[str], extras: set[str]) -> Iterator[Requirement]:
    for needed in map(Requirement, lines):
        marker = needed.marker
        if extras and (marker is None or any(marker.evaluate({"extra": e}) for e in extras)):
            yield needed


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
