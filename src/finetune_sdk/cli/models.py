"""`finetune models`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from finetune_sdk.cli import render
from finetune_sdk.cli.session import Session

if TYPE_CHECKING:
    from finetune_sdk.types import Model

app = typer.Typer(help="What can be tuned, and what was.", invoke_without_command=True)

_COLUMNS = ("model", "kind", "base model", "size", "shuts down", "source")


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
        session.next("jobs", "create", "--model", found[0].id, "--training-data", "train.jsonl")
    else:
        session.say(f"{profile} lists no models.")


def _row(model: Model) -> tuple[str | None, ...]:
    size = f"{model.bytes / 1e6:.0f} MB" if model.bytes is not None else None
    end = render.when(model.shutdown_date)
    return model.id, model.kind, model.base_model, size, end, model.source
