"""Results: tables and facts for people, JSON documents for programs. All of it goes to stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from finetune_sdk.cli.session import clean

if TYPE_CHECKING:
    from rich.table import Table

    from finetune_sdk.types._base import Document

_WIDE = 10_000
_READABLE = 120
_COLORS = {
    "succeeded": "green",
    "ready": "green",
    "ok": "green",
    "failed": "red",
    "broken": "red",
    "cancelled": "yellow",
    "paused": "yellow",
    "running": "cyan",
}


def document(value: Document) -> None:
    """One value as a line of JSON."""
    line(value.to_json())


def plain_document(value: Mapping[str, object]) -> None:
    """One object as a line of JSON."""
    line(json.dumps(value, ensure_ascii=False))


def line(text: str) -> None:
    """A line, at once: somebody may be reading a stream."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def facts(pairs: Iterable[tuple[str, str | None]]) -> None:
    """Names and values, a line each; what is not known is left out."""
    known = [(name, clean(value)) for name, value in pairs if value]
    width = max((len(name) for name, _ in known), default=0)
    for name, value in known:
        line(f"{name.ljust(width)}  {value}")


def table(columns: Sequence[str], rows: Sequence[Sequence[str | None]]) -> None:
    """A table; where the terminal is too narrow for it, a block of facts a row.

    Nothing is cut off or broken: a handle that is copied from here must work.
    """
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _WIDE
    drawn = _drawn(columns, rows)
    if _natural_width(drawn) <= console.width:
        console.print(drawn)
        return
    for number, row in enumerate(rows):
        if number:
            line("")
        facts(zip(columns, row, strict=True))


def compared(columns: Sequence[str], rows: Sequence[Sequence[str | None]]) -> None:
    """A table of columns of words, which are wrapped to stand side by side."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _READABLE
    drawn = _drawn(columns, rows)
    drawn.columns[0].no_wrap = True
    for column in drawn.columns:
        column.overflow = "fold"
    drawn.padding = (0, 2)
    console.print(drawn)


def _natural_width(drawn: Table) -> int:
    from rich.console import Console

    return Console(width=_WIDE).measure(drawn).maximum


def _drawn(columns: Sequence[str], rows: Sequence[Sequence[str | None]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        cells = (clean(cell or "") for cell in row)
        drawn.add_row(*(Text(cell, style=_COLORS.get(cell, "")) for cell in cells))
    return drawn


def when(moment: datetime | None) -> str | None:
    """A moment on this machine's clock, to the minute."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M") if moment else None


def span(seconds: float | None) -> str | None:
    """A length of time: `2:05`, `1:02:05`."""
    if seconds is None:
        return None
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size(count: int | None) -> str | None:
    """Bytes in a unit that people read: `538 MB`."""
    if count is None:
        return None
    amount, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.0f} {unit}" if amount >= 10 or unit == "B" else f"{amount:.1f} {unit}"


def plain_line(text: str) -> None:
    """A line that somebody else wrote."""
    line(clean(text))
