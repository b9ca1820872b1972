"""The job as it was exported: now, or before and by whomever."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast, get_args

from pydantic import ValidationError

from finetune_sdk.errors import ConfigurationError, FineTuneError
from finetune_sdk.providers import registry
from finetune_sdk.providers.base import Capabilities
from finetune_sdk.resources import downloads, exporting
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.exporting.reading import read
from finetune_sdk.resources.plain import is_a
from finetune_sdk.types import Job, Lineage, TrainOn

T = TypeVar("T")

FOLDER = "exports"
"""In the state folder: where jobs are exported to that are made again elsewhere."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A job that is to be made again.

    Attributes:
        lineage: what its export says of its rows.
        folder: of the export.
        context: of its place; None where it comes from a folder and its place is not asked.
    """

    job: Job
    lineage: Lineage
    folder: Path
    context: Context | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What `[models]` may call its place."""
        provider, profile = self.job.provider, self.job.profile
        return (provider,) if profile is None else (profile, provider)

    @property
    def capabilities(self) -> Capabilities | None:
        """What its place can do; None where that provider is not installed here."""
        if self.context is not None:
            return self.context.provider.capabilities
        try:
            return registry.load(self.job.provider).capabilities
        except FineTuneError:
            return None

    @property
    def train_on(self) -> TrainOn | None:
        """Which tokens it learned where nobody had said it; None where that cannot be told."""
        told = self.job.settings.get("train_on", "").partition(",")[0].strip()
        if told in get_args(TrainOn):
            return cast("TrainOn", told)
        method, able = self.job.method, self.capabilities
        support = able.methods.get(method.name) if method and able else None
        return support.train_on[0] if support else None


def source_of(
    context: Context, job: Job | str | os.PathLike[str], folder: str | os.PathLike[str] | None
) -> Source:
    """The job, exported first where it is not yet.

    Args:
        context: of its place; not asked where `job` is a folder.
        job: a job, its handle or its id; or the folder of one that was exported.
        folder: for the export.

    Raises:
        ConfigurationError: the folder is no export, or cannot be written.
        NotFoundError: there is no such job.
    """
    if is_a(job, os.PathLike):
        if folder is not None:
            raise ConfigurationError(
                "`folder` is where a job is exported to, and this one is exported already; leave "
                "it out"
            )
        return _of_folder(downloads.place_of(cast("os.PathLike[str]", job)))
    job_id = context.job_id(cast("Job | str", job))
    made = exporting.export(context, job_id, _exports(context) if folder is None else folder)
    place = Path(made.folder)
    return Source(
        job=_read(place / "job.json", Job.from_json),
        lineage=made.lineage,
        folder=place,
        context=context,
    )


def _exports(context: Context) -> Path:
    place = context.home / FOLDER
    if not context.provider.ephemeral:
        return place / context.owner
    # The next one's first job has the same name, and is another.
    try:
        place.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=place, prefix=f"{context.owner}-"))
    except OSError as error:
        raise ConfigurationError(
            f"{str(place)!r} cannot be written: {error.strerror}; give a `folder`"
        ) from None


def _of_folder(folder: Path) -> Source:
    return Source(
        job=_read(folder / "job.json", Job.from_json),
        lineage=_read(folder / "lineage.json", Lineage.from_json),
        folder=folder,
    )


def _read(path: Path, parse: Callable[[bytes], T]) -> T:
    try:
        return parse(read(path))
    except (OSError, ValidationError) as error:
        reason = getattr(error, "strerror", None) or "it is none"
        raise ConfigurationError(
            f"{str(path)!r} cannot be read as a part of an export ({reason}); name the folder "
            "that `jobs.export` has made of one job, or the job itself"
        ) from None
