"""Parquet files, some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from finetune_sdk.datasets.faults import clean
from finetune_sdk.datasets.lines import Line, open_regular
from finetune_sdk.datasets.sources.extra import extra
from finetune_sdk.datasets.sources.frames import doubled
from finetune_sdk.datasets.sources.plain import batch_rows, table_lines
from finetune_sdk.errors import DatasetError

_ROWS = 256
_BUFFER = 1024 * 1024


@dataclass(frozen=True)
class ParquetLines:
    """Rows of a Parquet file, numbered from 1."""

    path: Path

    def __iter__(self) -> Iterator[tuple[int, Line]]:
        """Raises:
        DatasetError: the file cannot be read, or is damaged.
        MissingDependencyError: pyarrow is not installed.
        """
        with open_regular(self.path) as file:
            number = 0
            for batch in self._batches(file):
                for line in table_lines(batch_rows(batch)):
                    number += 1
                    yield number, line

    def _batches(self, file: BinaryIO) -> Iterator[Any]:
        arrow, parquet = extra("pyarrow", "pyarrow"), extra("pyarrow.parquet", "pyarrow")
        rows = 0
        try:
            # Neither is the default: both keep it from reading whole columns ahead.
            table = parquet.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False)
            if name := doubled(table.schema_arrow.names):
                raise self._unreadable(rows, f"two columns are called {name!r}")
            for batch in table.iter_batches(batch_size=_ROWS, use_threads=False):
                yield batch
                rows += batch.num_rows
        except (OSError, arrow.ArrowException) as error:
            raise self._unreadable(rows, clean(str(error))) from error

    def _unreadable(self, rows: int, reason: str) -> DatasetError:
        return DatasetError(
            f"{str(self.path)!r} cannot be read as Parquet after row {rows}: {reason}; "
            "copy or write it anew"
        )
