"""The folder of an exported job: whole or not there, and not written anew where it has all."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from finetune_sdk._version import __version__
from finetune_sdk.errors import ConfigurationError, FineTuneError
from finetune_sdk.resources import downloads, waiting
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.exporting import locks, recipe
from finetune_sdk.resources.exporting.parts import Parts
from finetune_sdk.resources.exporting.reading import read
from finetune_sdk.types import ExportedJob, Job, Lineage
from finetune_sdk.types.export import MIGRATED_FROM

LINEAGE = "lineage.json"

MIGRATIONS = "migration*.json"
"""Where the job was made again: written into its folder when it was."""


def export(context: Context, job_id: str, folder: str | os.PathLike[str]) -> ExportedJob:
    """Writes a job into `folder/<job id>`.

    Raises:
        NotFoundError: there is no such job.
        ConfigurationError: the folder cannot be written, or holds something else.
    """
    place = _place(folder, job_id)
    with _told_of(place):
        if _aside(place).is_dir():
            with locks.held(place):
                _put_back(place)
        if (kept := _kept(place, context)) is not None:
            return kept
        job = waiting.fetch(context, job_id)
        with locks.held(place):
            # Another may have written it while this one waited.
            return _kept(place, context) or _exported(context, job, place)


def _place(folder: str | os.PathLike[str], job_id: str) -> Path:
    place = downloads.place_of(folder) / job_id
    if "\0" in str(place):
        raise ConfigurationError(f"`folder` is {str(folder)!r:.80}, which is no path")
    return place


@contextmanager
def _told_of(place: Path) -> Generator[None]:
    """What this machine's files refuse, in our words."""
    try:
        yield
    except OSError as error:
        # Some of ours are OSErrors as well, as a timeout is.
        if isinstance(error, FineTuneError):
            raise
        raise ConfigurationError(
            f"{str(place)!r:.200} cannot be written: {error.strerror or error}; name another folder"
        ) from None


def _kept(place: Path, context: Context) -> ExportedJob | None:
    """What an earlier export has made, where nothing can be added to it."""
    there = _lineage(place)
    _refuse_another(place, there, context)
    if there is None or not (there.final and _is_whole(place, there)):
        return None
    return ExportedJob(folder=str(place), outcome="kept", lineage=there)


def _exported(context: Context, job: Job, place: Path) -> ExportedJob:
    _sweep(place)
    if os.path.lexists(place / LINEAGE):
        # It was exported while it went on, or with gaps that may be filled now.
        fresh = _fresh(place)
        made = _write(context, job, fresh, earlier=place)
        _swap(fresh, place)
    else:
        made = _write(context, job, place, earlier=None)
    return ExportedJob(folder=str(place), outcome="exported", lineage=made)


def _write(context: Context, job: Job, place: Path, *, earlier: Path | None) -> Lineage:
    lineages: list[Lineage] = []

    def fill(folder: Path) -> None:
        parts = Parts(context, job, folder, earlier)
        parts.write()
        names = {str(file.role): file.name for file in parts.files}
        (folder / recipe.NAME).write_text(recipe.text_of(job, names), encoding="utf-8")
        lineages.append(_told(context, job, parts))
        (folder / LINEAGE).write_text(lineages[0].to_json() + "\n", encoding="utf-8")
        for told in earlier.glob(MIGRATIONS) if earlier else ():
            shutil.copyfile(told, folder / told.name)

    downloads.fill(place, fill)
    return lineages[0]


def _told(context: Context, job: Job, parts: Parts) -> Lineage:
    return Lineage(
        handle=job.handle,
        provider=job.provider,
        job_id=job.id,
        status=job.status,
        base_model=job.model,
        migrated_from=job.metadata.get(MIGRATED_FROM),
        fine_tuned_model=job.fine_tuned_model,
        created_at=job.created_at,
        finished_at=job.finished_at,
        exported_at=context.clock.now(),
        exported_by=f"finetune-anywhere {__version__}",
        trained_tokens=job.trained_tokens,
        hyperparameters=job.method.model_dump(mode="json", exclude_none=True)
        if job.method
        else None,
        files=tuple(parts.files),
        gaps=tuple(parts.gaps),
    )


def _lineage(place: Path) -> Lineage | None:
    """What an earlier export says of itself; None where there was none.

    Raises:
        ConfigurationError: something else is there.
    """
    try:
        return Lineage.from_json(read(place / LINEAGE))
    except (FileNotFoundError, NotADirectoryError):
        return None  # An empty folder is filled; anything else in it is refused there.
    except (OSError, ValidationError) as error:
        reason = getattr(error, "strerror", None) or "it is none"
        raise ConfigurationError(
            f"{str(place / LINEAGE)!r} cannot be read as the end of an export ({reason}); move "
            f"{str(place)!r} away to export the job anew"
        ) from None


def _refuse_another(place: Path, there: Lineage | None, context: Context) -> None:
    """Two places may have a job of the same id.

    Raises:
        ConfigurationError: what is there is another provider's.
    """
    if there is not None and there.provider != context.opened.name:
        raise ConfigurationError(
            f"{str(place)!r} is the job {there.handle!r} of another provider; name another folder"
        )


def _is_whole(place: Path, lineage: Lineage) -> bool:
    """The rows lie there still, as large as they were."""
    sizes = {file.name: file.bytes for file in lineage.files}
    return (place / recipe.NAME).is_file() and all(
        (place / name).is_file() and (place / name).stat().st_size == size
        for name, size in sizes.items()
    )


def _sweep(place: Path) -> None:
    """Removes what a killed export has left, beside the folder or in it; under its lock."""
    names = "|".join(re.escape(one.name[:32]) for one in (place, _fresh(place)))
    hidden = re.compile(rf"\.({names})\.[a-z0-9_]{{8}}")
    for folder in (place.parent, place):
        for left in folder.iterdir() if folder.is_dir() else ():
            if hidden.fullmatch(left.name) or left.name == _fresh(place).name:
                shutil.rmtree(left, ignore_errors=True)


def _put_back(place: Path) -> None:
    """What was moved aside by an export that was killed before its own was in place."""
    old = _aside(place)
    if place.exists():
        shutil.rmtree(old, ignore_errors=True)
    elif old.is_dir():
        old.rename(place)


def _aside(place: Path) -> Path:
    return place.with_name(f".{place.name}.old")


def _fresh(place: Path) -> Path:
    return place.with_name(f".{place.name}.fresh")


def _swap(fresh: Path, place: Path) -> None:
    old = _aside(place)
    place.rename(old)
    fresh.rename(place)
    shutil.rmtree(old, ignore_errors=True)
