"""Rows on this machine, as a plan remembers them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from finetune_sdk import datasets
from finetune_sdk.datasets import Dataset
from finetune_sdk.datasets.lines import MemoryLines
from finetune_sdk.errors import ConfigurationError, DatasetError
from finetune_sdk.resources.context import Context
from finetune_sdk.types import DatasetFile, LocalRows

_REMEMBERED = 32

Stamp = tuple[object, ...]
"""What changes when rows do: of a file its node, its size and its time, of a table its digest."""


def stamped(*rows: Dataset | DatasetFile | None) -> list[tuple[Dataset, Stamp]]:
    """The rows that somebody else may write to, as they are now.

    Raises:
        DatasetError: a file is not there any more.
    """
    return [(one, _stamp(one)) for one in rows if isinstance(one, Dataset)]


def refuse_changed(stamps: Iterable[tuple[Dataset, Stamp]]) -> None:
    """What was checked must be what was sent.

    Raises:
        DatasetError: rows have changed meanwhile.
    """
    for rows, stamp in stamps:
        if _stamp(rows) != stamp:
            raise DatasetError(
                f"{rows.place!r} has changed while it was looked at, so nothing was made of it; "
                "try again when nobody writes to it"
            )


def _stamp(rows: Dataset) -> Stamp:
    if isinstance(rows.raw, MemoryLines):
        return ()
    if rows.path is None:
        return (rows.digest(),)
    try:
        found = rows.path.stat()
    except OSError as error:
        raise DatasetError(f"{str(rows.path)!r} cannot be read: {error.strerror}") from error
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def remembered(context: Context, rows: Dataset | DatasetFile) -> LocalRows | DatasetFile:
    """What a plan says of its rows.

    Raises:
        DatasetError: the file cannot be read.
    """
    if isinstance(rows, DatasetFile):
        return rows
    digest = _digest(rows)
    if rows.path is None:
        context.planned[digest] = rows
        while len(context.planned) > _REMEMBERED:
            context.planned.pop(next(iter(context.planned)))
    path = str(rows.path) if rows.path else None
    return LocalRows(path=path, name=rows.name, format=rows.format, digest=digest)


def recalled(context: Context, rows: LocalRows | DatasetFile) -> Dataset | DatasetFile:
    """The rows of a plan, as they were.

    Raises:
        ConfigurationError: they have changed since, or were in the memory of another client.
        DatasetError: the file cannot be read.
    """
    if isinstance(rows, DatasetFile):
        return rows
    dataset = (
        _from_memory(context, rows)
        if rows.path is None
        else datasets.load(rows.path, name=rows.name, format=rows.format)
    )
    # Tables and converted datasets are read anew each time, and may have changed as files do.
    before = stamped(dataset) if dataset.path is not None else []
    if _digest(dataset) != rows.digest:
        raise ConfigurationError(
            f"{rows.path or rows.name!r} has changed since the plan was made; plan again, to see "
            "what it costs now"
        )
    refuse_changed(before)
    return dataset


def _from_memory(context: Context, rows: LocalRows) -> Dataset:
    dataset = context.planned.get(rows.digest)
    if dataset is None:
        raise ConfigurationError(
            f"the rows of the plan ({rows.name!r}) were in memory, and this client does not have "
            "them; plan again with it, or write them to a file first"
        )
    return dataset


def digest_of(rows: Dataset | DatasetFile) -> str:
    """What tells rows from others: of a file its digest, of what a provider holds its id.

    Raises:
        DatasetError: the file cannot be read.
    """
    return f"file {rows.id}" if isinstance(rows, DatasetFile) else _digest(rows)


def _digest(dataset: Dataset) -> str:
    return dataset.digest() if dataset.path is None else _file_digest(dataset.path)


def _file_digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DatasetError(f"{str(path)!r} cannot be read: {error.strerror}") from error
