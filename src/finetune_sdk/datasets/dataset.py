"""Rows to learn from, on disk or in memory, not yet anywhere else."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from finetune_sdk.datasets.faults import clean
from finetune_sdk.datasets.lines import BLANKS, FileLines, Lines, MemoryLines, open_regular
from finetune_sdk.datasets.read import Record, Row, encode, examine, line_of
from finetune_sdk.datasets.write import write_lines
from finetune_sdk.errors import ConfigurationError, DatasetError
from finetune_sdk.types.dataset import DatasetFile


class Dataset:
    """Rows to learn from; made by `load` and `split`.

    Rows of a file are read at each iteration, one at a time; rows from memory are kept as they
    were when they were loaded.

    Attributes:
        name: for people, and for the file's name at a provider.
        path: where the rows lie; None for rows in memory.
        place: what messages call it: the path as it was given, or the name.
    """

    def __init__(self, lines: Lines, *, name: str, place: str, path: Path | None = None) -> None:
        self._lines = lines
        self.name = name
        self.place = place
        self.path = path

    def records(self) -> Iterator[Record]:
        """Every line, good or bad, in order.

        Raises:
            DatasetError: the file itself cannot be read.
        """
        return (examine(number, line) for number, line in self._lines)

    def numbered(self) -> Iterator[tuple[int, Row]]:
        """The rows with their lines, from 1.

        Raises:
            DatasetError: a line cannot be read; the message has its place and the mend.
        """
        for record in self.records():
            for fault in record.faults:
                if fault.severity == "error":
                    raise DatasetError(str(fault.finding(self.place, record.line)))
            if record.row is not None:
                yield record.line, record.row

    def lines(self) -> Iterator[bytes]:
        """The rows as compact JSON in UTF-8, keys in their order, without line ends.

        Raises:
            DatasetError: as `numbered`.
        """
        return (encode(row) for _, row in self.numbered())

    def digest(self) -> str:
        """SHA-256, in hexadecimal, of the file that `write` would write.

        Raises:
            DatasetError: as `numbered`.
        """
        total = sha256()
        for line in self.lines():
            total.update(line)
            total.update(b"\n")
        return total.hexdigest()

    def write(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Writes the rows as JSONL, whole or not at all, and gives the absolute path.

        Args:
            path: the file to write; its folder has to be there.
            overwrite: replace what is there already.

        Raises:
            ConfigurationError: there is something already, and `overwrite` is False.
            DatasetError: a row cannot be read, or the file cannot be written.
        """
        target = _absolute(path)
        write_lines(target, self.lines(), overwrite=overwrite)
        return target

    def __iter__(self) -> Iterator[Row]:
        return (row for _, row in self.numbered())

    def __len__(self) -> int:
        """The number of rows, good or bad. A file is read for it."""
        return sum(line not in BLANKS for _, line in self._lines)

    def __bool__(self) -> bool:
        """There is a row. No more than the first one is read for it."""
        return any(line not in BLANKS for _, line in self._lines)

    def __repr__(self) -> str:
        where = f"rows={len(self)}" if self.path is None else f"path={str(self.path)!r}"
        return f"Dataset({self.name!r}, {where})"


def load(
    source: str | os.PathLike[str] | Dataset | Iterable[Mapping[str, object]],
    *,
    name: str | None = None,
) -> Dataset:
    """Rows from a JSONL file, or from anything in memory that gives one mapping a row.

    Rows in memory are gone through once and kept, so a generator is fine. Bad rows are no error
    here: `check` finds them.

    Args:
        source: path of a file, rows, or a dataset (given back).
        name: for people; the file's name by default.

    Raises:
        ConfigurationError: `source` is nothing of the kind.
        DatasetError: the file is missing, is no regular file, or may not be read.
    """
    name = clean(name) if name else None
    if isinstance(source, Dataset):
        return source if name is None else _renamed(source, name)
    if isinstance(source, (str, os.PathLike)):
        return _of_file(source, name)
    _refuse_others(source)
    kept = tuple(line_of(row) for row in source)
    name = name or "rows"
    return Dataset(MemoryLines(kept), name=name, place=name)


def _renamed(dataset: Dataset, name: str) -> Dataset:
    place = dataset.place if dataset.path else name
    return Dataset(dataset._lines, name=name, place=place, path=dataset.path)  # pyright: ignore[reportPrivateUsage] - of this module


def _of_file(source: str | os.PathLike[str], name: str | None) -> Dataset:
    path = _absolute(source)
    # Opened and closed, so that a wrong path is told here and not at the first row.
    open_regular(path).close()
    place = clean(os.fsdecode(source))
    return Dataset(FileLines(path), name=name or clean(path.name), place=place, path=path)


def _absolute(path: str | os.PathLike[str]) -> Path:
    given = Path(os.fsdecode(path))
    try:
        # `~somebody` without such a user is an ordinary name.
        with suppress(RuntimeError):
            given = given.expanduser()
        return given.absolute()
    except FileNotFoundError as error:
        raise DatasetError(
            f"{str(given)!r} is a path in the working folder, which is not there any more; change "
            "into another one, or give an absolute path"
        ) from error


def _refuse_others(source: object) -> None:
    kind, hint = type(source).__name__, None
    if isinstance(source, DatasetFile):
        hint = "a provider holds it already: pass it to `jobs.create` as it is"
    elif isinstance(source, Mapping):
        hint = "it is one mapping; put rows into a list: [row]"
    elif isinstance(source, (bytes, bytearray)) or not isinstance(source, Iterable):
        hint = "give a path, or rows as an iterable of mappings"
    if hint:
        raise ConfigurationError(f"`source` is of type {kind!r}: {hint}")
