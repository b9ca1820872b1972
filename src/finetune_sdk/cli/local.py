"""`finetune local`: what lies on this machine."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from finetune_sdk.cli import render
from finetune_sdk.cli.failures import ExitCode
from finetune_sdk.cli.session import Session
from finetune_sdk.errors import ConfigurationError, ConflictError, FineTuneError, UnsupportedError
from finetune_sdk.providers import registry
from finetune_sdk.providers.base import CanClean

if TYPE_CHECKING:
    from finetune_sdk.client import FineTuneClient
    from finetune_sdk.types import Leftover

app = typer.Typer(no_args_is_help=True, help="What lies on this machine.")


@app.callback()
def local() -> None:
    """What lies on this machine."""


@app.command()
def clean(
    context: typer.Context,
    kind: Annotated[
        list[str] | None, typer.Option(metavar="KIND", help="Only these kinds of the list.")
    ] = None,
) -> None:
    """List what takes room and nobody needs, ask, and delete it. No model is ever among it."""
    session = Session.of(context)
    session = replace(session, profile=session.profile or "local")
    with session.open() as client:
        cleaner = _cleaner(client)
        found = _chosen(cleaner.list_leftovers(), kind)
        if not found:
            session.say(f"{client.profile} has nothing to clean.")
        elif _agreed(session, found):
            _delete(session, cleaner, found)
    session.next("doctor")


def _cleaner(client: FineTuneClient) -> CanClean:
    if isinstance(client.provider, CanClean):
        return client.provider
    able = registry.able(lambda kind: issubclass(kind, CanClean))
    raise UnsupportedError(
        f"the provider {client.provider.name!r} keeps nothing on this machine that could be "
        f"cleaned; these do: {', '.join(able) or 'none that is installed'}",
        able=able,
    )


def _chosen(found: Sequence[Leftover], kinds: Sequence[str] | None) -> Sequence[Leftover]:
    there = sorted({leftover.kind for leftover in found})
    for kind in kinds or ():
        if kind not in there:
            shown = ", ".join(map(repr, there)) or "nothing"
            raise ConfigurationError(f"`--kind` is {kind!r}; there is: {shown}")
    return [leftover for leftover in found if not kinds or leftover.kind in kinds]


def _agreed(session: Session, found: Sequence[Leftover]) -> bool:
    """Shows the list and asks. Where nobody can be asked, nothing is deleted without --yes."""
    if not session.json:
        render.table(_COLUMNS, [_row(leftover) for leftover in found])
        session.say(f"All of it takes {render.size(sum(leftover.bytes for leftover in found))}.")
    if session.yes:
        return True
    if session.json:
        for leftover in found:
            _document(leftover, deleted=False)
    elif sys.stdin.isatty():
        session.confirm("Delete all of it?")
        return True
    session.say("Nothing was deleted; --yes deletes it, with --kind KIND only some of it.")
    return False


_COLUMNS = ("kind", "size", "made anew", "what", "where")


def _row(leftover: Leftover) -> tuple[str | None, ...]:
    anew = "when needed" if leftover.regenerated else "no"
    return leftover.kind, render.size(leftover.bytes), anew, leftover.words, leftover.path


def _delete(session: Session, cleaner: CanClean, found: Sequence[Leftover]) -> None:
    freed, broken = 0, False
    for leftover in found:
        try:
            cleaner.delete_leftover(leftover)
        except FineTuneError as error:
            # Come into use since it was listed: that is no fault, it stays.
            broken = broken or not isinstance(error, ConflictError)
            session.say(f"Kept {leftover.path}: {error}")
            gone = False
        else:
            freed += leftover.bytes
            gone = True
        if session.json:
            _document(leftover, deleted=gone)
    session.say(f"Freed {render.size(freed)}.")
    if broken:
        raise typer.Exit(ExitCode.ERROR)


def _document(leftover: Leftover, *, deleted: bool) -> None:
    render.plain_document({**leftover.model_dump(), "deleted": deleted})
