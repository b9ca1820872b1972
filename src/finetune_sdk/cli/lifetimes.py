"""When deployments expire and what they cost till then; `finetune deployments reap`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from finetune_sdk.cli import durations, render
from finetune_sdk.cli.session import Session
from finetune_sdk.errors import ReapError
from finetune_sdk.resources import lifetimes

if TYPE_CHECKING:
    from finetune_sdk.client import FineTuneClient
    from finetune_sdk.types import Deployment

REAP = ("deployments", "reap")
"""The command that deletes what outlived its ttl."""


def expiry(made: Deployment, now: datetime) -> str:
    """`in 3 h`, `over since 2 h`; `-` where it has no end."""
    if made.expires_at is None:
        return "-"
    left = (made.expires_at - now).total_seconds()
    return f"in {durations.rough(left)}" if left > 0 else f"over since {durations.rough(-left)}"


def hourly(cost: float) -> str:
    """What an hour costs."""
    return f"{cost:.2f} US dollars an hour"


def sum_up(session: Session, found: Sequence[Deployment]) -> None:
    """Says what they cost together, and what they warn of, each thing once."""
    session.say(_bill(found))
    for warning in dict.fromkeys(warning for made in found for warning in made.warnings):
        session.say(f"warning: {warning}")


def _bill(found: Sequence[Deployment]) -> str:
    cost = sum(made.cost_per_hour or 0.0 for made in found)
    billed = f"All of it costs {hourly(cost)}" if cost else "Nothing is billed by the hour"
    unknown = [made.handle for made in found if made.cost_per_hour is None]
    return f"{billed}, but nobody can say of {', '.join(unknown)}." if unknown else f"{billed}."


def reap(context: typer.Context) -> None:
    """Delete the deployments that outlived their ttl; the others are not touched."""
    session = Session.of(context)
    with session.open() as client:
        now = client.provider.clock.now()
        found = lifetimes.overdue(client.deployments.list(), now)
        if found:
            _ask(session, found, now)
            _reap(session, client, found)
        else:
            session.say(f"{client.profile} has nothing to reap.")
    session.next("deployments", "list")


_COLUMNS = ("deployment", "status", "model", "expires")
_CHANGED = "it was deleted or made anew in the meantime"


def _ask(session: Session, found: Sequence[Deployment], now: datetime) -> None:
    if not session.json:
        rows = [(made.handle, made.status.value, made.model, expiry(made, now)) for made in found]
        render.table(_COLUMNS, rows)
        session.say(_bill(found))
    session.confirm(f"Delete {', '.join(made.handle for made in found)}?")


def _reap(session: Session, client: FineTuneClient, found: Sequence[Deployment]) -> None:
    # Those that were shown, and no other.
    try:
        reaped = client.deployments.reap(among=found)
    except ReapError as error:
        _tell(session, found, error.reaped, error.left)
        raise
    _tell(session, found, reaped, {})


def _tell(
    session: Session,
    found: Sequence[Deployment],
    reaped: Sequence[Deployment],
    left: Mapping[str, str],
) -> None:
    gone = {made.handle for made in reaped}
    for made in found:
        if made.handle in gone:
            _document(session, made, deleted=True)
            session.say(f"Deleted {made.handle}.")
        elif made.handle in left:  # The error says why.
            _document(session, made, deleted=False, reason=left[made.handle])
        else:
            _document(session, made, deleted=False, reason=_CHANGED)
            session.say(f"Did not delete {made.handle}: {_CHANGED}.")


def _document(session: Session, made: Deployment, **more: object) -> None:
    if session.json:
        render.plain_document({**made.model_dump(mode="json", exclude_none=True), **more})
