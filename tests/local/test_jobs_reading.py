"""Folders as others read them: one job, lists, pages, and what is broken."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest

from finetune_sdk.errors import InvalidRequestError, NotFoundError
from finetune_sdk.providers.local.jobs import reading
from finetune_sdk.providers.local.jobs.folder import JobFolder, is_held, release, take
from finetune_sdk.types import Job, JobStatus, Page
from tests.local.small_jobs import Bench
from tests.support import eventually

T = TypeVar("T")

NOW = datetime.now(UTC).isoformat()


@pytest.mark.parametrize(
    ("phase", "alive", "asked", "status", "raw"),
    [
        (None, False, (), "queued", "queued"),
        (None, True, (), "queued", "queued"),
        ("queued", False, (), "queued", "queued"),
        ("queued", True, ("cancel",), "cancelling", "cancelling"),
        ("queued", True, ("pause",), "pausing", "pausing"),
        ("queued", False, ("pause",), "paused", "paused"),
        ("running", True, (), "running", "running"),
        ("running", True, ("cancel",), "cancelling", "cancelling"),
        ("running", True, ("pause",), "pausing", "pausing"),
        ("running", True, ("pause", "cancel"), "cancelling", "cancelling"),
        ("cancelling", True, ("cancel",), "cancelling", "cancelling"),
        ("running", False, (), "paused", "lost"),
        ("running", False, ("pause",), "paused", "paused"),
        ("cancelling", False, ("cancel",), "paused", "lost"),
        ("paused", True, (), "pausing", "pausing"),
        ("paused", False, (), "paused", "paused"),
    ],
)
def test_where_a_job_stands_is_read_from_its_state_and_its_lock(
    tmp_path: Path, phase: str | None, alive: bool, asked: tuple[str, ...], status: str, raw: str
) -> None:
    folder = JobFolder(tmp_path)
    if phase is not None:
        folder.write("state", {"phase": phase, "since": NOW})
    for wish in asked:
        (tmp_path / wish).touch()
    lock = take(folder.lock) if alive else None

    sight = reading.look(folder)
    assert (sight.status.value, sight.raw_status) == (status, raw)
    assert sight.dormant == (not alive and status == "queued")
    assert sight.waits == (alive and status == "queued")
    if lock is not None:
        release(lock)


@pytest.mark.parametrize("phase", ["queued", "running", "cancelling"])
@pytest.mark.parametrize("alive", [True, False])
def test_the_end_counts_whatever_else_is_said(tmp_path: Path, phase: str, alive: bool) -> None:
    folder = JobFolder(tmp_path)
    folder.write("state", {"phase": phase, "since": NOW})
    folder.write("exit", {"status": "failed", "finished_at": NOW, "error": None})
    lock = take(folder.lock) if alive else None

    sight = reading.look(folder)
    assert sight.status is JobStatus.FAILED
    assert not sight.dormant
    assert not sight.waits
    if lock is not None:
        release(lock)


class Meanwhile(JobFolder, ABC):
    """A folder to which something happens while it is looked at, once."""

    @abstractmethod
    def happen(self) -> None: ...

    def once(self) -> None:
        if not (self.path / "happened").exists():
            (self.path / "happened").touch()
            self.happen()


class Starting(Meanwhile):
    """Its job starts right after its lock was found free."""

    def read(self, name: str) -> dict[str, object] | None:
        if (self.path / "looked").exists():
            self.once()
        return super().read(name)

    @property
    def lock(self) -> Path:
        (self.path / "looked").touch()
        return super().lock

    def happen(self) -> None:
        HELD.append(take(super().lock))
        self.write("state", {"phase": "running", "since": NOW})


class Ending(Meanwhile):
    """Its job ends right before its lock is looked at."""

    @property
    def lock(self) -> Path:
        self.once()
        return super().lock

    def happen(self) -> None:
        self.write("exit", {"status": "succeeded", "finished_at": NOW})


class Pausing(Ending):
    """Its job is paused right before its lock is looked at."""

    def happen(self) -> None:
        error = {"code": "disk_full", "message": "full"}
        self.write("state", {"phase": "paused", "since": NOW, "error": error})
        self.pause.unlink()


class Resuming(Ending):
    """Its job is resumed right before its lock is looked at; its supervisor is yet to come."""

    def happen(self) -> None:
        self.write("state", {"phase": "queued", "since": NOW})
        self.pause.unlink()


HELD: list[int | None] = []


def test_a_job_that_starts_while_it_is_looked_at_is_not_lost(tmp_path: Path) -> None:
    assert reading.look(Starting(tmp_path)).status is JobStatus.RUNNING
    lock = HELD.pop()
    assert lock is not None
    release(lock)


def test_a_job_that_ends_while_it_is_looked_at_is_not_lost(tmp_path: Path) -> None:
    JobFolder(tmp_path).write("state", {"phase": "running", "since": NOW})

    assert reading.look(Ending(tmp_path)).status is JobStatus.SUCCEEDED


def test_a_job_that_pauses_while_it_is_looked_at_is_not_lost(tmp_path: Path) -> None:
    JobFolder(tmp_path).write("state", {"phase": "running", "since": NOW})
    JobFolder(tmp_path).request_pause()

    assert reading.look(Pausing(tmp_path)).raw_status == "disk_full"


def test_a_job_that_is_resumed_while_it_is_looked_at_is_not_paused(tmp_path: Path) -> None:
    JobFolder(tmp_path).write("state", {"phase": "paused", "since": NOW})
    JobFolder(tmp_path).request_pause()

    assert reading.look(Resuming(tmp_path)).status is JobStatus.QUEUED


def test_a_lock_that_is_let_go_is_free_for_all_who_have_inherited_it(tmp_path: Path) -> None:
    lock = take(tmp_path / "lock")
    assert lock is not None
    inherited = os.dup(lock)
    assert is_held(tmp_path / "lock")

    release(lock)
    assert not is_held(tmp_path / "lock")
    os.close(inherited)


def test_jobs_are_listed_newest_first_on_pages(bench: Bench) -> None:
    made = [bench.create(str(number)).id for number in range(5)]

    first = bench.provider.list_jobs(limit=2, cursor=None)
    # A new job does not move what is on the next pages.
    newest = bench.create("newest").id
    rest = _all_pages(lambda c: bench.provider.list_jobs(limit=2, cursor=c), first.next_cursor)
    assert [job.id for job in first.items] == made[:2:-1]
    assert [job.id for job in rest] == made[2::-1]
    assert bench.provider.list_jobs(limit=1, cursor=None).items[0].id == newest


def test_no_jobs_are_an_empty_page_and_no_folder(bench: Bench) -> None:
    assert bench.provider.list_jobs(limit=5, cursor=None) == Page(())
    assert not bench.home.exists()


def test_what_is_no_job_in_the_folder_is_passed_over(bench: Bench) -> None:
    job = bench.ended(bench.create())
    jobs = bench.folder(job).parent
    (jobs / "notes").mkdir()
    (jobs / ".ftjob-0123456789abcdef.half").mkdir()
    (jobs / "ftjob-0123456789abcdef").touch()

    assert bench.provider.list_jobs(limit=9, cursor=None) == Page((bench.get(job),))


def test_a_broken_folder_is_shown_and_breaks_nothing(bench: Bench) -> None:
    good = bench.ended(bench.create("good"))
    broken = bench.ended(bench.create("broken"))
    # The lock itself: a process that is dying has no arguments any more and may still hold it.
    eventually(lambda: not is_held(JobFolder(bench.folder(broken)).lock))
    for name in ("spec", "state", "created", "exit"):
        file = bench.folder(broken) / f"{name}.json"
        whole = file.read_text()
        file.write_text('{"half')

        listed = {job.id: job for job in bench.provider.list_jobs(limit=9, cursor=None).items}
        assert listed[good.id] == good
        # Nobody lives there, so it will never go on: whoever waits for it must learn that.
        assert listed[broken.id].status is JobStatus.FAILED
        assert listed[broken.id].raw_status == "unreadable"
        assert str(bench.folder(broken)) in listed[broken.id].warnings[0]
        assert bench.provider.cancel_job(broken.id) == listed[broken.id]
        logs = bench.provider.read_logs(broken.id, limit=9, cursor=None)
        assert logs.items == ("training begins",)
        file.write_text(whole)
        assert bench.get(broken) == broken

    (bench.folder(broken) / "exit.json").write_text('{"half')
    assert bench.ended(bench.create("third")).status is JobStatus.SUCCEEDED


def test_a_broken_folder_in_which_somebody_lives_is_unknown(bench: Bench) -> None:
    job = bench.running(bench.create(ending="hang"))
    spec = bench.folder(job) / "spec.json"
    whole = spec.read_text()
    spec.write_text('{"half')
    assert bench.get(job).status is JobStatus.UNKNOWN
    spec.write_text(whole)


@pytest.mark.parametrize("job_id", ["ftjob-0123456789abcdef", "ftjob-1", "..", "../files", ""])
def test_an_unknown_job_is_not_found_and_it_says_where(bench: Bench, job_id: str) -> None:
    bench.upload()

    verbs: list[Callable[[str], object]] = [
        bench.provider.get_job,
        bench.provider.cancel_job,
        lambda id_: bench.provider.list_events(id_, limit=1, cursor=None),
        lambda id_: bench.provider.list_metrics(id_, limit=1, cursor=None),
        lambda id_: bench.provider.read_logs(id_, limit=1, cursor=None),
    ]
    for verb in verbs:
        with pytest.raises(NotFoundError) as caught:
            verb(job_id)
        assert str(bench.home / "local" / "jobs") in str(caught.value)


def test_metrics_and_logs_come_oldest_first_on_pages(bench: Bench) -> None:
    job = bench.ended(bench.create(steps="5"))
    (bench.folder(job) / "trainer.log").write_text("eins\nzwei\ndrei\n")

    metrics = _all_pages(lambda c: bench.provider.list_metrics(job.id, limit=2, cursor=c))
    assert [metric.step for metric in metrics] == [1, 2, 3, 4, 5]
    logs = _all_pages(lambda c: bench.provider.read_logs(job.id, limit=1, cursor=c))
    assert logs == ["eins", "zwei", "drei"]


def test_events_come_newest_first_on_pages(bench: Bench) -> None:
    job = bench.ended(bench.create())

    events = _all_pages(lambda c: bench.provider.list_events(job.id, limit=1, cursor=c))
    assert [event.type for event in events] == ["succeeded", "message", "running", "created"]
    assert len({event.id for event in events}) == 4


def test_a_torn_line_hides_no_other(bench: Bench) -> None:
    job = bench.ended(bench.create(steps="2"))
    with (bench.folder(job) / "metrics.jsonl").open("a") as file:
        file.write('{"step": 3, "na\n{"step": 4, "name": "loss", "value": 1}\n{"step": 5')

    metrics = bench.provider.list_metrics(job.id, limit=9, cursor=None)
    assert [metric.step for metric in metrics.items] == [1, 2, 4]
    assert metrics.next_cursor is None


def test_a_line_that_is_being_written_is_not_shown_yet(bench: Bench) -> None:
    job = bench.running(bench.create(ending="hang"))
    log = bench.folder(job) / "trainer.log"
    eventually(lambda: log.read_text().endswith("\n"))
    with log.open("a") as file:
        file.write("half a li")

    assert bench.provider.read_logs(job.id, limit=9, cursor=None).items == ("training begins",)
    bench.ended(bench.provider.cancel_job(job.id))
    assert bench.provider.read_logs(job.id, limit=9, cursor=None).items[-1] == "half a li"


def test_a_cursor_that_no_page_gave_is_an_error(bench: Bench) -> None:
    job = bench.ended(bench.create())

    verbs: list[Callable[[str], object]] = [
        lambda c: bench.provider.list_jobs(limit=1, cursor=c),
        lambda c: bench.provider.list_events(job.id, limit=1, cursor=c),
        lambda c: bench.provider.list_metrics(job.id, limit=1, cursor=c),
        lambda c: bench.provider.list_models(limit=1, cursor=c),
    ]
    for verb in verbs:
        with pytest.raises(InvalidRequestError, match="'next, please'") as caught:
            verb("next, please")
        assert caught.value.param == "cursor"


def test_a_job_goes_to_json_and_back(bench: Bench) -> None:
    job = bench.ended(bench.create())

    assert Job.from_json(job.to_json()) == job


def _all_pages(fetch: Callable[[str | None], Page[T]], cursor: str | None = None) -> list[T]:
    found: list[T] = []
    for _ in range(100):
        page = fetch(cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found
    raise AssertionError("the pages do not end")
