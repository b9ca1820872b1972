"""Where a wheel is tried: an environment that has it and the packages of one extra, no others."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

PROBE = Path(__file__).with_name("probe.py")

PROBES = {
    "openai": "openai",
    "chat": "openai",
    "azure": "azure",
    "huggingface": "huggingface",
    "local": "local",
    "datasets": "datasets",
    "plot": "plot",
    "evaluation": "evaluation",
}
"""What must work with an extra, and must name it without."""

BRINGS = {
    "": (),
    "openai": ("openai",),
    "azure": ("azure", "openai"),
    "huggingface": ("huggingface", "openai"),
    "local": ("local", "openai", "huggingface"),
    "datasets": ("datasets",),
    "plot": ("plot",),
    "evaluation": ("evaluation", "openai", "plot"),
    "ray": ("local", "openai", "huggingface"),
    "all": ("openai", "azure", "huggingface", "local", "datasets", "plot", "evaluation"),
}
"""By extra, whose promises are kept with it alone."""


def expected(extra: str) -> dict[str, str]:
    """What the probes say where an extra is installed and no other."""
    kept = BRINGS[extra]
    told = {name: "works" if of in kept else f"missing {of}" for name, of in PROBES.items()}
    return {"modules": "works", "command": "works", "fake": "works", **told}


def probe(python: Path, folder: Path, names: Iterable[str] = ()) -> dict[str, str]:
    """Runs probes in an environment, in an empty folder and without anything of this repository."""
    folder.mkdir(exist_ok=True)
    environ = {
        "PATH": os.environ["PATH"],
        "FINETUNE_HOME": str(folder / "home"),
    }
    words = [str(python), "-I", "-W", "ignore", str(PROBE), *names]
    done = subprocess.run(
        words, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=280
    )
    assert not done.returncode, done.stderr
    return dict(json.loads(done.stdout))


def linked(wheel: Path, extra: str, folder: Path) -> Path:
    """An environment with the wheel, and links to the installed packages that it asks for.

    So nothing is downloaded, and what the wheel forgets to ask for is not there.

    Returns:
        Its interpreter.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    site = next(folder.glob("lib/python*/site-packages"))
    with zipfile.ZipFile(wheel) as file:
        file.extractall(site)
    for package in wanted(_asked(wheel), {"", extra}):
        _link(metadata.distribution(package), site)
    return folder / "bin" / "python"


def wanted(lines: Iterable[str], extras: Iterable[str]) -> set[str]:
    """Names of the packages that these requirements bring, with all that those ask for."""
    seen: dict[str, set[str]] = {}
    _gather(lines, frozenset(extras), seen)
    return set(seen)


def _gather(lines: Iterable[str], extras: frozenset[str], seen: dict[str, set[str]]) -> None:
    for needed in _needed(lines, extras):
        name = re.sub(r"[-_.]+", "-", needed.name).lower()
        new = frozenset({"", *needed.extras}) - seen.setdefault(name, set())
        seen[name] |= new
        if new:
            _gather(metadata.requires(name) or (), new, seen)


def _needed(lines: Iterable[str], extras: frozenset[str]) -> list[Requirement]:
    found = [Requirement(line) for line in lines]
    return [
        one
        for one in found
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in extras)
    ]


def _asked(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as file:
        name = next(name for name in file.namelist() if name.endswith(".dist-info/METADATA"))
        told = metadata.PathDistribution(zipfile.Path(file, name.rpartition("/")[0] + "/"))
        return told.requires or []


def _link(package: metadata.Distribution, site: Path) -> None:
    for file in package.files or ():
        place = site / file
        if ".." in file.parts or place.is_symlink():
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(Path(str(file.locate())))


def extras(wheel: Path) -> set[str]:
    """The extras that a wheel offers."""
    with zipfile.ZipFile(wheel) as file:
        name = next(name for name in file.namelist() if name.endswith(".dist-info/METADATA"))
        text = file.read(name).decode()
    return set(re.findall(r"^Provides-Extra: (.+)$", text, re.MULTILINE))
