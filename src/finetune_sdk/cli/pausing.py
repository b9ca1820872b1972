"""`finetune jobs pause|resume|recover`."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from finetune_sdk.cli import waiting
from finetune_sdk.cli.learned import Handle
from finetune_sdk.cli.session import Session
from finetune_sdk.home import state_folder
from finetune_sdk.submission import journal_of


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
    submission: Annotated[
        str,
        typer.Argument(
            metavar="SUBMISSION", help="The id that the error named, or the idempotency key."
        ),
    ],
    abandon: Annotated[
        bool, typer.Option("--abandon", help="Where no job is found, give the submission up.")
    ] = False,
) -> None:
    """Find the job of a create that was cut short."""
    session = Session.of(context)
    # The journal knows with which profile it was made.
    row = journal_of(state_folder(None, os.environ)).get(submission)
    with session.open(f"{row.owner}:{row.id}" if row else None) as client:
        found = client.jobs.recover(submission, abandon=abandon)
    if found is None:
        session.say(f"No job is found. The submission {submission} is given up: creating it again")
        session.say("makes a new job, even if the lost one shows up later.")
        session.next("jobs", "list")
        return
    waiting.show(session, found)
    session.next("jobs", "show" if found.status.terminal else "wait", found.handle)
