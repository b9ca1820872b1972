"""Looking at jobs that others run, at each service: what `wait` bears, and that it never writes.

The ids in the docstrings are those of the list of faults.
"""

from __future__ import annotations

import json
import logging
import math
import os
import pickle
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_sdk import FineTuneClient, Job, JobEvent
from finetune_sdk.errors import (
    AuthenticationError,
    ConfigurationError,
    JobFailedError,
    JobPausedError,
    NotFoundError,
    StatusUnavailableError,
    WaitTimeoutError,
)
from finetune_sdk.testing import VirtualClock
from finetune_sdk.types import JobStatus
from tests.openai.bodies import check_recorded
from tests.standins.openai import (
    TRUTH,
    Action,
    CutBody,
    DropAfter,
    DropBefore,
    Edit,
    Fault,
    Garble,
    IgnoreAfter,
    JobCourse,
    OpenAIService,
    Recorded,
    Refuse,
    Reply,
)
from tests.standins.openai.multipart import Blob
from tests.submission.services import KINDS, VENDORS, Kind, worded
from tests.support import eventually

MODEL = "gpt-4.1-mini-2025-04-14"
JOBS = "/fine_tuning/jobs"
ONE = f"{JOBS}/ftjob-[0-9a-f]+"
ROWS = [
    {
        "messages": [
            {"role": "user", "content": f"Say {number}."},
            {"role": "assistant", "content": str(number)},
        ]
    }
    for number in range(12)
]


class CountingClock(VirtualClock):
    """Remembers how long it was slept; its wall clock can be set wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []
        self.shift = timedelta()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        super().sleep(seconds)

    def now(self) -> datetime:
        return super().now() + self.shift


@dataclass
class Bench:
    """A service, and who waits for its jobs."""

    kind: Kind
    service: OpenAIService
    clock: CountingClock
    home: Path
    opened: list[FineTuneClient] = field(default_factory=list[FineTuneClient])

    def __post_init__(self) -> None:
        self.vendor = VENDORS[self.kind]
        self.client = self.open()

    def open(self, **more: Any) -> FineTuneClient:
        words: dict[str, Any] = {self.vendor.address: self.service.url, **more}
        provider = self.vendor.provider(
            **{"api_key": self.service.key, "environ": {}, **words},
            home=self.home,
            clock=self.clock,
        )
        self.opened.append(FineTuneClient(provider, home=self.home))
        return self.opened[-1]

    def create(self, course: JobCourse | None = None, **more: Any) -> Job:
        self.service.add_course(course or JobCourse())
        return self.client.jobs.create(model=MODEL, training_data=ROWS, **more)

    def stored(self, course: JobCourse) -> str:
        """The id of a job that somebody else has made."""
        service = self.service
        file = service.add_file("rows.jsonl", "fine-tune", Blob(b"{}\n" * 12))
        service.add_course(course)
        body = {"model": MODEL, "training_file": file.id, **self.vendor.more}
        headers = {"authorization": f"Bearer {service.key}", "content-type": "application/json"}
        answer = service.handle("POST", f"{service.root}{JOBS}", headers, json.dumps(body).encode())
        return str(answer.json()["id"])

    def hit(self, path: str, *actions: Action, after: int = 0, method: str = "GET") -> None:
        """Each of the actions happens to one request, in order."""
        for action in actions:
            self._add(Fault(method=method, path=path, action=action, after=after))

    def always(self, path: str, action: Action) -> None:
        self._add(Fault(method="GET", path=path, action=action, times=None))

    def _add(self, fault: Fault) -> None:
        self.service.faults.add(replace(fault, action=worded(self.service, fault.action)))

    def wait(self, job: Job | str, **more: Any) -> Job:
        """Waits, and looks that nothing is written meanwhile."""
        asked = len(self.service.requests)
        try:
            return self.client.jobs.wait(job, progress=False, **more)
        finally:
            assert {one.method for one in self.since(asked)} <= {"GET"}

    def since(self, asked: int) -> list[Recorded]:
        return self.service.requests[asked:]


def bench_of(kind: Kind, home: Path) -> Iterator[Bench]:
    clock = CountingClock()
    with VENDORS[kind].service(clock) as service:
        bench = Bench(kind, service, clock, home)
        yield bench
        for client in bench.opened:
            client.close()
        check_recorded(service, newer=bench.vendor.more.keys())


@pytest.fixture(params=KINDS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    yield from bench_of(request.param, tmp_path)


# Looks that fail


@pytest.mark.parametrize(
    "fault",
    [
        *[Reply(500), Reply(503), Reply(408), Reply(425), Reply(429), DropBefore(reset=True)],
        *[DropAfter(), CutBody(), Garble("html"), Garble("null"), Garble("truncated"), Refuse()],
    ],
    ids=repr,
)
@pytest.mark.parametrize("times", [1, 7, 23])
def test_failed_looks_are_not_failed_jobs(bench: Bench, fault: Action, times: int) -> None:
    """POL-01."""
    job = bench.create()
    bench.hit(ONE, *[fault] * times)
    assert bench.wait(job).status is JobStatus.SUCCEEDED
    assert len(bench.service.faults.hits) == times


@pytest.mark.parametrize("fault", [Refuse(), Reply(500), DropAfter()], ids=repr)
def test_half_an_hour_without_contact_is_told(bench: Bench, fault: Action) -> None:
    """POL-02."""
    job = bench.create(JobCourse(running=3 * 3600))
    bench.clock.advance(60)
    bench.always(".*", fault)
    started = bench.clock.monotonic()
    with pytest.raises(StatusUnavailableError, match=r"no contact for 3[01] minutes") as caught:
        bench.wait(job)
    assert 1800 <= bench.clock.monotonic() - started < 1900
    assert caught.value.handle == job.handle == f"{bench.vendor.name}:{job.id}"
    bench.service.faults.clear()
    assert bench.wait(caught.value.handle).status is JobStatus.SUCCEEDED


def test_29_minutes_without_contact_are_borne(bench: Bench) -> None:
    """POL-02, from the other side: each good look starts the silence anew."""
    job = bench.create(JobCourse(running=4 * 3600))

    class Outage(Action):
        """Down for 29 of 30 minutes."""

        def instead(self) -> Any:
            down = bench.clock.monotonic() % 1800 >= 60
            return Reply(503).instead() if down else None

    bench.always(ONE, Outage())
    assert bench.wait(job, poll_interval=20).status is JobStatus.SUCCEEDED


# What it says


@pytest.mark.parametrize("word", ["alien", "", None, 7, ["running"], {"a": 1}])
def test_a_word_that_nobody_knows_is_waited_through(
    bench: Bench, word: object, caplog: pytest.LogCaptureFixture
) -> None:
    """POL-04."""
    job = bench.create()
    bench.service.say(job.id, word)
    with pytest.raises(WaitTimeoutError):
        bench.wait(job, timeout=3600)
    told = [record for record in caplog.records if "does not know" in record.getMessage()]
    assert len(told) == 1
    assert told[0].levelno == logging.WARNING
    assert bench.client.jobs.get(job).status is JobStatus.UNKNOWN
    bench.service.say(job.id, TRUTH)
    assert bench.wait(job).status is JobStatus.SUCCEEDED


@pytest.mark.parametrize("word", ["Succeeded", "SUCCEEDED", " succeeded "])
def test_a_word_is_known_however_it_is_written(bench: Bench, word: str) -> None:
    """POL-04."""
    job = bench.create()
    bench.clock.advance(3600)
    bench.service.say(job.id, word)
    assert bench.wait(job).raw_status == word


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("validating_files", JobStatus.VALIDATING),
        ("pending", JobStatus.PENDING),
        ("SCHEDULING", JobStatus.QUEUED),
        ("pausing", JobStatus.PAUSING),
        ("resuming", JobStatus.QUEUED),
        ("cancelling", JobStatus.CANCELLING),
    ],
)
def test_who_has_not_begun_has_not_ended(bench: Bench, word: str, status: JobStatus) -> None:
    """POL-05."""
    job = bench.create()
    bench.service.say(job.id, word)
    assert bench.client.jobs.get(job).status is status
    with pytest.raises(WaitTimeoutError):
        bench.wait(job, timeout=120)
    bench.service.say(job.id, TRUTH)
    assert bench.wait(job).status is JobStatus.SUCCEEDED


def test_who_is_paused_has_not_ended(bench: Bench) -> None:
    """POL-05."""
    course = JobCourse(running=1000)
    job = bench.create(course)
    # At Azure nothing is paused before its first step.
    bench.clock.advance(course.start + 2 * course.running / course.steps)
    bench.client.jobs.pause(job)
    with pytest.raises(JobPausedError, match=r"go on with `jobs\.resume`") as caught:
        bench.wait(job)
    assert not caught.value.job.status.terminal
    bench.client.jobs.resume(job)
    assert bench.wait(job).status is JobStatus.SUCCEEDED


def test_who_succeeded_is_waited_for_until_the_model_has_a_name(bench: Bench) -> None:
    """POL-06."""
    job = bench.create(JobCourse(validating=0, queued=0, running=10, model_after=35))
    seen: list[dict[str, Any]] = []

    class Looking(Action):
        """Keeps what is looked at."""

        def bend(self, answer: Any) -> Any:
            seen.append(answer.json())
            return answer

    bench.always(ONE, Looking())
    done = bench.wait(job, poll_interval=10)
    named = [look["fine_tuned_model"] for look in seen if look["status"] == "succeeded"]
    assert len(named) >= 4
    assert named[:-1] == [None] * (len(named) - 1)
    assert done.fine_tuned_model == named[-1]
    assert done.status is JobStatus.SUCCEEDED


def test_who_waits_for_a_name_reads_as_running(bench: Bench) -> None:
    """POL-06."""
    job = bench.create(JobCourse(running=10, model_after=1000))
    bench.clock.advance(60)
    found = bench.client.jobs.get(job)
    assert (found.status, found.raw_status) == (JobStatus.RUNNING, "succeeded")
    assert found.fine_tuned_model is None
    assert "None" not in str(found.fine_tuned_model or "")
    assert [one.status for one in bench.client.jobs.list()] == [JobStatus.RUNNING]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ({}, "the provider gave no reason"),
        (None, "the provider gave no reason"),
        ([], "the provider gave no reason"),
        ({"code": None, "message": None, "param": None}, "the provider gave no reason"),
        ("row 3 is bad", "row 3 is bad"),
        ({"code": "bad_file", "message": "row 3"}, r"\[bad_file\]: row 3"),
        ("x" * 10**6, "x" * 4000),
        ({"message": "y" * 10**6}, "y" * 4000),
    ],
    ids=["{}", "null", "[]", "nulls", "words", "whole", "1 MB", "1 MB in it"],
)
def test_a_failed_job_says_why(bench: Bench, error: object, words: str) -> None:
    """POL-08."""
    job = bench.create(JobCourse(outcome="failed", error=error))
    with pytest.raises(JobFailedError, match=words) as caught:
        bench.wait(job)
    assert caught.value.job.status is JobStatus.FAILED
    assert caught.value.job.error is not None
    assert len(str(caught.value)) < 4200
    assert caught.value.events
    twin = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - made a line above
    assert twin.job == caught.value.job


def test_a_failed_job_whose_events_are_gone_says_why(bench: Bench) -> None:
    job = bench.create(JobCourse(outcome="failed", error="row 3"))
    bench.always(f"{ONE}/events", Reply(500))
    with pytest.raises(JobFailedError, match="row 3") as caught:
        bench.wait(job)
    assert caught.value.events == ()


# Not there, not allowed


def test_a_job_that_is_not_found_is_looked_for_five_minutes(bench: Bench) -> None:
    """POL-09."""
    job = bench.create(JobCourse(running=3600))
    bench.always(ONE, Reply(404))
    started = bench.clock.monotonic()
    with pytest.raises(NotFoundError):
        bench.wait(job)
    assert 300 <= bench.clock.monotonic() - started < 400
    bench.service.faults.clear()
    assert bench.wait(job).status is JobStatus.SUCCEEDED


def test_a_job_that_is_not_found_for_a_while_is_waited_for(bench: Bench) -> None:
    """POL-09."""
    job = bench.create(JobCourse(running=3600))

    class NotYet(Action):
        def instead(self) -> Any:
            return Reply(404).instead() if bench.clock.monotonic() < 290 else None

    bench.always(ONE, NotYet())
    assert bench.wait(job).status is JobStatus.SUCCEEDED


def test_a_key_that_expires_is_renewed_once(bench: Bench) -> None:
    """POL-10."""
    job = bench.create(JobCourse(running=3600))
    keys = ["sk-the-old-one", bench.service.key]
    asked: list[str] = []

    def key() -> str:
        asked.append(keys[0] if len(asked) == 5 else keys[1])
        return asked[-1]

    bench.client = bench.open(api_key=key)
    assert bench.wait(job).status is JobStatus.SUCCEEDED
    assert asked.count(keys[0]) == 1
    refused = [one for one in bench.service.requests if keys[0] in one.headers["authorization"]]
    assert len(refused) == 1


def test_a_key_that_stays_expired_is_told_and_the_handle_is_kept(bench: Bench) -> None:
    """POL-10."""
    job = bench.create(JobCourse(running=3600))
    wrong: list[str] = []

    def key() -> str:
        wrong.append(f"sk-wrong-{len(wrong)}" if len(wrong) >= 5 else bench.service.key)
        return wrong[-1]

    bench.client = bench.open(api_key=key)
    with pytest.raises(AuthenticationError) as caught:
        bench.wait(job)
    assert wrong[5:] == ["sk-wrong-5", "sk-wrong-6"]
    assert not any(one in str(caught.value) for one in wrong)
    bench.client = bench.open()
    assert bench.wait(job.handle).status is JobStatus.SUCCEEDED


# Time


@pytest.mark.parametrize("shift", [timedelta(days=-1), timedelta(days=3650)])
def test_the_wall_clock_moves_no_deadline(bench: Bench, shift: timedelta) -> None:
    """POL-12."""
    job = bench.create(JobCourse(running=3600))

    class Jump(Action):
        """The wall clock is set while the service is asked."""

        def bend(self, answer: Any) -> Any:
            bench.clock.shift = shift if not bench.clock.shift else timedelta()
            return answer

    bench.always(ONE, Jump())
    started = bench.clock.monotonic()
    with pytest.raises(WaitTimeoutError):
        bench.wait(job, timeout=600)
    assert bench.clock.monotonic() - started == pytest.approx(600, abs=1)
    assert bench.wait(job).status is JobStatus.SUCCEEDED


@pytest.mark.parametrize("timeout", [-1, -0.001, math.nan, "10", -math.inf])
def test_a_timeout_that_is_none_is_told(bench: Bench, timeout: Any) -> None:
    """POL-19."""
    job = bench.create()
    asked = len(bench.service.requests)
    with pytest.raises(ConfigurationError, match="`timeout` is"):
        bench.wait(job, timeout=timeout)
    assert bench.since(asked) == []


def test_a_timeout_of_nothing_looks_once(bench: Bench) -> None:
    """POL-19."""
    job = bench.create()
    asked, now = len(bench.service.requests), bench.clock.monotonic()
    with pytest.raises(WaitTimeoutError, match="it goes on"):
        bench.wait(job, timeout=0)
    assert len(bench.since(asked)) == 1
    assert bench.clock.monotonic() == now
    bench.clock.advance(3600)
    assert bench.wait(job, timeout=0).status is JobStatus.SUCCEEDED


@pytest.mark.parametrize("timeout", [None, math.inf])
def test_without_a_timeout_it_is_waited_for_long(bench: Bench, timeout: float | None) -> None:
    """POL-19."""
    job = bench.create(JobCourse(running=30 * 86400))
    assert bench.wait(job, timeout=timeout, poll_interval=3600).status is JobStatus.SUCCEEDED
    assert bench.clock.monotonic() >= 30 * 86400


def test_looks_become_rarer_and_stay_within_a_minute(bench: Bench) -> None:
    job = bench.create(JobCourse(running=7200))
    bench.clock.slept.clear()
    bench.wait(job)
    assert bench.clock.slept[0] == 5
    assert bench.clock.slept == sorted(bench.clock.slept)
    assert max(bench.clock.slept) == 60


# Events


def ids(events: Sequence[JobEvent]) -> list[str]:
    return [event.id for event in events]


def muddle(said: Any) -> Any:
    """Repeated, turned round, and all of one second."""
    rows = [{**row, "created_at": 1_790_000_000} for row in said["data"]]
    return {**said, "data": [row for row in rows for _ in range(2)]}


def shuffle(said: Any) -> Any:
    rows = said["data"]
    return {**said, "data": rows[1::2] + rows[::2] + rows[:3]}


def overlap(said: Any) -> Any:
    """Each page begins with what the one before has had."""
    first = said["data"][:1]
    return {**said, "data": first * 5 + said["data"]}


@pytest.mark.parametrize("change", [muddle, shuffle, overlap])
def test_events_are_told_once_each_whatever_the_pages_are(bench: Bench, change: Any) -> None:
    """POL-14."""
    job = bench.create(JobCourse(steps=330, checkpoints_every=None))
    bench.always(f"{ONE}/events", Edit(change))
    told: list[JobEvent] = []
    bench.wait(job, on_event=told.append)
    assert len(set(ids(told))) == len(told) == 336
    listed = list(bench.client.jobs.events(job))
    assert sorted(ids(listed)) == sorted(ids(told))
    assert [event.created_at for event in listed] == sorted(event.created_at for event in listed)


def test_events_of_one_second_keep_the_order_of_the_service(bench: Bench) -> None:
    """POL-14."""
    job = bench.create(JobCourse(steps=250, checkpoints_every=None))
    bench.always(
        f"{ONE}/events",
        Edit(lambda said: {**said, "data": [{**row, "created_at": 9} for row in said["data"]]}),
    )
    bench.wait(job)
    found = ids(list(bench.client.jobs.events(job)))
    assert found == sorted(found)
    assert len(found) == 256


def test_pages_that_never_end_end(bench: Bench) -> None:
    """POL-14."""
    job = bench.create(JobCourse(steps=250))
    bench.wait(job)
    bench.always(f"{ONE}/events", IgnoreAfter())
    asked = len(bench.service.requests)
    assert len(list(bench.client.jobs.events(job))) == 100
    assert len(bench.since(asked)) <= 4


def test_a_hundred_thousand_events_are_read_once(bench: Bench) -> None:
    """POL-15."""
    count = 100_000
    course = JobCourse(running=10.0 * (count + 300), steps=count + 300, checkpoints_every=None)
    job = bench.create(course)
    bench.clock.advance(30 + 10.0 * count)
    events = bench.client.jobs.events(job, follow=True)
    for _ in range(count + 4):
        next(events)
    bench.clock.slept.clear()
    asked = len(bench.service.requests)
    tracemalloc.start()
    rest = sum(1 for _ in events)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rest == 302
    pages = [one for one in bench.since(asked) if one.path.endswith("/events")]
    # One page a look, though there are a thousand of them.
    assert len(pages) == len(bench.clock.slept)
    assert len(pages) >= 50
    # The set of what was told may grow once; the events themselves would be 60 MB and more.
    assert peak < 16_000_000


def test_a_callback_that_raises_stops_nothing(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """POL-16."""
    job = bench.create(JobCourse(steps=3))
    told: list[str] = []

    def tell(event: JobEvent) -> None:
        told.append(event.id)
        raise RuntimeError("mine")

    assert bench.wait(job, on_event=tell).status is JobStatus.SUCCEEDED
    assert len(set(told)) == len(told) == 9
    assert "waiting goes on" in caplog.text


WAITER = """
import sys
from finetune_sdk import FineTuneClient
from finetune_sdk.providers.azure_openai.trainer import AzureOpenAITrainer
from finetune_sdk.providers.openai.provider import OpenAIProvider
kind, address, url, key, home, handle = sys.argv[1:]
provider = vars()[kind](**{address: url}, api_key=key, home=home, environ={})
with FineTuneClient(provider, home=home) as client:
    tell = lambda event: print(event.id, flush=True)
    client.jobs.wait(handle, poll_interval=0.02, progress=False, on_event=tell)
print("done", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
def test_a_waiter_that_is_killed_is_followed_by_another(bench: Bench) -> None:
    """POL-13."""
    job = bench.create(JobCourse(steps=50))
    bench.clock.advance(300)
    kind = type(bench.client.provider).__name__
    words = [bench.service.url, bench.service.key, str(bench.home), job.handle]
    command = [sys.executable, "-c", WAITER, kind, bench.vendor.address, *words]
    asked = len(bench.service.requests)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        told = [first.stdout.readline().strip() for _ in range(10)]
        os.kill(first.pid, signal.SIGKILL)
        told += first.stdout.read().split()
    assert first.returncode == -signal.SIGKILL
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as second:
        looks = len(bench.service.requests)
        eventually(lambda: len(bench.service.requests) > looks + 5)
        bench.clock.advance(3600)
        assert second.stdout is not None
        again = second.stdout.read().split()
    assert second.returncode == 0
    assert again.pop() == "done"
    assert len(set(again)) == len(again) == 56
    assert set(told) <= set(again)
    assert {one.method for one in bench.since(asked)} == {"GET"}


# Many jobs


def test_two_hundred_jobs_are_watched_by_one_listing_a_look(bench: Bench) -> None:
    """POL-20."""
    jobs = [bench.stored(JobCourse(running=60.0 + number, steps=1)) for number in range(200)]
    asked = len(bench.service.requests)
    ended = [job.id for job in bench.client.jobs.watch(jobs) if job.status.terminal]
    assert sorted(ended) == sorted(jobs)
    looks, sent = len(bench.clock.slept) + 1, bench.since(asked)
    # Two hundred are two pages; the last one that is left is asked for by its name.
    assert len(sent) <= 2 * looks
    assert {one.path for one in sent} <= {JOBS, f"{JOBS}/{ended[-1]}"}
    assert {one.method for one in sent} == {"GET"}


# Handles

GOLDEN = (
    '{"schema_version":1,"id":"ftjob-000000000000000000000001","provider":"openai",'
    '"status":"running","raw_status":"running","model":"gpt-4.1-mini-2025-04-14",'
    '"method":{"epochs":3.0,"type":"supervised"},"training_file":{"schema_version":1,'
    '"id":"file-1"},"created_at":"2026-01-01T00:00:00Z","metadata":{},"settings":{},'
    '"warnings":[],"raw":{"organization_id":"org-standin"}}'
)
"""As version 0.1 wrote it."""


def test_a_job_that_was_written_down_is_waited_for(bench: Bench) -> None:
    """POL-21."""
    made = bench.create()
    theirs = GOLDEN.replace('"openai"', f'"{bench.vendor.name}"')
    job = Job.from_json(theirs.replace("ftjob-000000000000000000000001", made.id))
    assert bench.wait(job).id == job.id
    assert bench.wait(job.handle).id == job.id
    assert bench.wait(job.id).id == job.id


def test_a_job_of_a_newer_version_is_refused_clearly() -> None:
    """POL-21."""
    newer = GOLDEN.replace('"schema_version":1,"id":"ftjob', '"schema_version":2,"id":"ftjob')
    with pytest.raises(ValueError, match="newer finetune-anywhere"):
        Job.from_json(newer)


@pytest.mark.parametrize("text", ["", "{}", "null", "{", "[1]", '{"id":"x"}', "\x80\x04K\x01."])
def test_what_is_no_job_is_refused(text: str) -> None:
    """POL-21."""
    with pytest.raises(ValueError, match="validation error"):
        Job.from_json(text)


HANDLES: list[Any] = [
    *["", ":", "openai:", "../../etc/passwd", "openai:../up", "openai:a/b", "a b", "ftjob-1\n"],
    *["openai:.hidden", "a:b:c:d/e", "x" * 300, "openai:ftjob-1?x=1", "openai:%2e%2e", "é"],
    *[None, 7, b"ftjob-1", ["ftjob-1"], pickle.dumps(print), str(pickle.dumps(print))],
]


@pytest.mark.parametrize("handle", HANDLES, ids=repr)
def test_what_is_no_handle_is_refused(bench: Bench, handle: Any) -> None:
    """POL-21."""
    if isinstance(handle, str):
        handle = handle.replace("openai:", f"{bench.vendor.name}:")
    for verb in (bench.client.jobs.get, bench.client.jobs.cancel, bench.client.jobs.wait):
        with pytest.raises(ConfigurationError) as caught:
            verb(handle)
        assert len(str(caught.value)) < 300
    assert bench.service.requests == []


def test_a_handle_of_another_profile_names_it(bench: Bench) -> None:
    """POL-21."""
    with pytest.raises(ConfigurationError, match=r'FineTuneClient\("azure-eu"\)'):
        bench.wait("azure-eu:ftjob-1")
    assert bench.service.requests == []


# Whatever goes wrong on the way


def saying(**fields: Any) -> Edit:
    return Edit(lambda said: {**said, **fields})


FAULTS: list[Action] = [
    *[Reply(status) for status in (408, 425, 429, 500, 502, 503, 504)],
    *[Reply(429, headers={"retry-after": "30"}), Reply(503, headers={"retry-after-ms": "9"})],
    *[Reply(429, headers={"retry-after": "3600"}), Reply(404), Refuse()],
    *[DropBefore(), DropBefore(reset=True), DropAfter(), DropAfter(reset=True), CutBody()],
    *[Garble(how) for how in ("html", "null", "list", "truncated", "empty", "no_id")],
    *[saying(status=word) for word in ("alien", "", None, 7)],
    saying(error="x" * 10**5, method=[], metadata=7, created_at="soon"),
]
PLANS = st.dictionaries(st.integers(0, 60), st.sampled_from(FAULTS), max_size=25)
"""What happens to which of the looks."""


@pytest.fixture(scope="module", params=KINDS)
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    yield from bench_of(request.param, tmp_path_factory.mktemp("shared"))


@settings(max_examples=100, deadline=None)
@given(
    looks=PLANS,
    events=PLANS,
    outcome=st.sampled_from(["succeeded", "failed", "cancelled"]),
    model_after=st.sampled_from([0.0, 90.0]),
)
def test_whatever_goes_wrong_the_end_is_the_services_truth(
    shared: Bench,
    looks: dict[int, Action],
    events: dict[int, Action],
    outcome: Any,
    model_after: float,
) -> None:
    """POL-01, with plans that nobody has thought of."""
    bench = shared
    bench.service.faults.clear()
    bench.client.close()
    bench.client = bench.open()  # Its budget is whole.
    course = JobCourse(running=300, steps=20, outcome=outcome, model_after=model_after)
    job_id = bench.stored(course)
    for path, plan in ((f"{JOBS}/{job_id}", looks), (f"{JOBS}/{job_id}/events", events)):
        for place, action in plan.items():
            bench.hit(path, action, after=place)
    told: list[JobEvent] = []
    try:
        found = bench.wait(job_id, on_event=told.append)
    except JobFailedError as error:
        found = error.job
    assert found.raw_status == bench.service.truth(job_id) == outcome
    assert (found.fine_tuned_model is not None) == (outcome == "succeeded")
    assert len(set(ids(told))) == len(told)
