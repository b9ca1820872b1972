"""`finetune jobs pause|resume|recover`."""

from __future__ import annotations

from typing import Annotated

import typer

from finetune_sdk.cli import waiting
from finetune_sdk.cli.learned import Handle
from finetune_sdk.cli.session import Session


def pause(context: typer.Context, job: Handle) -> None:
    """Let a job save what it has learned, and stop it."""
    session = Session.of(context)
    with session.open(job) as client:
        found = client.jobs.pause(job)
    waiting.show(session, found)
    session.next("jobs", "resume", found.handle)


def resume(context: typer.Context, job: Handle) -> None:
    """Go on with a job that is paused."""
    session = Session.of(context)
    with session.open(job) as client:
        found = client.jobs.resume(job)
    waiting.show(session, found)
    session.next("jobs", "wait", found.handle)


def recover(
    context: typer.Context,
    key: Annotated[
        str, typer.Argument(metavar="KEY", help="The idempotency key that the job was made with.")
    ],
) -> None:
    """Find the job of a create that was cut short."""
    session = Session.of(context)
    with session.open() as client:
        found = client.jobs.recover(key)
    waiting.show(session, found)
    session.next("jobs", "show" if found.status.terminal else "wait", found.handle)
