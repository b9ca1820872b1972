"""`finetune jobs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from finetune_sdk.cli import recipe as recipes
from finetune_sdk.cli import render, waiting
from finetune_sdk.cli.failures import ExitCode
from finetune_sdk.cli.pairs import option_pairs, text_pairs
from finetune_sdk.cli.session import Session, owner_of
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.resources.progress import status_words
from finetune_sdk.types import JobStatus

if TYPE_CHECKING:
    from finetune_sdk.types import Job

app = typer.Typer(no_args_is_help=True, help="Fine-tuning jobs.")

Handle = Annotated[str, typer.Argument(metavar="JOB", help="The job's handle or id.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")]


@app.command()
def create(
    context: typer.Context,
    model: Annotated[
        str,
        typer.Option(help="A name of [models], a base model, a checkpoint, or a finished job."),
    ],
    training_data: Annotated[str, typer.Option(metavar="FILE", help="Rows to learn from.")],
    validation_data: Annotated[
        str | None, typer.Option(metavar="FILE", help="Rows to measure on.")
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="How to learn, such as dpo; supervised by default."),
    ] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the data.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Rows per step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    learning_rate_multiplier: Annotated[
        float | None, typer.Option(help="Factor on the provider's own rate.")
    ] = None,
    lora: Annotated[
        bool | None, typer.Option("--lora/--full", help="Train adapters, or all weights.")
    ] = None,
    max_length: Annotated[int | None, typer.Option(help="Tokens per row at most.")] = None,
    train_on: Annotated[
        Literal["assistant", "all"] | None, typer.Option(help="Which tokens are learned.")
    ] = None,
    hyperparameter: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Another one of the method's.")
    ] = None,
    suffix: Annotated[str | None, typer.Option(help="A word for the result's name.")] = None,
    seed: Annotated[int | None, typer.Option(help="Makes the run repeatable.")] = None,
    metadata: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Kept with the job.")
    ] = None,
    max_cost: Annotated[float | None, typer.Option(help="US dollars, at most.")] = None,
    option: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="One of the provider's own.")
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="The same key makes the same job once.")
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(metavar="CODE", help="A finding to live with, such as secret_in_text."),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict/--no-strict", help="Refuse what the provider cannot do.")
    ] = True,
) -> None:
    """Create a job and come back at once."""
    session = Session.of(context)
    flags = {
        "type": method,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "learning_rate_multiplier": learning_rate_multiplier,
        "lora": lora,
        "max_length": max_length,
        "train_on": train_on,
    }
    with session.open() as client:
        table: dict[str, object] = {
            "model": model,
            "training_data": training_data,
            "validation_data": validation_data,
            "method": _method(_given(flags), hyperparameter),
            "suffix": suffix,
            "seed": seed,
            "metadata": text_pairs(metadata, "--metadata") or None,
            "max_cost": max_cost,
            "options": {client.provider.name: option_pairs(option, "--option")},
            "idempotency_key": idempotency_key,
            "allow": allow,
            "strict": strict,
        }
        job = recipes.create(client, recipes.of_table(_given(table), source="the options"))
    waiting.show(session, job)
    session.next("jobs", "wait", job.handle)


def _method(flags: Mapping[str, object], words: Sequence[str] | None) -> dict[str, object] | None:
    """The method in a recipe's words; None where nothing of it was said."""
    pairs = option_pairs(words, "--hyperparameter")
    for name in flags.keys() & pairs.keys():
        raise ConfigurationError(f"`--hyperparameter {name}` stands beside an option of that name")
    given = {**flags, **pairs}
    return {"type": "supervised", **given} if given else None


def _given(table: Mapping[str, object]) -> dict[str, object]:
    # What nobody has set is left to the profile and to the provider.
    return {name: value for name, value in table.items() if value is not None}


@app.command("list")
def list_(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
) -> None:
    """List jobs, newest first."""
    session = Session.of(context)
    with session.open() as client:
        found = list(client.jobs.list(limit=limit + 1))
        profile = client.profile
    jobs = found[:limit]
    if session.json:
        for job in jobs:
            render.document(job)
    elif not jobs:
        session.say(f"{profile} has no jobs yet.")
        session.next("run", "recipe.yaml")
    else:
        render.table(_COLUMNS, [_row(job) for job in jobs])
        if len(found) > limit:
            session.say(f"There are more: --limit {limit * 5}")
        session.next("jobs", "show", jobs[0].handle)


_COLUMNS = ("job", "status", "progress", "model", "suffix", "created")


def _row(job: Job) -> tuple[str | None, ...]:
    far = "" if job.status.terminal else waiting.progress(job)
    created = render.when(job.created_at)
    return job.handle, status_words(job), far, job.model, job.suffix, created


@app.command()
def wait(
    context: typer.Context,
    job: Handle,
    timeout: Annotated[float | None, typer.Option(min=0, help="Seconds, at most.")] = None,
) -> None:
    """Wait until a job has ended; Ctrl-C leaves it alone."""
    session = Session.of(context)
    with waiting.going_on(session, job), session.open(job) as client:
        waiting.wait(session, client, client.jobs.get(job), timeout=timeout)


@app.command()
def watch(
    context: typer.Context,
    jobs: Annotated[
        list[str] | None, typer.Argument(metavar="[JOB]...", help="All that run, by default.")
    ] = None,
    timeout: Annotated[float | None, typer.Option(min=0, help="Seconds, at most.")] = None,
) -> None:
    """Print each job whenever it changed, until none goes on."""
    session = Session.of(context)
    last: dict[str, Job] = {}
    with (
        session.open(_one_owner(jobs)) as client,
        waiting.leaving_alone(session, "the jobs go on", "jobs", "watch", *(jobs or ())),
    ):
        # Looked up first: an id that nobody knows is an error now, not a wait.
        named = [client.jobs.get(job) for job in jobs] if jobs else None
        for job in client.jobs.watch(named, timeout=timeout):
            last[job.id] = job
            if session.json:
                render.document(job)
            else:
                render.line(f"{job.handle}  {status_words(job)}  {waiting.progress(job)}".rstrip())
    _end_watch(session, list(last.values()), _one_owner(jobs))


def _end_watch(session: Session, jobs: Sequence[Job], owner: str | None) -> None:
    paused = [job for job in jobs if job.status is JobStatus.PAUSED]
    if paused:
        session.say(f"Paused, and going on only when told to: {', '.join(_handles(paused))}")
        session.next("jobs", "resume", paused[0].handle)
    else:
        session.next("jobs", "list", of=owner)
    if any(job.status.terminal and not job.fine_tuned_model for job in jobs):
        raise typer.Exit(ExitCode.JOB_FAILED)
    if paused:
        raise typer.Exit(ExitCode.ERROR)


def _handles(jobs: Sequence[Job]) -> list[str]:
    return [job.handle for job in jobs]


def _one_owner(jobs: Sequence[str] | None) -> str | None:
    owners = {owner_of(job) for job in jobs or ()} - {None}
    if len(owners) > 1:
        raise ConfigurationError(
            f"these jobs are of several profiles ({', '.join(sorted(map(str, owners)))}); "
            "watch those of one profile at a time"
        )
    return next((job for job in jobs or () if owner_of(job)), None)


@app.command()
def logs(
    context: typer.Context,
    job: Handle,
    follow: Follow = False,
) -> None:
    """Print what the training process wrote."""
    session = Session.of(context)
    with (
        session.open(job) as client,
        waiting.leaving_alone(session, "the job goes on", "jobs", "logs", job, "--follow"),
    ):
        printed = 0
        # A look at the job at each of its changes; the log is read anew, and what is new is told.
        found = client.jobs.get(job)
        for _ in client.jobs.watch([found]) if follow else (found,):
            for line in islice(client.jobs.logs(job), printed, None):
                printed += 1
                _log_line(session, line)
    session.next("jobs", "show", job)


def _log_line(session: Session, line: str) -> None:
    if session.json:
        render.plain_document({"line": line})
    else:
        render.plain_line(line)


@app.command()
def events(
    context: typer.Context,
    job: Handle,
    follow: Follow = False,
) -> None:
    """Print what a job said, oldest first."""
    session = Session.of(context)
    with (
        session.open(job) as client,
        waiting.leaving_alone(session, "the job goes on", "jobs", "events", job, "--follow"),
    ):
        for event in client.jobs.events(job, follow=follow):
            if session.json:
                render.document(event)
            else:
                render.plain_line(waiting.event_line(event))
    session.next("jobs", "show", job)


@app.command()
def cancel(context: typer.Context, job: Handle) -> None:
    """End a job."""
    session = Session.of(context)
    session.confirm(f"Cancel the job {job}?")
    with session.open(job) as client:
        ended = client.jobs.get(job).status.terminal
        found = client.jobs.cancel(job)
    waiting.show(session, found)
    if ended:
        session.say("It had ended before; nothing was cancelled.")
    session.next("jobs", "list", of=job)
