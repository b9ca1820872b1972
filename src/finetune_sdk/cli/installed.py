"""What is installed, by the package metadata alone: asking torch itself would take seconds."""

from __future__ import annotations

import os
import platform
import re
import sys
from importlib import metadata
from pathlib import Path

from finetune_sdk._version import DISTRIBUTION


def version(package: str) -> str | None:
    """A package's version; None where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def extras() -> dict[str, frozenset[str]]:
    """The packages of each extra, by the extra's name; one without packages is left out."""
    packages: dict[str, set[str]] = {}
    inner: dict[str, set[str]] = {}
    for line in metadata.requires(DISTRIBUTION) or ():
        if match := re.match(r"([\w.-]+)(?:\[(.*?)\])?.*extra == ['\"]([\w-]+)['\"]", line):
            name, others, extra = match.groups()
            # An extra may take others with it: the package asks for itself with them.
            into, words = (inner, others.split(",")) if name == DISTRIBUTION else (packages, [name])
            into.setdefault(extra, set()).update(words)
    names = sorted(packages.keys() | inner.keys())
    return {name: frozenset(_all_of(name, packages, inner)) for name in names}


def how_to_install(extra: str) -> str:
    """The command that installs an extra."""
    return f'pip install "{DISTRIBUTION}[{extra}]"'


def hardware() -> str:
    """What torch would train on, as far as can be told without it."""
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return "Apple GPU"
    if "+cpu" not in (version("torch") or "") and Path("/dev/nvidiactl").exists():
        return "NVIDIA GPU"
    return f"CPU, {os.cpu_count()} core(s)"


def _all_of(extra: str, packages: dict[str, set[str]], inner: dict[str, set[str]]) -> set[str]:
    found = set(packages.get(extra, ()))
    for other in inner.get(extra, ()):
        found |= _all_of(other, packages, inner)
    return found
