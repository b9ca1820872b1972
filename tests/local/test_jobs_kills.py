"""A writer may be killed at any point: what it has told of is there, and nothing is corrupt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from finetune_sdk.providers.local.jobs import checkpoints, pages, reading
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.jobs.records import Created, Exit, Progress, State
from finetune_sdk.types import DatasetFile, JobEvent, JobSpec, Metric, Supervised
from tests.local import writers
from tests.local.writers import Life

LIVES = 3
SPEC = JobSpec(
    key="one",
    model="a-base-model",
    method=Supervised(epochs=1),
    training_file=DatasetFile(id="file-0123456789abcdef01234567"),
).to_json()
FILES = ("created", "state", "progress", "exit")
KINDS = (
    *("state", "progress", "event", "metric", "seal", "requeue"),
    *("event", "metric", "seal", "remove", "created", "exit"),
)
HOWS = ("before", "after", "torn", "torn", "outside")
Known = set[int | None]
# Half a line, and then one who writes the next.
TORN = Life(folder="", deeds=[("event", 1)], deed=0, call=1, how="torn")


@dataclass
class Expected:
    """What must be in the folder, and what may be: the deed in which a writer was killed."""

    files: dict[str, Known] = field(default_factory=lambda: {name: {None} for name in FILES})
    lines: dict[str, list[tuple[int, bool]]] = field(
        default_factory=lambda: {"event": [], "metric": []}
    )
    saved: dict[int, set[bool]] = field(default_factory=dict[int, set[bool]])

    def done(self, kind: str, number: int, *, surely: bool) -> None:
        name = "state" if kind == "requeue" else kind
        if name in FILES:
            before: Known = set() if surely else self.files[name]
            self.files[name] = {number, *before}
        elif name in self.lines:
            self.lines[name].append((number, surely))
        else:
            was: set[bool] = set() if surely else self.saved.get(number, {False})
            self.saved[number] = {kind == "seal", *was}

    def check(self, folder: JobFolder) -> None:
        for name, number in _seen(folder).items():
            assert number in self.files[name], name
        events = pages.newest(
            folder.path / "events.jsonl", JobEvent.from_json, limit=10**6, cursor=None
        ).items
        told = [event.message for event in reversed(events) if event.message[:6] == "event "]
        self._check_lines("event", [int(words.split()[1]) for words in told])
        metrics = pages.oldest(
            folder.path / "metrics.jsonl", Metric.from_json, limit=10**6, cursor=None
        ).items
        self._check_lines("metric", [metric.step for metric in metrics])
        whole = {one.manifest.step: one for one in checkpoints.complete(folder.checkpoints)}
        assert set(whole) <= set(self.saved)
        assert all((step in whole) in known for step, known in self.saved.items())
        for step, one in whole.items():
            assert (one.path / "model.safetensors").read_bytes() == writers.content(step)
        reading.job_of(folder, reading.look(folder))

    def _check_lines(self, kind: str, found: list[int]) -> None:
        told = self.lines[kind]
        assert [number for number, surely in told if surely or number in found] == found


def _seen(folder: JobFolder) -> dict[str, int | None]:
    created, state = Created.of(folder), State.of(folder)
    progress, end = Progress.of(folder), Exit.of(folder)
    began = state and state.started_at
    return {
        "created": int(created.notes[0]) if created else None,
        "state": (began - writers.NOW).seconds if began else None,
        "progress": progress.step if progress else None,
        "exit": end.trained_tokens if end else None,
    }


@st.composite
def lives(draw: st.DrawFn) -> list[Life]:
    """A few writers of one folder, one after another; each is killed."""
    numbers = count(1)
    sealed: list[int] = []
    made: list[Life] = []
    for _ in range(LIVES):
        kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=8))
        deeds = [_deed(draw, kind, next(numbers), sealed) for kind in kinds]
        made.append(
            Life(
                folder="",
                deeds=deeds,
                deed=draw(st.integers(0, len(deeds) - 1)),
                call=draw(st.integers(1, 12)),
                how=draw(st.sampled_from(HOWS)),
            )
        )
    return made


def _deed(draw: st.DrawFn, kind: str, number: int, sealed: list[int]) -> tuple[str, int]:
    if kind == "seal":
        sealed.append(number)
    if kind == "remove":
        return (kind, draw(st.sampled_from(sealed))) if sealed else ("created", number)
    return kind, number


def test_two_hundred_kills_lose_nothing_that_was_told(tmp_path: Path) -> None:
    folders = (JobFolder(tmp_path / "jobs" / f"ftjob-{number:016x}") for number in count())
    kills = 0

    with writers.writers() as live:

        @settings(max_examples=90, deadline=None)
        @given(lives())
        @example([TORN, replace(TORN, deeds=[("event", 2), ("event", 3)], deed=1)])
        def holds(generated: list[Life]) -> None:
            nonlocal kills
            kills += _live_through(next(folders), generated, live)

        holds()
    assert kills >= 200


def _live_through(
    folder: JobFolder, generated: list[Life], live: Callable[[Life], tuple[int, bool]]
) -> int:
    folder.path.mkdir(parents=True)
    (folder.path / "spec.json").write_text(SPEC)
    expected, kills = Expected(), 0
    for life in generated:
        heard, killed = live(replace(life, folder=str(folder.path)))
        kills += killed
        for index, (kind, number) in enumerate(life.deeds[: heard + 1]):
            expected.done(kind, number, surely=index < heard)
        expected.check(folder)
    return kills
