"""Where a Space stands, and what that means for its job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from types import MappingProxyType
from typing import Any, NamedTuple, Self

from finetune_sdk.providers.autotrain.record import Record
from finetune_sdk.providers.autotrain.runners import contents
from finetune_sdk.providers.autotrain.runners.notes import Note
from finetune_sdk.types import JobStatus

FREE = "cpu-basic"
STILL = frozenset({"PAUSED", "STOPPED", "SLEEPING"})
"""Nothing runs, and nothing costs."""
NEVER_RAN = frozenset({"BUILD_ERROR", "CONFIG_ERROR", "NO_APP_FILE"})
LONGEST_BUILD = 3600.0
"""Seconds that a container may take to be built."""
_UNKNOWN = datetime.min.replace(tzinfo=UTC)


class Standing(Enum):
    """What a stage comes to."""

    BUILDING = auto()
    RUNNING = auto()
    ENDED = auto()
    UNKNOWN = auto()


STATUSES: Mapping[Standing, JobStatus] = MappingProxyType(
    {
        Standing.BUILDING: JobStatus.QUEUED,
        Standing.RUNNING: JobStatus.RUNNING,
        Standing.UNKNOWN: JobStatus.UNKNOWN,
    }
)

_STANDINGS: Mapping[str, Standing] = MappingProxyType(
    {
        "BUILDING": Standing.BUILDING,
        "RUNNING_BUILDING": Standing.BUILDING,
        "APP_STARTING": Standing.BUILDING,
        "RUNNING_APP_STARTING": Standing.BUILDING,
        "RUNNING": Standing.RUNNING,
        "RUNTIME_ERROR": Standing.ENDED,
        "DELETING": Standing.ENDED,
        **dict.fromkeys((*STILL, *NEVER_RAN), Standing.ENDED),
    }
)


class Told(NamedTuple):
    """What was written down of a job.

    Attributes:
        values: by the names of variables.
        at: when the newest of them was written; None where nobody says.
    """

    values: Mapping[str, str]
    at: datetime | None = None

    @classmethod
    def of(cls, variables: Mapping[str, Any]) -> Self:
        """That of a Space.

        Args:
            variables: of the Space, in the words of the Hub's own package.
        """
        values = contents.told_of({name: str(one.value) for name, one in variables.items()})
        dates = [variables[name].updated_at for name in values]
        return cls(values, max((one for one in dates if one is not None), default=None))


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A Space at one moment.

    Attributes:
        created: when it was made.
        files: that are in it.
        current: the hardware that it runs on; None before it ever ran.
        requested: the hardware that it is to have.
        message: the Hub's own words on what is wrong.
        record: what it was made for.
        wanted: the hardware of its job; None where nobody says.
        timeout: of its job, in seconds; None likewise.
        told: what was written down of its job, by the names of variables.
        since: when it was made ready for its job: it may be older than the hardware.
        note: what its page says of how the job ended, where that was looked for.
    """

    id: str
    created: datetime
    files: tuple[str, ...]
    stage: str
    current: str | None
    requested: str | None
    message: str | None
    record: Record
    wanted: str | None
    timeout: float | None
    told: Mapping[str, str]
    since: datetime
    note: Note | None = None

    @classmethod
    def of(cls, info: Any, runtime: Any, told: Told) -> Self:
        """A Space as the Hub tells of it.

        Args:
            info: in its own package's words.
            runtime: likewise.
            told: what was written down of its job.
        """
        created, values = info.created_at or _UNKNOWN, told.values
        return cls(
            id=str(info.id),
            created=created,
            files=tuple(str(one.rfilename) for one in info.siblings or ()),
            stage=_word(runtime.stage) or "",
            current=_word(runtime.hardware),
            requested=_word(runtime.requested_hardware),
            message=_text(runtime.raw.get("errorMessage")),
            record=Record(values.get(contents.RECORD_ENV)),
            wanted=values.get(contents.HARDWARE_ENV),
            timeout=_seconds(values.get(contents.TIMEOUT_ENV)),
            told=values,
            since=max(created, told.at or created),
        )

    @property
    def name(self) -> str:
        """The id of its job: that of the Space without its namespace."""
        return self.id.partition("/")[2]

    @property
    def standing(self) -> Standing:
        return _STANDINGS.get(self.stage, Standing.UNKNOWN)

    @property
    def repo(self) -> str:
        """Where its model is to be."""
        namespace = self.id.partition("/")[0]
        return self.record.repo or f"{namespace}/{self.name.removeprefix(contents.PREFIX)}"

    @property
    def begun(self) -> bool:
        """Its hardware was asked for, or its job has ended without it.

        Until then it costs nothing, and trains nothing. No stage tells: a free Space sleeps, too,
        and anybody may pause it.
        """
        return self.bought or self.note is not None

    @property
    def bought(self) -> bool:
        """It has the hardware of its job, or is to have it."""
        if self.wanted is None:
            return True
        if self.wanted == FREE:
            return contents.PROGRAM in self.files
        return self.wanted in (self.current, self.requested)

    @property
    def over(self) -> bool:
        """Its job has ended, whatever its container does: what it has said counts."""
        return self.begun and (self.standing is Standing.ENDED or self.note is not None)

    @property
    def held(self) -> str | None:
        """The hardware that it still holds, and does not rest on."""
        return self.requested if self.paid and self.stage not in STILL else None

    @property
    def paid(self) -> bool:
        """It has hardware that costs, or is to have it."""
        return (self.requested or self.current or FREE) != FREE

    def overdue(self, now: datetime) -> float:
        """Seconds since its job should have ended, the building of its container included."""
        if self.timeout is None:
            return 0.0
        return self.age(now) - self.timeout - LONGEST_BUILD

    def age(self, now: datetime) -> float:
        """Seconds since it was made ready."""
        return (now - self.since).total_seconds()


def warnings(seen: Seen, status: JobStatus, now: datetime) -> Iterator[str]:
    """What the caller should know: what costs money and does nothing for it."""
    mend = "`jobs.cancel` pauses it"
    age = seen.age(now)
    if status.terminal:
        if seen.held:
            yield f"the Space reads {seen.stage} and still holds {seen.held}; {mend}"
    elif not seen.begun:
        yield "its hardware was never asked for, so nothing trains; create the job again"
    elif seen.overdue(now) > 0:
        yield f"the Space runs past the job's timeout of {seen.timeout:.0f} s; {mend}"
    elif status is JobStatus.QUEUED and age > LONGEST_BUILD:
        yield f"the Space has been building for {age / 60:.0f} minutes; {mend}"


def born(info: Any) -> datetime:
    """When a Space was made, for sorting."""
    found: datetime | None = info.created_at
    return found or _UNKNOWN


def _word(value: Any) -> str | None:
    return None if value is None else str(getattr(value, "value", value))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _seconds(value: str | None) -> float | None:
    try:
        return float(value) if value else None
    except ValueError:
        return None
