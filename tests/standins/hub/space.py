"""One Space: what it holds, where it stands, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from tests.standins.hub.job import JobRecord
from tests.standins.hub.repo import StoredRepo, stamp
from tests.standins.openai.wire import Json

if TYPE_CHECKING:
    from tests.standins.hub.hub import Hub

Outcome = Literal["trained", "failed", "silent", "BUILD_ERROR", "RUNTIME_ERROR"]
FREE = "cpu-basic"
STILL = ("PAUSED", "STOPPED", "SLEEPING")
WEIGHTS = {"adapter_config.json": b"{}", "adapter_model.safetensors": b"weights"}
"""What AutoTrain leaves, as far as anybody looks at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceCourse:
    """The timetable of one Space, in seconds of the Hub's clock.

    Attributes:
        outcome: how its training ends: `trained` leaves a model, `failed` says that it failed;
            `silent` pauses with neither. A stage is where it stays.
        lines: what its container says, spread over its running.
        built: what its build says.
        finish: what it does at the end of its training, instead of leaving the usual model.
    """

    building: float = 60.0
    running: float = 300.0
    outcome: Outcome = "trained"
    lines: tuple[str, ...] = ()
    built: tuple[str, ...] = ()
    finish: Callable[[Hub, SpaceRecord], None] | None = field(default=None, repr=False)


@dataclass(slots=True)
class SpaceRecord:
    """A Space, seen from inside. Times are those of the Hub's clock, in its seconds.

    Attributes:
        secrets: which nobody is ever told.
        variables: and when each was set.
        current: the hardware that it runs on; None before its first container.
        requested: the hardware that it is to have.
        since: when its newest build began; None where nothing is built.
        ran: since when its container runs.
        said: its lines, and when it says them.
        billed: seconds that it ran, by its hardware.
        word: what its stage reads, whatever it is; None tells the truth.
        process: what really runs in it.
        trained: how often a training was begun in it.
    """

    repo: StoredRepo
    course: SpaceCourse
    requested: str = FREE
    current: str | None = None
    stage: str = "NO_APP_FILE"
    sleep: int | None = None
    secrets: dict[str, str] = field(default_factory=dict[str, str])
    variables: dict[str, tuple[str, datetime]] = field(
        default_factory=dict[str, tuple[str, datetime]]
    )
    since: float | None = None
    ran: float | None = None
    said: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    built: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    billed: dict[str, float] = field(default_factory=dict[str, float])
    word: str | None = None
    process: JobRecord | None = None
    trained: int = 0

    @property
    def id(self) -> str:
        return self.repo.id

    @property
    def name(self) -> str:
        return self.id.partition("/")[2]

    def say(self, stage: str | None) -> None:
        """Its stage reads this from now on; None lets it tell the truth again."""
        self.word = stage

    def variable(self, name: str) -> str | None:
        found = self.variables.get(name)
        return found[0] if found else None

    def environment(self) -> dict[str, str]:
        """What its container sees."""
        return {**{name: value for name, (value, _) in self.variables.items()}, **self.secrets}

    @property
    def trains(self) -> bool:
        """Its container trains, and does not wait for other hardware."""
        return self.variable("FINETUNE_HARDWARE") in (None, self.current)

    @property
    def ours(self) -> bool:
        """Its container is that of our runner, and not AutoTrain's own."""
        return "start.py" in self.repo.files()

    @property
    def over(self) -> bool:
        """Its container pauses it as soon as it starts: its page says how the job went."""
        titles = [one.title for one in self.repo.discussions]
        return self.ours and any(title.startswith("Your training") for title in titles)

    def bill(self, seconds: float) -> None:
        """So many more are to be paid for."""
        name = self.current or FREE
        self.billed[name] = self.billed.get(name, 0.0) + seconds

    def runtime(self) -> Json:
        """What the wire tells of it."""
        return {
            "stage": self.word or self.stage,
            "hardware": {"current": self.current, "requested": self.requested},
            "storage": None,
            "gcTimeout": self.sleep,
            "replicas": {"current": 1 if self.ran is not None else 0, "requested": 1},
        }

    def told(self) -> Json:
        """Its variables, as the wire tells them."""
        return {
            name: {"key": name, "value": value, "updatedAt": stamp(at)}
            for name, (value, at) in self.variables.items()
        }
