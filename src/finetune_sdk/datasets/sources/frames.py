"""Tables in memory: of pandas, polars, Arrow, and Hugging Face's `datasets`.

They are recognised by the names of their classes, so that none of these packages is imported by
those who do not use it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from numbers import Real
from types import MappingProxyType
from typing import Any, Protocol

from finetune_sdk.datasets.faults import shown
from finetune_sdk.datasets.lines import Line, Lines
from finetune_sdk.datasets.sources.extra import extra
from finetune_sdk.datasets.sources.plain import batch_rows, table_lines
from finetune_sdk.errors import ConfigurationError

Rows = Iterable[Mapping[str, object]]

_ROWS = 256


class Frame(Protocol):
    """A table that can be handed on as Arrow's stream: one of pandas, polars or Arrow."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any: ...


class LazyFrame(Protocol):
    """A query of polars, which is run once, when it is loaded."""

    def collect(self) -> Any: ...


@dataclass(frozen=True)
class FrameLines:
    """Rows of a table, read from the table each time.

    Attributes:
        rows: gives the rows of `frame`.
    """

    frame: object
    rows: Callable[[Any], Rows]

    def __iter__(self) -> Iterator[tuple[int, Line]]:
        return enumerate(table_lines(self.rows(self.frame)), start=1)


def frame_lines(source: object) -> Lines | None:
    """The lines of a table; None where `source` is none.

    Raises:
        ConfigurationError: it has several splits, or its columns' names cannot be keys.
        MissingDependencyError: a package that reads it is not installed.
    """
    for base in type(source).__mro__:
        name = f"{base.__module__.partition('.')[0]}.{base.__name__}"
        if reader := _READERS.get(name):
            return reader(source)
    return _of_arrow(source) if hasattr(source, "__arrow_c_stream__") else None


def doubled(names: Iterable[str]) -> str | None:
    """The first name that comes a second time."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _check_names(names: list[object]) -> None:
    odd = next((name for name in names if not isinstance(name, str)), None)
    if odd is not None:
        raise ConfigurationError(
            f"`source` has a column called {shown(odd)}, which is no text; rename it, as with "
            "`frame.columns = [...]`"
        )
    if name := doubled(map(str, names)):
        raise ConfigurationError(
            f"`source` has two columns called {shown(name)}; rename or drop one of them"
        )


def _of_pandas(frame: Any) -> Lines:
    _check_names(list(frame.columns))
    return FrameLines(frame, _pandas_rows)


def _pandas_rows(frame: Any) -> Rows:
    names = list(frame.columns)
    for cells in frame.itertuples(index=False, name=None):
        yield {name: cell for name, cell in zip(names, cells, strict=True) if not _is_missing(cell)}


def _is_missing(cell: object) -> bool:
    """Pandas has four words for what is not there: None, NaN, `pandas.NA` and `pandas.NaT`."""
    # Numpy's floats are no `float`, short of one.
    if isinstance(cell, Real):
        return bool(cell != cell)
    return cell is None or type(cell).__name__ in ("NAType", "NaTType")


def _of_polars(frame: Any) -> Lines:
    return FrameLines(frame, _polars_rows)


def _polars_rows(frame: Any) -> Rows:
    rows: Rows = frame.iter_rows(named=True)
    return rows


def _of_lazy_polars(frame: Any) -> Lines:
    # Once: a query that draws rows at random gives others each time, and what is sent would not
    # be what was checked.
    return _of_polars(frame.collect())


def _of_hub(dataset: Any) -> Lines:
    return FrameLines(dataset, iter)


def _of_formatted_hub(dataset: Any) -> Lines:
    """Without the user's format, which gives tensors; a transform of the user's stays."""
    form = dataset.format
    if form["type"] != "custom":
        dataset = dataset.with_format(None, columns=form["columns"])
    return _of_hub(dataset)


def _of_splits(splits: Any) -> Lines:
    names = list(splits)
    raise ConfigurationError(
        f"`source` has the splits {', '.join(map(repr, names))}; give one of them, as in "
        f"`source[{names[0] if names else 'train'!r}]`"
    )


def _of_arrow(source: Any) -> Lines:
    # A stream can be gone through once only; as a table it is kept.
    table = extra("pyarrow", "pyarrow").table(source)
    _check_names(list(table.column_names))
    return FrameLines(table, _arrow_rows)


def _arrow_rows(table: Any) -> Rows:
    for batch in table.to_batches(max_chunksize=_ROWS):
        yield from batch_rows(batch)


_READERS: Mapping[str, Callable[[Any], Lines]] = MappingProxyType(
    {
        "pandas.DataFrame": _of_pandas,
        "polars.DataFrame": _of_polars,
        "polars.LazyFrame": _of_lazy_polars,
        "datasets.Dataset": _of_formatted_hub,
        "datasets.IterableDataset": _of_hub,
        "datasets.DatasetDict": _of_splits,
        "datasets.IterableDatasetDict": _of_splits,
    }
)
