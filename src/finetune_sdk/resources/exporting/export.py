"""The folder of an exported job: whole or not there, and not written anew where it has all."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from pydantic import ValidationError

from finetune_sdk._version import __version__
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.resources import downloads, waiting
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.exporting import recipe
from finetune_sdk.resources.exporting.parts import Parts
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
    place = downloads.place_of(folder) / job_id
    _put_back(place)
    there = _lineage(place)
    _refuse_another(place, there, context)
    if there is not None and there.final and _is_whole(place, there):
        return ExportedJob(folder=str(place), outcome="kept", lineage=there)
    job = waiting.fetch(context, job_id)
    _sweep(place)
    if there is not None:
        # It was exported while it went on, or with gaps that may be filled now.
        fresh = place.with_name(f".{job_id}.fresh")
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
        return Lineage.from_json((place / LINEAGE).read_bytes())
    except FileNotFoundError:
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
    """Removes what a killed export has left, beside the folder or in it."""
    hidden = re.compile(rf"\.{re.escape(place.name[:32])}\.[a-z0-9_]{{8}}")
    for folder in (place.parent, place):
        for left in folder.iterdir() if folder.is_dir() else ():
            if hidden.fullmatch(left.name) or left.name == f".{place.name}.fresh":
                shutil.rmtree(left, ignore_errors=True)


def _put_back(place: Path) -> None:
    """What was moved aside by an export that was killed before its own was in place."""
    old = _aside(place)
    if old.is_dir() and not place.exists():
        old.rename(place)


def _aside(place: Path) -> Path:
    return place.with_name(f".{place.name}.old")


def _swap(fresh: Path, place: Path) -> None:
    try:
        old = _aside(place)
        place.rename(old)
        fresh.rename(place)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise ConfigurationError(f"{str(place)!r} cannot be written: {error.strerror}") from None
