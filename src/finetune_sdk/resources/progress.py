"""The bar that `wait` draws, on a terminal or in a notebook."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from finetune_sdk.types import Job, JobProgress, JobStatus

if TYPE_CHECKING:
    from rich.progress import Progress


@contextmanager
def drawn(progress: bool | None) -> Generator[Callable[[Job], None]]:
    """A function that shows a job: on a bar where one is wanted, nowhere else.

    Args:
        progress: None draws on a terminal or in a notebook, and only there.
    """
    if not (watched() if progress is None else progress):
        yield _unseen
        return
    with _bar() as bar:
        task = bar.add_task("waiting", total=None, loss="", left="")

        last: JobProgress | None = None

        def show(job: Job) -> None:
            nonlocal last
            # A job that has ended tells no progress any more; the bar stays where it was.
            done = last = job.progress or last
            if job.status is JobStatus.SUCCEEDED and done is not None:
                done = done.model_copy(update={"step": done.steps, "seconds_left": None})
            bar.update(
                task,
                description=_description(job, done),
                total=done.steps if done else None,
                completed=done.step if done else None,
                loss=f"loss {done.loss:.4f}" if done and done.loss is not None else "",
                left=_left(done.seconds_left if done else None),
            )

        yield show


def _unseen(_: Job) -> None:
    """Nobody watches."""


def watched() -> bool:
    return sys.stderr.isatty() or "ipykernel" in sys.modules


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[loss]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
        console=Console(stderr=True),
    )


def _description(job: Job, done: JobProgress | None) -> str:
    words = status_words(job)
    return words if done is None else f"{words} {done.step}/{done.steps}"


def status_words(job: Job) -> str:
    """Where the job stands: `running`, `queued (2.)`."""
    place = "" if job.queue_position is None else f" ({job.queue_position}.)"
    return f"{job.status.value}{place}"


def _left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} left" if hours else f"{minutes}:{rest:02} left"
