"""LOC-15: a trainer that says nothing is shown, and left alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.jobs.silence import Silence
from finetune_sdk.providers.local.provider import LocalProvider
from finetune_sdk.types import Job, JobStatus
from tests.local.small_jobs import TRAINER, Bench
from tests.support import eventually


@dataclasses.dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def test_loc_15_a_silence_of_eleven_minutes_is_told_once(tmp_path: Path) -> None:
    clock = Clock()
    (tmp_path / "trainer.log").write_text("training begins\n")
    silence = Silence(JobFolder(tmp_path), 600, clock)

    told: list[object] = []
    for minute in range(1, 15):
        clock.now = 60.0 * minute
        told.append(silence.listen())
        if minute == 12:
            (tmp_path / "metrics.jsonl").write_text("{}\n")
    assert told == [None] * 9 + ["stalled", None, None, "heard", None]


def test_loc_15_every_file_of_the_trainer_counts(tmp_path: Path) -> None:
    clock = Clock()
    silence = Silence(JobFolder(tmp_path), 600, clock)
    saved = "checkpoints/checkpoint-1"
    for number, name in enumerate(["progress.json", "trainer.log", f"{saved}/w", f"{saved}/x"]):
        clock.now += 599
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(number))
        assert silence.listen() is None
        clock.now += 2
        assert silence.listen() is None
    clock.now += 598
    assert silence.listen() == "stalled"


def test_loc_15_a_silent_trainer_is_shown_and_goes_on(bench: Bench) -> None:
    provider = LocalProvider(home=bench.home, trainer=TRAINER, stalled_after=0.4)
    job = provider.create_job(bench.spec(block_at="2", steps="3"))

    eventually(lambda: any("has written nothing" in words for words in bench.get(job).warnings))
    assert bench.get(job).status is JobStatus.RUNNING
    (bench.folder(job) / "go").touch()
    done = bench.ended(job)
    assert done.status is JobStatus.SUCCEEDED
    assert not any("has written nothing" in words for words in done.warnings)
    kinds = _kinds(bench, job)
    assert kinds.count("stalled") == 1
    assert kinds[0] == "created"


def test_loc_15_a_trainer_that_speaks_again_is_heard(bench: Bench) -> None:
    provider = LocalProvider(home=bench.home, trainer=TRAINER, stalled_after=0.4)
    job = provider.create_job(bench.spec(ending="hang"))
    eventually(lambda: "stalled" in _kinds(bench, job))

    (bench.folder(job) / "progress.json").write_text('{"step": 2, "steps": 2}')
    eventually(lambda: "heard" in _kinds(bench, job))
    eventually(lambda: _kinds(bench, job).count("stalled") == 2)


def _kinds(bench: Bench, job: Job) -> list[str]:
    page = bench.provider.list_events(job.id, limit=99, cursor=None)
    return [event.type for event in reversed(page.items)]
