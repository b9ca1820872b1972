"""Watching a job to its end, and telling how to go on when somebody stops watching."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from finetune_sdk.cli import render
from finetune_sdk.cli.session import Session, say
from finetune_sdk.errors import JobFailedError, JobPausedError
from finetune_sdk.providers.base import CanDeploy
from finetune_sdk.resources.progress import status_words
from finetune_sdk.types import MethodName

if TYPE_CHECKING:
    from finetune_sdk.client import FineTuneClient
    from finetune_sdk.types import DatasetFile, Job, JobEvent


def wait(
    session: Session, client: FineTuneClient, job: Job, *, timeout: float | None = None
) -> None:
    """Waits for the job, shows it, and names the next command."""
    try:
        done = client.jobs.wait(
            job,
            timeout=timeout,
            progress=False if session.json else None,
            on_event=None if session.json else _tell,
        )
    except (JobFailedError, JobPausedError) as error:
        show(session, error.job)
        raise
    show(session, done)
    session.next(*after_success(client, done))


def after_success(client: FineTuneClient, job: Job) -> tuple[str, ...]:
    """The command that makes use of what a job has made."""
    if job.method is not None and job.method.name is MethodName.REWARD:
        # It scores answers and cannot chat.
        return "models", "download", job.handle, "FOLDER"
    if not isinstance(client.provider, CanDeploy):
        return "jobs", "show", job.handle
    return "deploy", job.handle, "--name", job.suffix or "NAME"


def going_on(session: Session, handle: str) -> AbstractContextManager[None]:
    """Tells that the job goes on without us, when somebody stops us."""
    return leaving_alone(session, f"the job {handle} goes on", "jobs", "wait", handle)


@contextmanager
def leaving_alone(
    session: Session, what: str, *next_command: str, stopped: str = "Stopped watching"
) -> Generator[None]:
    """Tells what goes on without us, and how to come back to it, when somebody stops us."""
    try:
        yield
    except KeyboardInterrupt:
        say(f"\n{stopped}: {what}.")
        session.next(*next_command)
        raise


def show(session: Session, job: Job) -> None:
    """A job, whole."""
    if session.json:
        render.document(job)
    else:
        render.facts(_facts(job))


def progress(job: Job) -> str:
    """How far the job is, in a few words; empty where nobody knows."""
    done = job.progress
    if done is None:
        return ""
    loss = f" loss {done.loss:.4f}" if done.loss is not None else ""
    left = f" {render.span(done.seconds_left)} left" if done.seconds_left is not None else ""
    return f"{done.step}/{done.steps}{loss}{left}"


def event_line(event: JobEvent) -> str:
    """An event as a line."""
    level = "" if event.level == "info" else f"{event.level}: "
    return f"{event.created_at.astimezone():%H:%M:%S}  {level}{event.message}"


def _tell(event: JobEvent) -> None:
    say(event_line(event))


def _facts(job: Job) -> list[tuple[str, str | None]]:
    took = (job.finished_at - job.started_at) if job.finished_at and job.started_at else None
    loss = job.progress.loss if job.progress else None
    ended = job.status.terminal
    raw = f" ({job.raw_status})" if job.raw_status not in (None, job.status.value) else ""
    return [
        ("job", job.handle),
        ("status", f"{status_words(job)}{raw}"),
        ("progress", None if ended else progress(job)),
        ("loss", f"{loss:.4f}" if ended and loss is not None else None),
        ("error", job.error.message if job.error else None),
        ("model", job.model),
        ("method", _method(job)),
        ("training data", _file(job.training_file)),
        ("validation data", _file(job.validation_file)),
        ("suffix", job.suffix),
        ("seed", None if job.seed is None else str(job.seed)),
        ("metadata", ", ".join(f"{name}={value}" for name, value in job.metadata.items())),
        ("fine-tuned model", job.fine_tuned_model),
        ("created", render.when(job.created_at)),
        ("took", render.span(took.total_seconds()) if took else None),
        ("trained tokens", str(job.trained_tokens) if job.trained_tokens is not None else None),
        *job.settings.items(),
        *(("warning", warning) for warning in job.warnings),
    ]


def _method(job: Job) -> str | None:
    if job.method is None:
        return None
    given = job.method.model_dump(exclude_none=True, exclude={"type"})
    words = (f"{name}={_short(value)}" for name, value in given.items())
    return f"{job.method.type} {', '.join(words)}".rstrip()


def _short(value: object) -> object:
    return f"{value:g}" if isinstance(value, float) else value


def _file(file: DatasetFile | None) -> str | None:
    if file is None:
        return None
    rows = "" if file.rows is None else f", {file.rows} rows"
    return f"{file.name or file.id}{rows}"
