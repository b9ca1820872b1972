"""Dataset files: copies of datasets that a job can read, named by their content."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from finetune_sdk.errors import NotFoundError
from finetune_sdk.providers.local import files
from finetune_sdk.providers.local.leftovers import sweep
from finetune_sdk.providers.local.settings import NAME
from finetune_sdk.types import DatasetFile

if TYPE_CHECKING:
    from finetune_sdk.datasets import Dataset
    from finetune_sdk.providers.local.home import LocalHome

_PARTIAL = ".upload-"
_ID = re.compile(r"file-[0-9a-f]{24}")


class _Written(NamedTuple):
    rows: int
    size: int
    digest: str


def store(dataset: Dataset, home: LocalHome) -> DatasetFile:
    """Copies the rows into the state folder. The same rows are one file, however often they come.

    Raises:
        DatasetError: a row cannot be read.
        OSError: the file cannot be written; nothing of it is left then.
    """
    folder = home.make(home.files)
    sweep(folder, _PARTIAL)
    handle, name = tempfile.mkstemp(dir=folder, prefix=_PARTIAL)
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            written = _copy(dataset, file)
        id_ = f"file-{written.digest[:24]}"
        partial.replace(folder / f"{id_}.jsonl")
        files.sync(folder)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return DatasetFile(
        id=id_, name=dataset.name, rows=written.rows, bytes=written.size, digest=written.digest
    )


def path_of(file: DatasetFile, home: LocalHome) -> Path:
    """Where the rows of a dataset file lie.

    Raises:
        NotFoundError: there is no such file here.
    """
    path = home.files / f"{file.id}.jsonl"
    if not _ID.fullmatch(file.id) or not path.is_file():
        raise NotFoundError(
            f"there is no dataset file {file.id!r} in {str(home.files)!r}; give the rows or their "
            "file as `training_data` again",
            provider=NAME,
        )
    return path


def _copy(dataset: Dataset, file: BinaryIO) -> _Written:
    digest = hashlib.sha256()
    rows = size = 0
    for line in dataset.lines():
        row = line + b"\n"
        file.write(row)
        digest.update(row)
        rows += 1
        size += len(row)
    file.flush()
    os.fsync(file.fileno())
    return _Written(rows, size, digest.hexdigest())
