"""Each file of an exported job, and what of it could not be had."""

from __future__ import annotations

import csv
import hashlib
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from finetune_sdk.csv_text import cell
from finetune_sdk.errors import (
    AuthenticationError,
    FineTuneError,
    NotFoundError,
    ProviderError,
    ResponseDecodeError,
    UnsupportedError,
)
from finetune_sdk.providers.base import CanExport, CanListCheckpoints, CanListMetrics
from finetune_sdk.resources import steps, waiting
from finetune_sdk.resources.context import Context, unsupported
from finetune_sdk.resources.paging import pages
from finetune_sdk.types import DatasetFile, ExportedFile, Gap, Job, Metric
from finetune_sdk.types._base import Document

Role = Literal["training", "validation"]

_COLUMNS = ("step", "name", "split", "value", "unit", "epoch", "created_at")


@dataclass
class Parts:
    """Writes the files of one job into a folder.

    Attributes:
        earlier: an earlier export of the job, of which is kept what can no longer be had.
        gaps: what could not be had so far.
        files: the rows that could.
    """

    context: Context
    job: Job
    folder: Path
    earlier: Path | None = None
    gaps: list[Gap] = field(default_factory=list[Gap])
    files: list[ExportedFile] = field(default_factory=list[ExportedFile])

    def write(self) -> None:
        """Everything; one that fails does not keep the others from being written."""
        (self.folder / "job.json").write_text(self.job.to_json() + "\n", encoding="utf-8")
        self._rows("training", self.job.training_file)
        self._rows("validation", self.job.validation_file)
        self._try("metrics", "metrics.csv", self._metrics)
        self._try("events", "events.jsonl", self._events)
        self._try("checkpoints", "checkpoints.jsonl", self._checkpoints)

    def _try(self, what: str, name: str, write: Callable[[Path], None]) -> None:
        path = self.folder / name
        try:
            write(path)
        except AuthenticationError:
            raise  # With a good key all of it may be had.
        except FineTuneError as error:
            path.unlink(missing_ok=True)
            there, again = self._kept(name, path), not is_final(error)
            if again or not there:
                self.gaps.append(Gap(what=what, why=str(error), again=again))

    def _kept(self, name: str, path: Path) -> bool:
        """Whether an earlier export has it, which is then taken over."""
        if self.earlier is None or not (self.earlier / name).is_file():
            return False
        shutil.copyfile(self.earlier / name, path)
        return True

    def _rows(self, role: Role, file: DatasetFile | None) -> None:
        if file is None:
            if role == "training":
                why = "the provider does not say which file it was"
                self.gaps.append(Gap(what=f"{role} data", why=why))
            return
        name = f"{role}.jsonl"
        self._try(f"{role} data", name, lambda path: self._download(path, file.id))
        if (self.folder / name).is_file():
            self.files.append(_file(self.folder / name, role, file.id))

    def _download(self, path: Path, file_id: str) -> None:
        provider = self.context.provider
        if not isinstance(provider, CanExport):
            raise unsupported(
                self.context, "`jobs.export` of rows", lambda other: issubclass(other, CanExport)
            )
        local: list[OSError] = []

        def download() -> None:
            try:
                provider.download_dataset(file_id, path)
            except OSError as error:
                if not isinstance(error, FineTuneError):
                    local.append(error)
                raise

        try:
            self.context.call(download)
        except ProviderError:
            if local:
                # The disk here, and no fault of the provider's: nothing is exported to it.
                raise local[0] from None
            raise

    def _metrics(self, path: Path) -> None:
        provider = self.context.provider
        if not isinstance(provider, CanListMetrics):
            raise _lacks(self.context, "metrics")
        job_id = self.job.id
        found = pages(self.context, lambda n, at: provider.list_metrics(job_id, limit=n, cursor=at))
        _table(path, list(steps.iterate(found, self.context.clock)))

    def _events(self, path: Path) -> None:
        told = waiting.follow(self.context, self.job.id, forever=False)
        events = list(steps.iterate(told, self.context.clock))
        _lines(path, events)

    def _checkpoints(self, path: Path) -> None:
        provider = self.context.provider
        if not isinstance(provider, CanListCheckpoints):
            raise _lacks(self.context, "checkpoints")
        job_id = self.job.id
        found = pages(
            self.context, lambda n, at: provider.list_checkpoints(job_id, limit=n, cursor=at)
        )
        saved = list(steps.iterate(found, self.context.clock))
        _lines(path, saved)


def is_final(error: FineTuneError) -> bool:
    """Another try would give the same: it is gone, is not to be had here, or cannot be read."""
    if isinstance(error, ResponseDecodeError):
        return not error.retryable
    return isinstance(error, NotFoundError | UnsupportedError)


def _lacks(context: Context, what: str) -> UnsupportedError:
    return UnsupportedError(f"the provider {context.opened.name!r} tells no {what}")


def _lines(path: Path, values: Iterable[Document]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{value.to_json()}\n" for value in values)


def _table(path: Path, metrics: list[Metric]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        writer.writerows([cell(getattr(metric, name)) for name in _COLUMNS] for metric in metrics)


def _file(path: Path, role: Role, id_: str) -> ExportedFile:
    digest, rows, size = hashlib.sha256(), 0, 0
    with path.open("rb") as file:
        for line in file:
            digest.update(line)
            rows += bool(line.strip())
            size += len(line)
    return ExportedFile(
        role=role, name=path.name, id=id_, bytes=size, digest=digest.hexdigest(), rows=rows
    )
