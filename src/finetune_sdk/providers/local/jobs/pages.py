"""Pages of files that grow by whole lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

from finetune_sdk.errors import InvalidRequestError
from finetune_sdk.providers.local import files
from finetune_sdk.providers.local.settings import NAME
from finetune_sdk.types import Page

T = TypeVar("T")
Parse = Callable[[str], T]


def newest(path: Path, parse: Parse[T], *, limit: int, cursor: str | None) -> Page[T]:
    """From the last line backwards. The cursor counts the lines before, so it stays good."""
    lines = list(files.read_lines(path))
    end = len(lines) if cursor is None else number(cursor)
    start = max(0, end - limit)
    items = _parsed(reversed(lines[start:end]), parse)
    return Page(items, str(start) if start else None)


def oldest(
    path: Path, parse: Parse[T], *, limit: int, cursor: str | None, ended: bool = False
) -> Page[T]:
    """From the first line on. The cursor is a place in bytes, so that long files stay cheap.

    Args:
        ended: nobody writes any more, so a last line without its end is whole as well.
    """
    try:
        with path.open("rb") as file:
            file.seek(0 if cursor is None else number(cursor))
            lines = _take(file, limit, ended)
            place = file.tell()
            more = bool(_take(file, 1, ended))
    except FileNotFoundError:
        return Page(())
    return Page(_parsed(lines, parse), str(place) if more else None)


def of_sequence(items: Sequence[T], *, limit: int, cursor: str | None) -> Page[T]:
    """Some of what is known as a whole. The cursor counts what came before."""
    start = 0 if cursor is None else number(cursor)
    end = start + limit
    return Page(tuple(items[start:end]), str(end) if end < len(items) else None)


def _take(file: BinaryIO, limit: int, ended: bool) -> list[str]:
    lines: list[str] = []
    while len(lines) < limit and (raw := file.readline()):
        if not raw.endswith(b"\n") and not ended:
            file.seek(-len(raw), 1)
            break
        lines.append(raw.decode(errors="replace").rstrip("\n"))
    return lines


def _parsed(lines: Iterable[str], parse: Parse[T]) -> tuple[T, ...]:
    items: list[T] = []
    for line in lines:
        # A disk that was full for a moment leaves torn lines; the rest is still good.
        with suppress(ValueError):
            items.append(parse(line))
    return tuple(items)


def bad_cursor(cursor: str) -> InvalidRequestError:
    """The error of a cursor that is not ours."""
    return InvalidRequestError(
        f"`cursor` is {cursor!r}, which no page of this listing gave; begin again without it",
        provider=NAME,
        param="cursor",
    )


def number(cursor: str) -> int:
    """A cursor that is a number.

    Raises:
        InvalidRequestError: it is none of ours.
    """
    if not re.fullmatch(r"[0-9]{1,18}", cursor):
        raise bad_cursor(cursor)
    return int(cursor)
