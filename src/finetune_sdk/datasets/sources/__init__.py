"""Where rows come from: files of every kind, and what holds rows in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Literal

from finetune_sdk.datasets.lines import FileLines, Lines
from finetune_sdk.datasets.sources.extra import extra
from finetune_sdk.datasets.sources.frames import Frame, LazyFrame, frame_lines
from finetune_sdk.datasets.sources.jsonl import PackedLines
from finetune_sdk.datasets.sources.parquet import ParquetLines
from finetune_sdk.datasets.sources.sheets import SheetLines
from finetune_sdk.datasets.sources.unpack import is_packed, plain_name
from finetune_sdk.datasets.sources.values import ValueLines
from finetune_sdk.errors import DatasetError

__all__ = ["Frame", "Kind", "LazyFrame", "file_lines", "frame_lines"]

Kind = Literal["jsonl", "json", "csv", "parquet", "memory"]
"""What rows are read from; a TSV file is of the kind `csv`."""


def file_lines(path: Path) -> tuple[Kind, Lines]:
    """What a file is by its name, and its lines. The file is opened, and closed again.

    Raises:
        DatasetError: the file is missing, is no regular file, may not be read, or is packed
            otherwise than its name says.
        MissingDependencyError: a package that reads it is not installed.
    """
    packed = is_packed(path)
    jsonl: _Reader = ("jsonl", PackedLines if packed else FileLines)
    kind, lines = _KINDS.get(PurePath(plain_name(path)).suffix, jsonl)
    if kind == "parquet":
        _check_parquet(path, packed)
    return kind, lines(path)


def _check_parquet(path: Path, packed: bool) -> None:
    if packed:
        raise DatasetError(
            f"{str(path)!r} is a Parquet file that was packed once more; unpack it first"
        )
    extra("pyarrow.parquet", "pyarrow")


_Reader = tuple[Kind, Callable[[Path], Lines]]

_KINDS: Mapping[str, _Reader] = MappingProxyType(
    {
        ".json": ("json", ValueLines),
        ".csv": ("csv", partial(SheetLines, delimiter=",")),
        ".tsv": ("csv", partial(SheetLines, delimiter="\t")),
        ".parquet": ("parquet", ParquetLines),
    }
)
