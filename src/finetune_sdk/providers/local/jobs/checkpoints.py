"""The checkpoints of a job: folders that count once their manifest, written last, is complete.

checkpoints/checkpoint-<step>/   the weights, the tokenizer, and what the trainer needs to go on
    manifest.json                which files belong to it, with their sizes; written last
checkpoints/checkpoint-<step>.damaged/
                                 one that was whole and could not be gone on from; counts no more
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from finetune_sdk.providers.local import files

MANIFEST = "manifest.json"
_NAME = re.compile(r"checkpoint-([0-9]{1,12})")
_STEPS = 10**12
"""More than any training takes."""


def _inside(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts:
        raise ValueError(f"{name!r} is no file in the folder")
    return name


_FileName = Annotated[str, AfterValidator(_inside)]


class Manifest(BaseModel):
    """What a checkpoint holds.

    Attributes:
        files: bytes of each file, by its name in the folder.
        model: names of the files that are the model; the others are there for going on.
        metrics: the newest numbers before it was saved, by name.
        score: what checkpoints are compared by, more is better; None where nothing was measured.
        state: what the trainer's reports need to go on.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    step: int = Field(ge=0, le=_STEPS)
    epoch: float | None = None
    created_at: datetime
    files: dict[_FileName, int] = Field(min_length=1)
    model: tuple[_FileName, ...] = ()
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
    """The checkpoint in this folder; None where it is not whole, or cannot be looked at."""
    try:
        return _look(path)
    except OSError:
        return None


def halves(checkpoints: Path) -> list[Path]:
    """Folders in a job's `checkpoints` folder that have a checkpoint's name and are not whole.

    One that cannot be looked at now may be whole, and is not among them.
    """
    return [path for path in _folders(checkpoints) if _is_half(path)]


def empty(half: Path) -> None:
    """Gives the room of the files in a folder back, also of those that somebody has open."""
    for folder, _, names in os.walk(half):
        for file in (Path(folder, name) for name in names):
            with suppress(OSError):
                status = file.lstat()
                # What has a second name, or is only a name, is somebody else's as well.
                if stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
                    os.truncate(file, 0)


def set_aside(saved: Saved) -> Path:
    """Keeps a checkpoint that is of no use by a name under which it does not count.

    Raises:
        OSError: it cannot be renamed.
    """
    target = saved.path.with_name(f"{saved.path.name}.damaged")
    shutil.rmtree(target, ignore_errors=True)
    saved.path.rename(target)
    files.sync(target.parent)
    return target


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


def _look(path: Path) -> Saved | None:
    """Raises:
    OSError: it cannot be looked at, so nobody knows.
    """
    try:
        value = files.read_json(path / MANIFEST)
        manifest = None if value is None else Manifest.model_validate(value)
        # A name that no file can have is a ValueError as well.
        if manifest and all(_has(path / name, size) for name, size in manifest.files.items()):
            return Saved(path, manifest)
    except ValueError:
        pass
    return None


def _is_half(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode) and _look(path) is None
    except OSError:
        return False


def _has(file: Path, size: int) -> bool:
    try:
        return file.stat().st_size == size
    except (FileNotFoundError, NotADirectoryError):
        return False
