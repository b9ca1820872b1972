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
    return ["trial", *_names(sweep), "job", "status", "progress", *_measure(sweep), "US dollars"]


def row(sweep: Sweep, trial: Trial) -> list[str]:
    """What is told of one trial, in the order of `columns`."""
    values = [shown(trial.values[name]) if name in trial.values else "" for name in _names(sweep)]
    job, best = trial.job, sweep.best
    number = f"{trial.number} *" if best is not None and best.number == trial.number else None
    status = trial.status if job is None else status_words(job)
    measured = [_metric(trial)] if sweep.metric is not None else []
    handle = job.handle if job is not None else ""
    return [
        number or str(trial.number), *values, handle, status, _far(trial), *measured, _cost(trial)
    ]  # fmt: skip


def shown(value: object) -> str:
    """A value as people write it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _names(sweep: Sweep) -> list[str]:
    return list(dict.fromkeys(name for one in sweep.trials for name in one.values))


def _measure(sweep: Sweep) -> list[str]:
    return [f"{sweep.metric} ({sweep.split})"] if sweep.metric is not None else []


def _metric(trial: Trial) -> str:
    return "" if trial.metric is None else f"{trial.metric.value:.4g}"


def _far(trial: Trial) -> str:
    done = trial.job.progress if trial.job is not None else None
    if done is None or trial.ended:
        return ""
    return f"{done.step}/{done.steps}" + ("" if done.loss is None else f" loss {done.loss:.4f}")


def _cost(trial: Trial) -> str:
    if trial.cost is not None:
        return dollars(trial.cost.high)
    return "" if trial.estimate is None else f"up to {dollars(trial.estimate.high)}"


def _drawn(sweep: Sweep) -> Table:
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*columns(sweep), box=None, pad_edge=False, header_style="bold")
    for trial in sweep.trials:
        drawn.add_row(*(Text(cell) for cell in row(sweep, trial)))
    return drawn
