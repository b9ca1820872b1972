"""The checkpoints of a job: folders that count once their manifest, written last, is complete.

checkpoints/checkpoint-<step>/   the weights, the tokenizer, and what the trainer needs to go on
    manifest.json                which files belong to it, with their sizes; written last
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from finetune_sdk.providers.local import files

MANIFEST = "manifest.json"
_NAME = re.compile(r"checkpoint-([0-9]{1,12})")


class Manifest(BaseModel):
    """What a checkpoint holds.

    Attributes:
        files: bytes of each file, by its name in the folder.
        model: names of the files that are the model; the others are there for going on.
        metrics: the newest numbers before it was saved, by name.
        score: what checkpoints are compared by, more is better; None where nothing was measured.
        state: what the trainer's reports need to go on.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    step: int
    epoch: float | None = None
    created_at: datetime
    files: dict[str, int]
    model: tuple[str, ...] = ()
    metrics: dict[str, float] = Field(default_factory=dict)
    score: float | None = None
    state: dict[str, object] = Field(default_factory=dict)


@dataclass(frozen=True)
class Saved:
    """A checkpoint that is whole."""

    path: Path
    manifest: Manifest

    @property
    def bytes(self) -> int:
        return sum(self.manifest.files.values())


def complete(checkpoints: Path) -> list[Saved]:
    """The checkpoints in a job's `checkpoints` folder that are whole, oldest first."""
    found = (saved for path in _folders(checkpoints) if (saved := read(path)))
    return sorted(found, key=lambda saved: saved.manifest.step)


def read(path: Path) -> Saved | None:
    """The checkpoint in this folder; None where it is not whole."""
    try:
        value = files.read_json(path / MANIFEST)
        manifest = None if value is None else Manifest.model_validate(value)
    except (ValueError, OSError):
        return None
    if manifest is None or not all(_has(path / name, n) for name, n in manifest.files.items()):
        return None
    return Saved(path, manifest)


def best(saved: list[Saved]) -> Saved | None:
    """The one with the highest score, the older one between equals."""
    scored = [one for one in saved if one.manifest.score is not None]
    return max(scored, key=lambda one: one.manifest.score or 0.0, default=None)


def seal(path: Path, manifest: Manifest) -> None:
    """Makes a folder a checkpoint: all its files lie safely on the disk before the manifest does.

    Raises:
        OSError: the disk is full.
    """
    listed = [path / name for name in manifest.files]
    for one in (*listed, *{file.parent for file in listed}):
        files.sync(one)
    files.write_json(path / MANIFEST, manifest.model_dump(mode="json"))
    files.sync(path.parent)


def remove(path: Path) -> None:
    """Deletes a checkpoint: it does not count any more before the first of its files is gone."""
    with suppress(FileNotFoundError):
        (path / MANIFEST).unlink()
        files.sync(path)
    shutil.rmtree(path, ignore_errors=True)


def _folders(checkpoints: Path) -> Iterator[Path]:
    try:
        yield from (path for path in checkpoints.iterdir() if _NAME.fullmatch(path.name))
    except FileNotFoundError:
        return


def _has(file: Path, size: int) -> bool:
    try:
        return file.stat().st_size == size
    except OSError:
        return False
