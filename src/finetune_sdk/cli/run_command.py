"""`finetune run`: a recipe file to a finished job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finetune_sdk.cli import recipe as recipes
from finetune_sdk.cli import waiting
from finetune_sdk.cli.session import Session


def run(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .yaml or .toml file with the job's words.")
    ],
    model: Annotated[
        str | None, typer.Option(help="Instead of the recipe's: for another provider, say.")
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="Instead of the recipe's: the same key makes the job once.")
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Create the job and come back.")] = False,
) -> None:
    """Create the job of a recipe file and wait for its end."""
    session = Session.of(context)
    recipe = recipes.load(file, model=model)
    if idempotency_key is not None:
        recipe = recipe.model_copy(update={"idempotency_key": idempotency_key})
    with session.open() as client:
        with waiting.leaving_alone(
            session, "where the job was made already, it goes on", "jobs", "list"
        ):
            job = recipes.create(client, recipe)
        with waiting.going_on(session, job.handle):
            session.say(f"The job is {job.handle}")
            if detach:
                waiting.show(session, job)
                session.next("jobs", "wait", job.handle)
            else:
                # Only the create knows them: what was left out, and what ends soon.
                for warning in job.warnings:
                    session.say(f"warning: {warning}")
                waiting.wait(session, client, job)
