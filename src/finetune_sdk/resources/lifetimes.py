"""How long deployments live: their end, what to say of it, and deleting those that outlived it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from finetune_sdk.errors import ConfigurationError, FineTuneError, ReapError
from finetune_sdk.resources.plain import is_a
from finetune_sdk.types import Deployment, DeploymentStatus

_GOING = (DeploymentStatus.DELETING, DeploymentStatus.DELETED)
# Some keep whole seconds.
_ROUNDED = timedelta(seconds=1)
_NOT_KEPT = (
    "`ttl` is not kept: the provider {!r} does not keep it, or the deployment was there before, "
    "without one; `finetune deployments reap` will not find it"
)


def end(ttl: timedelta | float | None, now: datetime) -> datetime | None:
    """The moment when a deployment that is made now has lived so long.

    Raises:
        ConfigurationError: `ttl` is no length of time.
    """
    if ttl is None:
        return None
    length = _length(ttl)
    try:
        if length is not None and length > timedelta(0):
            return now + length
    except OverflowError:
        pass
    raise ConfigurationError(
        f"`ttl` is {ttl!r:.80}; it takes a timedelta or a number of seconds, above 0 and not "
        "without end; leave it out for a deployment that lives until it is deleted"
    )


def _length(ttl: timedelta | float) -> timedelta | None:
    if is_a(ttl, bool):
        return None
    try:
        return ttl if isinstance(ttl, timedelta) else timedelta(seconds=ttl)
    except (TypeError, ValueError, OverflowError):
        return None


def noted(made: Deployment, *, wanted: datetime | None) -> Deployment:
    """The deployment; with a warning where it does not end when it should.

    Args:
        made: as the provider gave it.
        wanted: its `expires_at`, as the caller asked for it.
    """
    note = _difference(made, wanted)
    return made.model_copy(update={"warnings": (*made.warnings, note)}) if note else made


def _difference(made: Deployment, wanted: datetime | None) -> str | None:
    there = made.expires_at
    if there is None:
        return None if wanted is None else _NOT_KEPT.format(made.provider)
    if wanted is not None and abs(there - wanted) <= _ROUNDED:
        return None
    asked = f"not at {_told(wanted)}, as `ttl` has it" if wanted else "though no `ttl` was given"
    return (
        f"it was there before and expires at {_told(there)}, {asked}; for another end, delete it "
        "and create it again"
    )


def _told(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def is_over(deployment: Deployment, now: datetime) -> bool:
    """It outlived its `ttl`, and nobody is at deleting it."""
    end = deployment.expires_at
    return end is not None and end <= now and deployment.status not in _GOING


def overdue(found: Iterable[Deployment], now: datetime) -> list[Deployment]:
    """Those that outlived their `ttl`."""
    return [deployment for deployment in found if is_over(deployment, now)]


def reap(
    end: Callable[[Deployment], Deployment | None], found: Iterable[Deployment]
) -> list[Deployment]:
    """Ends those of them that are still over; gives what was ended.

    Args:
        end: ends one, and gives it as it last stood; None where it was not over any more.
        found: those that were over when they were listed.

    Raises:
        ReapError: some are left, after all were tried.
    """
    reaped: list[Deployment] = []
    faults: dict[str, FineTuneError] = {}
    for deployment in found:
        try:
            ended = end(deployment)
        except FineTuneError as error:
            faults[deployment.handle] = error
        else:
            reaped += [ended] if ended else []
    if faults:
        raise _left(reaped, faults) from next(iter(faults.values()))
    return reaped


def _left(reaped: Sequence[Deployment], faults: dict[str, FineTuneError]) -> ReapError:
    left = {handle: str(error) for handle, error in faults.items()}
    lines = [
        f"{len(left)} deployment(s) outlived their `ttl`, could not be deleted and may go on "
        "costing; reap again, or delete them where they are:",
        *(f"  {handle}: {reason}" for handle, reason in left.items()),
        f"Deleted: {', '.join(one.handle for one in reaped) or 'none'}",
    ]
    return ReapError("\n".join(lines), reaped=reaped, left=left)
