"""The bar that a comparison draws, on a terminal or in a notebook."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from finetune_sdk.resources.progress import watched


@contextmanager
def counted(progress: bool | None, what: str) -> Generator[Callable[[int, int], None]]:
    """A function that adds to what is done, and to what there is to do.

    Args:
        progress: None draws on a terminal or in a notebook, and only there.
        what: is counted, in a word.
    """
    if not (watched() if progress is None else progress):
        yield lambda _done, _more: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.progress import TimeRemainingColumn as Left

    columns = (
        TextColumn(what),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        Left(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task, total = bar.add_task(what, total=0), 0

        def add(done: int, more: int) -> None:
            nonlocal total
            total += more
            bar.update(task, advance=done, total=total)

        yield add
