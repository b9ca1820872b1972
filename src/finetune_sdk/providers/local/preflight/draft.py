"""The folder of a job that is looked at and not made."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from finetune_sdk.errors import NotFoundError
from finetune_sdk.providers.base import Rows
from finetune_sdk.providers.local import faults, files, leftovers, uploads
from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.types import DatasetFile, JobSpec

_PREFIX = "finetune-draft-"


@dataclass(frozen=True)
class Draft(JobFolder):
    """A job's folder that lies anywhere, and may bring rows of its own.

    Attributes:
        root: the state folder that it is a draft for.
    """

    root: LocalHome

    @property
    def home(self) -> LocalHome:
        return self.root

    def rows(self, file: DatasetFile) -> Path:
        with suppress(NotFoundError):
            return uploads.path_of(file, LocalHome(self.path))
        return super().rows(file)


@contextmanager
def draft(spec: JobSpec, rows: Rows, home: LocalHome) -> Generator[Draft]:
    """The draft of a job and its rows, in a temporary folder that is gone afterwards.

    Raises:
        DatasetError: a row cannot be read.
        QuotaExceededError: there is no room for a copy of the rows.
    """
    place = Path(tempfile.gettempdir())
    leftovers.sweep(place, _PREFIX)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as name:
        folder = Draft(Path(name), home)
        with faults.passing(place):
            _fill(folder, spec, rows)
        yield folder


def _fill(folder: Draft, spec: JobSpec, rows: Rows) -> None:
    given = {"training_file": rows.training, "validation_file": rows.validation}
    own = LocalHome(folder.path)
    stored = {name: uploads.store(data, own) for name, data in given.items() if data is not None}
    drafted = spec.model_copy(update=stored)
    files.write_atomic(folder.path / "spec.json", drafted.to_json())
