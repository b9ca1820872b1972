"""One table that fills, on a terminal or in a notebook."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from finetune_sdk.resources.costs import dollars
from finetune_sdk.resources.progress import status_words, watched
from finetune_sdk.types import Sweep, Trial

if TYPE_CHECKING:
    from rich.table import Table


@contextmanager
def filled(progress: bool | None) -> Generator[Callable[[Sweep], None]]:
    """A function that shows a sweep: in a table where one is wanted, nowhere else.

    Args:
        progress: None draws on a terminal or in a notebook, and only there.
    """
    if not (watched() if progress is None else progress):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(stderr=True), auto_refresh=False) as live:
        yield lambda sweep: live.update(_drawn(sweep), refresh=True)


def columns(sweep: Sweep) -> list[str]:
    """The names of what is told of each trial."""
    return ["trial", *_names(sweep), "job", "status", *_measure(sweep), "US dollars"]


def rows(sweep: Sweep) -> list[list[str]]:
    """What is told of each trial, in the order of `columns`; the best bears a star."""
    names, best = _names(sweep), sweep.best
    return [
        [
            f"{one.number} *" if one == best else str(one.number),
            *(shown(one.values[name]) if name in one.values else "" for name in names),
            "" if one.job is None else one.job.handle,
            _status(one),
            *([_metric(one)] if sweep.metric is not None else []),
            _cost(one),
        ]
        for one in sweep.trials
    ]


def shown(value: object) -> str:
    """A value as people write it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _names(sweep: Sweep) -> list[str]:
    return list(dict.fromkeys(name for one in sweep.trials for name in one.values))


def _measure(sweep: Sweep) -> list[str]:
    return [f"{sweep.metric} ({sweep.split})"] if sweep.metric is not None else []


def _metric(trial: Trial) -> str:
    return "" if trial.metric is None else f"{trial.metric.value:.4g}"


def _status(trial: Trial) -> str:
    job = trial.job
    if job is None or trial.ended or job.progress is None:
        return trial.status if job is None else status_words(job)
    done = job.progress
    loss = "" if done.loss is None else f" loss {done.loss:.4g}"
    return f"{status_words(job)} {done.step}/{done.steps}{loss}"


def _cost(trial: Trial) -> str:
    if trial.cost is not None:
        return dollars(trial.cost.high)
    return "" if trial.estimate is None else f"up to {dollars(trial.estimate.high)}"


def _drawn(sweep: Sweep) -> Table:
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*columns(sweep), box=None, pad_edge=False, header_style="bold")
    for column in drawn.columns:
        column.overflow = "fold"
    # The names and the values of what is compared are read first, and stay whole.
    for column in drawn.columns[: len(_names(sweep)) + 1]:
        column.no_wrap = True
    for cells in rows(sweep):
        drawn.add_row(*(Text(cell) for cell in cells))
    return drawn
