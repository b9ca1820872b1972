"""Rows of tables as JSON knows them: without what is not there, without a library's own types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from finetune_sdk.datasets.faults import Fault, clean
from finetune_sdk.datasets.lines import Line
from finetune_sdk.datasets.read import line_of
from finetune_sdk.errors import DatasetError

_DEEP = Fault("not_json", "", "values are nested too deeply to be read, or hold themselves")
# Dates and raw memory, which numpy would turn into numbers and tuples without a word.
_NO_JSON = "mMV"


def table_lines(rows: Iterable[Mapping[str, object]]) -> Iterator[Line]:
    """Rows of a table as lines.

    In a table every object of a column has the keys of all the others: a null says that a key is
    not there, at every depth.
    """
    return map(_line, rows)


def batch_rows(batch: Any) -> list[dict[str, object]]:
    """The rows of a batch of Arrow.

    Raises:
        DatasetError: a map among them has a key twice, which no object can have, or a value is
            none that Python has: text that is no UTF-8, a time beyond the year 9999.
    """
    try:
        rows: list[dict[str, object]] = batch.to_pylist(maps_as_pydicts="strict")
    except KeyError as error:
        raise DatasetError(
            "a row holds a map that has a key twice, and an object cannot; make the column a list "
            "of objects, or drop one of the two"
        ) from error
    # Arrow's own errors are `ValueError`s; a time zone that nobody knows is one of them.
    except (ValueError, OverflowError) as error:
        raise DatasetError(
            f"a row holds a value that cannot be read ({clean(str(error))}); write text as UTF-8, "
            "and times as text"
        ) from error
    return rows


def _line(row: Mapping[str, object]) -> Line:
    try:
        return line_of(_plain(row))
    except RecursionError:
        return _DEEP


def _plain(value: object) -> object:
    if isinstance(value, (str, int, float)) and type(value).__module__ == "builtins":
        return value
    if isinstance(value, Mapping):
        entries = cast("Mapping[object, object]", value)
        return {key: _plain(inner) for key, inner in entries.items() if inner is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in cast("Iterable[object]", value)]
    if type(value).__module__ == "numpy":
        return _unboxed(value)
    return value


def _unboxed(value: Any) -> object:
    """A scalar or an array of numpy as Python's own values."""
    return value if value.dtype.kind in _NO_JSON else _plain(value.tolist())
