"""`finetune export`: jobs out of a provider, into folders that anybody can train from."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from finetune_sdk.cli import render, waiting
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
from finetune_sdk.transport import redact

if TYPE_CHECKING:
    from finetune_sdk.client import FineTuneClient
    from finetune_sdk.types import ExportedJob, Job


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
    first = next(iter(done.exported), None)
    if first is not None:
        recipe = f"{first.folder}/recipe.yaml"
        session.next("run", recipe, "--model", "MODEL", "--profile", "local")


@dataclass
class _Done:
    """What came of it: the jobs that are out, and those that are not, with the reason."""

    exported: list[ExportedJob] = field(default_factory=list["ExportedJob"])
    failed: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


def _one(session: Session, job: str, folder: str) -> _Done:
    path = find_file(session.config, environ=os.environ)
    profiles = load_file(path).profiles if path else ()
    if job in profiles or job in registry.names():
        raise ConfigurationError(
            f"{job!r} is a profile and no job; `finetune export --all {job} {folder}` takes out "
            "all of its jobs"
        )
    with session.open(job) as client:
        return _Done([_out(session, client, client.jobs.get(job), folder)])


def _all(session: Session, profile: str, folder: str) -> _Done:
    if session.profile is not None and session.profile != profile:
        raise ConfigurationError(
            f"--all names the profile {profile!r}, and --profile names {session.profile!r}"
        )
    chosen = Session(profile=profile, config=session.config, yes=session.yes, json=session.json)
    done = _Done()
    with chosen.open() as client:
        for job in client.jobs.list():
            try:
                done.exported.append(_out(session, client, job, folder))
            except (ConnectionFailedError, AuthenticationError):
                _tell(session, done)
                raise  # It would be the same for the next job.
            except FineTuneError as error:
                done.failed.append((job.handle, redact(str(error))))
    return done


def _out(session: Session, client: FineTuneClient, job: Job, folder: str) -> ExportedJob:
    made = client.jobs.export(job, folder)
    if session.json:
        render.document(made)
    else:
        rows = {file.role: file.rows for file in made.lineage.files}
        render.line(
            f"{job.handle}  {made.outcome}  {made.lineage.status.value}  "
            f"{rows.get('training', 'no')} rows  {made.folder}"
        )
    return made


def _tell(session: Session, done: _Done) -> None:
    kept = sum(one.outcome == "kept" for one in done.exported)
    session.say(f"{len(done.exported)} job(s) are out, {kept} of them from before.")
    missing = [*_gaps(done.exported), *((job, "the job", why) for job, why in done.failed)]
    if session.json:
        return
    if missing:
        session.say("What could not be had:")
        render.table(("job", "what", "why"), missing)
    else:
        session.say("Nothing is missing.")


def _gaps(exported: Sequence[ExportedJob]) -> Iterator[tuple[str, str, str]]:
    for one in exported:
        for gap in one.lineage.gaps:
            yield one.lineage.handle, gap.what, gap.why
