"""Rows to learn from, on disk or in memory, not yet anywhere else."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import cast, get_args

from finetune_sdk.datasets.faults import clean, shown
from finetune_sdk.datasets.lines import BLANKS, Lines, MemoryLines, open_regular
from finetune_sdk.datasets.read import Record, Row, encode, examine, line_of
from finetune_sdk.datasets.sources import Frame, Kind, LazyFrame, file_lines, frame_lines
from finetune_sdk.datasets.write import write_lines
from finetune_sdk.errors import ConfigurationError, DatasetError
from finetune_sdk.types.dataset import DatasetFile, RowFormat

# In the class, `bytes` is a size.
_Bytes = bytes


class Dataset:
    """Rows to learn from; made by `load` and `split`.

    Rows of a file, and of a table in memory, are read at each iteration, one at a time; other rows
    from memory are kept as they were when they were loaded.

    Attributes:
        name: for people, and for the file's name at a provider.
        path: where the rows lie; None for rows in memory.
        place: what messages call it: the path as it was given, or the name.
        kind: what the rows are read from.
        format: what the rows look like, where the caller has said so.
    """

    def __init__(
        self,
        lines: Lines,
        *,
        name: str,
        place: str,
        path: Path | None = None,
        kind: Kind = "memory",
        format: RowFormat | None = None,  # noqa: A002 - the word of the field
    ) -> None:
        self._lines = lines
        self.name = name
        self.place = place
        self.path = path
        self.kind: Kind = kind
        self.format: RowFormat | None = format

    @property
    def raw(self) -> Lines:
        """The lines as they are, with their numbers, before anybody has judged them."""
        return self._lines

    @property
    def bytes(self) -> int | None:
        """The size of the file as it lies there, packed or not; None for rows in memory.

        Raises:
            DatasetError: the file itself cannot be read.
        """
        if self.path is None:
            return None
        with open_regular(self.path) as file:
            return os.fstat(file.fileno()).st_size

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

    def lines(self) -> Iterator[_Bytes]:
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
        target = absolute(path)
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


Source = str | os.PathLike[str] | Dataset | Iterable[Mapping[str, object]] | Frame | LazyFrame
"""What `load` takes."""


def load(
    source: Source,
    *,
    name: str | None = None,
    format: RowFormat | None = None,  # noqa: A002 - the word of the field
) -> Dataset:
    """Rows from a file, from a table, or from anything that gives one mapping a row.

    The name of a file says what it is: `.json`, `.csv`, `.tsv` and `.parquet` are that, everything
    else is JSONL. All but Parquet may be packed by gzip or zstd (`.jsonl.gz`, `.json.zst`).

    - JSON holds a list of rows, or rows one after another.
    - CSV and TSV name the keys in their first record. A cell that is empty is a key that is not
      there. A cell that begins with `[` or `{` and is JSON is read as JSON; so is `true`, `false`,
      `0` or `1` in a column called `label` or `weight`. All other cells are text.
    - In Parquet and in tables a null is a key that is not there, at every depth of a row.

    A table is a frame of pandas or polars, a table of Arrow, or one split of a Hugging Face
    dataset. Other rows in memory are gone through once and kept, so a generator is fine. Bad rows
    are no error here: `check` finds them.

    Args:
        source: path of a file, rows, or a dataset (given back).
        name: for people; the file's name by default.
        format: what the rows look like; None leaves it open.

    Raises:
        ConfigurationError: `source` is nothing of the kind, or there is no such `format`.
        DatasetError: the file is missing, is no regular file, or may not be read.
        MissingDependencyError: a package that reads it is not installed.
    """
    name = clean(name) if name else None
    _check_format(format)
    if isinstance(source, Dataset):
        return _changed(source, name, format) if name or format else source
    if isinstance(source, (str, os.PathLike)):
        return _of_file(source, name, format)
    name = name or "rows"
    lines = frame_lines(source) or _kept(source)
    return Dataset(lines, name=name, place=name, format=format)


def _check_format(word: object) -> None:
    words = get_args(RowFormat)
    if word is not None and word not in words:
        raise ConfigurationError(f"`format` is {shown(word)}; it is one of {', '.join(words)}")


def _kept(source: object) -> Lines:
    _refuse_others(source)
    return MemoryLines(tuple(line_of(row) for row in cast("Iterable[object]", source)))


def _changed(dataset: Dataset, name: str | None, word: RowFormat | None) -> Dataset:
    place = dataset.place if dataset.path or not name else name
    return Dataset(
        dataset.raw,
        name=name or dataset.name,
        place=place,
        path=dataset.path,
        kind=dataset.kind,
        format=word or dataset.format,
    )


def _of_file(source: str | os.PathLike[str], name: str | None, word: RowFormat | None) -> Dataset:
    path = absolute(source)
    # Opened and closed, so that a wrong path is told here and not at the first row.
    kind, lines = file_lines(path)
    name, place = name or clean(path.name), clean(os.fsdecode(source))
    return Dataset(lines, name=name, place=place, path=path, kind=kind, format=word)


def absolute(path: str | os.PathLike[str]) -> Path:
    """The path from the root, with `~` for the home folder.

    Raises:
        DatasetError: the working folder is not there any more.
    """
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
        hint = "give a path, a table, or rows as an iterable of mappings"
    if hint:
        raise ConfigurationError(f"`source` is of type {kind!r}: {hint}")
