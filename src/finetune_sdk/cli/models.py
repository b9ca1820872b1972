"""`finetune models`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finetune_sdk.cli import render
from finetune_sdk.cli.session import Session
from finetune_sdk.resources import sizes

if TYPE_CHECKING:
    from finetune_sdk.types import Model

app = typer.Typer(help="What can be tuned, and what was.", invoke_without_command=True)

Name = Annotated[str, typer.Argument(metavar="MODEL", help="The model's id.")]

_COLUMNS = (
    "model", "kind", "base model", "parameters", "size", "licence", "shuts down", "source"
)  # fmt: skip


@app.callback()
def models(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_(context)


@app.command("list")
def list_(context: typer.Context) -> None:
    """List what can be tuned, and what was."""
    session = Session.of(context)
    with session.open() as client:
        found = list(client.models.list())
        profile = client.profile
    if session.json:
        for model in found:
            render.document(model)
    elif found:
        render.table(_COLUMNS, [_row(model) for model in found])
        for words in _ends(profile, found):
            session.say(words)
        base = next((model.id for model in found if model.kind == "base"), "MODEL")
        session.next("jobs", "create", "--model", base, "--training-data", "FILE")
    else:
        session.say(f"{profile} lists no models.")


def _ends(profile: str, found: Sequence[Model]) -> Iterator[str]:
    """Until when new jobs are taken: the whole place, or models of it."""
    base = [model for model in found if model.kind == "base"] or found
    for day in sorted({model.new_jobs_end for model in base if model.new_jobs_end}):
        of_day = [model.id for model in base if model.new_jobs_end == day]
        whom = profile if len(of_day) == len(base) else f"{profile}, of {', '.join(of_day)},"
        yield f"{whom} takes no new jobs from {day} on."


def _row(model: Model) -> tuple[str | None, ...]:
    size, end = render.size(model.bytes), _day(model.shutdown_date)
    large = sizes.parameters(model.parameters)
    return model.id, model.kind, model.base_model, large, size, model.licence, end, model.source


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


@app.command()
def get(context: typer.Context, model: Name) -> None:
    """Show a model."""
    session = Session.of(context)
    with session.open() as client:
        found = client.models.get(model)
        profile = client.profile
    if session.json:
        render.document(found)
    else:
        job = f"{profile}:{found.job_id}" if found.job_id else None
        values = zip(_COLUMNS, _row(found), strict=True)
        render.facts([*values, ("job", job), ("created", render.when(found.created_at))])
    session.next("deploy", found.id, "--name", "NAME")


@app.command()
def delete(context: typer.Context, model: Name) -> None:
    """Delete a fine-tuned model; its job stays."""
    session = Session.of(context)
    session.confirm(f"Delete the model {model} for good?")
    with session.open() as client:
        client.models.delete(model)
    if session.json:
        render.plain_document({"deleted": model})
    session.say(f"Deleted {model}.")
    session.next("models", "list")


@app.command()
def download(
    context: typer.Context,
    model: Annotated[
        str, typer.Argument(metavar="JOB|MODEL", help="A finished job's handle, or a model.")
    ],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new one, or an empty one.")],
) -> None:
    """Copy a fine-tuned model's files to a folder of yours."""
    session = Session.of(context)
    with session.open(model) as client:
        place = client.models.download(model, folder)
    if session.json:
        render.plain_document({"model": model, "folder": str(place)})
    else:
        render.line(str(place))
    session.next("models", "list", of=model)
