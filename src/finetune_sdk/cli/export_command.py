"""`finetune export`: jobs out of a provider, into folders that anybody can train from."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from finetune_sdk.cli import inventories, output, render, waiting
from finetune_sdk.cli.failures import ExitCode
from finetune_sdk.cli.session import Session
from finetune_sdk.config import find_file, load_file
from finetune_sdk.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    FineTuneError,
)
from finetune_sdk.providers import registry
from finetune_sdk.providers.base import CanDownloadModels
from finetune_sdk.resources.exporting.inventory import Stock, check_place

if TYPE_CHECKING:
    from finetune_sdk.client import FineTuneClient
    from finetune_sdk.types import ExportedJob, Gap, Job


_HERE = "local"


def export(
    context: typer.Context,
    what: Annotated[
        str, typer.Argument(metavar="JOB|PROFILE", help="A job; with --all, a profile.")
    ],
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="Gets a folder for each job.")],
    all_: Annotated[
        bool, typer.Option("--all", help="Every job of the account, made with finetune or not.")
    ] = False,
) -> None:
    """Take jobs out of a provider: recipe, rows, numbers, lineage. Goes on where it stopped."""
    session = Session.of(context)
    again = ("export", *(("--all",) if all_ else ()), what, folder)
    with waiting.leaving_alone(session, "what was exported stays", *again):
        done = _all(session, what, folder) if all_ else _one(session, what, folder)
    _tell(session, done)
    if done.failed:
        session.next(*again)
        raise typer.Exit(ExitCode.ERROR)
    if done.first is not None:
        place, provider = done.first
        target = "PROFILE" if provider == _HERE else _HERE
        session.next("migrate", place, "--to", target, "--model", "MODEL")


@dataclass
class _Done:
    """What came of it. Little of each job is kept, as there may be very many.

    Attributes:
        owner: the profile, where it is about all of its jobs.
        out: jobs that are out.
        kept: how many of them were before.
        first: the folder of one of them, and its provider.
        missing: what of which job could not be had, and why.
        gaps: what of the account could not be had.
        failed: a job could not be had at all.
    """

    owner: str = ""
    out: int = 0
    kept: int = 0
    first: tuple[str, str] | None = None
    missing: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    gaps: list[Gap] = field(default_factory=list["Gap"])
    failed: bool = False

    def add(self, made: ExportedJob) -> None:
        """Counts a job that is out."""
        self.out += 1
        self.kept += made.outcome == "kept"
        self.first = self.first or (made.folder, made.lineage.provider)
        handle = made.lineage.handle
        self.missing.extend((handle, gap.what, gap.why) for gap in made.lineage.gaps)


def _one(session: Session, job: str, folder: str) -> _Done:
    path = find_file(session.config, environ=os.environ)
    profiles = load_file(path).profiles if path else ()
    if job in profiles or job in registry.names():
        raise ConfigurationError(
            f"{job!r} is a profile and no job; `finetune export --all {job} {folder}` takes out "
            "all of its jobs"
        )
    done = _Done()
    with session.open(job) as client:
        done.add(_out(session, client, client.jobs.get(job), folder))
    return done


def _all(session: Session, profile: str, folder: str) -> _Done:
    if session.profile is not None and session.profile != profile:
        raise ConfigurationError(
            f"--all names the profile {profile!r}, and --profile names {session.profile!r}"
        )
    chosen = Session(profile=profile, config=session.config, yes=session.yes, json=session.json)
    done = _Done(owner=profile)
    stock = Stock(done.gaps)
    with chosen.open() as client:
        place = check_place(folder, profile)
        for job in client.jobs.list():
            try:
                done.add(_out(session, client, job, folder))
                stock.count(job)
            except (ConnectionFailedError, AuthenticationError):
                _tell(session, done)
                raise  # It would be the same for the next job.
            except FineTuneError as error:
                done.failed = True
                stock.miss(job, error)
        found = stock.tell(client)
        downloads = isinstance(client.provider, CanDownloadModels)
    output.write(place, [found.to_json().encode(), b"\n"], replace=True)
    inventories.show(chosen, found, place, downloads=downloads)
    return done


def _out(session: Session, client: FineTuneClient, job: Job, folder: str) -> ExportedJob:
    made = client.jobs.export(job, folder)
    if session.json:
        render.document(made)
    else:
        rows = {file.role: file.rows for file in made.lineage.files}
        render.plain_line(
            f"{job.handle}  {made.outcome}  {made.lineage.status.value}  "
            f"{rows.get('training', 'no')} rows  {made.folder}"
        )
    return made


def _tell(session: Session, done: _Done) -> None:
    session.say(f"{done.out} job(s) are out, {done.kept} of them from before.")
    if session.json:
        return
    missing = [*done.missing, *((done.owner, gap.what, gap.why) for gap in done.gaps)]
    if missing:
        session.say("What could not be had:")
        render.table(("of", "what", "why"), missing)
    else:
        session.say("Nothing is missing.")
