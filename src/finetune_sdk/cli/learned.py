"""`finetune jobs show|metrics|checkpoints`: how far a job is, and what it has learned."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finetune_sdk.cli import braille, pictures, render, waiting
from finetune_sdk.cli.output import write
from finetune_sdk.cli.panels import Panel, panels
from finetune_sdk.cli.session import Session
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.providers.base import CanListCheckpoints, CanListMetrics, CanPause
from finetune_sdk.types import JobStatus, MethodName

if TYPE_CHECKING:
    from finetune_sdk.client import FineTuneClient
    from finetune_sdk.types import Checkpoint, Job, Metric

Handle = Annotated[str, typer.Argument(metavar="JOB", help="The job's handle or id.")]

_TOLD = 5


def show(
    context: typer.Context,
    job: Handle,
    plot: Annotated[
        bool | None,
        typer.Option("--plot/--no-plot", help="Draw what was measured; on a terminal by default."),
    ] = None,
    png: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw it into a PNG, too.")
    ] = None,
) -> None:
    """Show a job: how far it is, what was chosen, what was measured, what it said last."""
    session = Session.of(context)
    with session.open(job) as client:
        found = client.jobs.get(job)
        measured = _measured(client, found, needed=bool(plot or png))
        if png is not None:
            _picture(session, found, measured, png)
        waiting.show(session, found)
        if session.json:
            return
        if measured and (sys.stdout.isatty() if plot is None else plot):
            _plot(measured)
        for event in list(client.jobs.events(found))[-_TOLD:]:
            render.line(waiting.event_line(event))
        _next(session, client, found)


def _measured(client: FineTuneClient, job: Job, *, needed: bool) -> list[Panel]:
    if not needed and not isinstance(client.provider, CanListMetrics):
        return []
    return panels(client.jobs.metrics(job))


def _plot(measured: Sequence[Panel]) -> None:
    columns = shutil.get_terminal_size().columns
    text = braille.drawn(measured, columns=columns, encoding=sys.stdout.encoding or "ascii")
    render.line(f"\n{text}\n")


def _picture(session: Session, job: Job, measured: Sequence[Panel], path: Path) -> None:
    if path.suffix.lower() != ".png" or not path.absolute().parent.is_dir():
        raise ConfigurationError(
            f"`--png` is {str(path)!r}; name a .png file in a folder that is there"
        )
    if not measured:
        raise ConfigurationError(f"`--png`: {job.handle} has measured nothing yet to draw")
    write(path, [pictures.png(job, measured)], replace=session.yes)
    session.say(f"Drew {path}")


def _next(session: Session, client: FineTuneClient, job: Job) -> None:
    if job.fine_tuned_model:
        _name_better(session, client, job)
        session.next(*waiting.after_success(client, job))
    elif job.status is JobStatus.PAUSED and isinstance(client.provider, CanPause):
        session.next("jobs", "resume", job.handle)
    elif job.status.terminal and _left_something(session, client, job):
        session.next("jobs", "checkpoints", job.handle)
    else:
        session.next("jobs", "logs" if job.status.terminal else "wait", job.handle)


def _name_better(session: Session, client: FineTuneClient, job: Job) -> None:
    if not isinstance(client.provider, CanListCheckpoints):
        return
    saved = list(client.jobs.checkpoints(job))
    best = next((one for one in saved if one.best), None)
    if best is not None and best.step < saved[0].step:
        session.say(
            f"The best on the validation rows was step {best.step}: see finetune jobs checkpoints."
        )


def _left_something(session: Session, client: FineTuneClient, job: Job) -> bool:
    """Whether a job that made no model has checkpoints, which can be used like one."""
    if not isinstance(client.provider, CanListCheckpoints):
        return False
    newest = next(client.jobs.checkpoints(job), None)
    if newest is None:
        return False
    session.say(
        f"What it had learned by step {newest.step} is kept: a checkpoint can be deployed, and "
        "trained on."
    )
    return True


def metrics(
    context: typer.Context,
    job: Handle,
    name: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only these, such as loss.")
    ] = None,
) -> None:
    """Print what a job has measured, step by step."""
    session = Session.of(context)
    with session.open(job) as client:
        found = client.jobs.get(job)
        measured = list(client.jobs.metrics(found))
    told = [one for one in measured if not name or {one.name, f"{one.split}_{one.name}"} & {*name}]
    if session.json:
        for metric in told:
            render.document(metric)
    elif told:
        _table(told)
    else:
        known = ", ".join(dict.fromkeys(one.name for one in measured))
        session.say(f"{found.handle} has measured {f'only {known}' if known else 'nothing yet'}.")
    session.next("jobs", "show", found.handle, "--plot")


def _table(metrics: Sequence[Metric]) -> None:
    """A row a step and split, a column a number."""
    units = {metric.name: metric.unit for metric in metrics}
    rows: dict[tuple[int, str], dict[str, float]] = {}
    for metric in metrics:
        rows.setdefault((metric.step, metric.split), {})[metric.name] = metric.value
    columns = [
        f"{name} ({unit})" if unit and unit != name else name for name, unit in units.items()
    ]
    render.table(
        ("step", "rows", *columns),
        [
            (str(step), split, *(_number(values.get(name)) for name in units))
            for (step, split), values in rows.items()
        ],
    )


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.6g}"


def checkpoints(context: typer.Context, job: Handle) -> None:
    """List the models that a job has saved on the way, newest first."""
    session = Session.of(context)
    with session.open(job) as client:
        found = client.jobs.get(job)
        saved = list(client.jobs.checkpoints(found))
    if session.json:
        for checkpoint in saved:
            render.document(checkpoint)
    elif saved:
        render.table(_COLUMNS, [_row(checkpoint) for checkpoint in saved])
        best = next((one for one in saved if one.best), saved[0])
        if found.method is None or found.method.name is not MethodName.REWARD:
            session.next("deploy", best.model, "--name", "NAME", of=found.handle)
    else:
        session.say(f"{found.handle} has saved no checkpoint{_so_far(found)}.")
        session.next("jobs", "show", found.handle)


_COLUMNS = ("step", "epoch", "measured", "best", "size", "created", "model")


def _row(checkpoint: Checkpoint) -> tuple[str | None, ...]:
    epoch = checkpoint.epoch
    return (
        str(checkpoint.step),
        None if epoch is None else f"{epoch:.4g}",
        ", ".join(_measures(checkpoint.metrics.items())),
        "best" if checkpoint.best else None,
        render.size(checkpoint.bytes),
        render.when(checkpoint.created_at),
        checkpoint.model,
    )


def _measures(metrics: Iterable[tuple[str, float]]) -> list[str]:
    return [f"{name} {value:.4g}" for name, value in metrics if name.endswith(("loss", "reward"))]


def _so_far(job: Job) -> str:
    return "" if job.status.terminal else " yet"
