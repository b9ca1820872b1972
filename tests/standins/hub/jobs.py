"""HF Jobs: by the clock, or really run."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import count
from typing import TYPE_CHECKING

from tests.standins.hub.flavors import FLAVORS
from tests.standins.hub.job import OVERTIME, JobCourse, JobRecord
from tests.standins.hub.jobspec import are_labels, broken_rule
from tests.standins.hub.pages import page
from tests.standins.hub.routes import Call, RefusedError, Route, answer, refuse, sse
from tests.standins.hub.running import Image, Process
from tests.standins.openai import Answer
from tests.standins.openai.wire import Json

if TYPE_CHECKING:
    from tests.standins.hub.hub import Hub

ALL = "/api/jobs/(?P<ns>[^/]+)"
ONE = f"{ALL}/(?P<id>[^/]+)"
BROKE = "Pre-paid credit balance is insufficient"


class Jobs:
    """All jobs, by their ids.

    Attributes:
        course: how jobs go for which no course was added.
        flavors: the hardware and its prices.
        page_size: of the list.
        lag: a job is not in the list before it is so many seconds old.
    """

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.course = JobCourse()
        self.flavors = list(FLAVORS)
        self.page_size = 100
        self.lag = 0.0
        self._courses: deque[JobCourse] = deque()
        self._jobs: dict[str, JobRecord] = {}
        self._number = count(1)

    def __getitem__(self, job_id: str) -> JobRecord:
        self.hub.settle()
        return self._jobs[job_id]

    def __iter__(self) -> Iterator[JobRecord]:
        """The oldest first."""
        self.hub.settle()
        return iter(list(self._jobs.values()))

    def __len__(self) -> int:
        return len(self._jobs)

    def add_course(self, *courses: JobCourse) -> None:
        """The next jobs go by these, in order."""
        self._courses.extend(courses)

    def say(self, job_id: str, stage: str | None) -> None:
        """A job's stage reads this from now on; None lets it tell the truth again."""
        self._jobs[job_id].word = stage

    def join(self, job_id: str, timeout: float | None = None) -> JobRecord:
        """Waits until a job that really runs has ended.

        Raises:
            TimeoutError: it has not, after so many real seconds.
        """
        job = self._jobs[job_id]
        if not job.over.wait(timeout):
            raise TimeoutError(f"job {job_id} still runs: {job.said[-5:]}")
        return job

    def stop(self) -> None:
        """Ends all that really runs."""
        for job in list(self._jobs.values()):
            if job.process is not None:
                job.process.stop()

    def settle(self) -> None:
        """Makes what time has made of the jobs that go by their course, in order."""
        now = self.hub.clock.monotonic()
        going = [job for job in self._jobs.values() if job.ended is None and job.process is None]
        for job in sorted(going, key=_end):
            if job.ended is None:  # What one does at its end may have settled the others.
                self._advance(job, now)

    def routes(self) -> Iterable[Route]:
        return (
            ("GET", "/api/jobs/hardware", self._hardware),
            ("POST", ALL, self._run),
            ("GET", ALL, self._list),
            ("GET", ONE, self._inspect),
            ("GET", f"{ONE}/logs", self._logs),
            ("GET", f"{ONE}/metrics", self._metrics),
            ("POST", f"{ONE}/cancel", self._cancel),
            ("PUT", f"{ONE}/labels", self._label),
        )

    def _advance(self, job: JobRecord, now: float) -> None:
        course, started = job.course, job.born + job.course.scheduling
        if now < started:
            return
        job.started, job.stage = started, "RUNNING"
        if now < _end(job):
            return
        if course.running > job.timeout:
            job.end(_end(job), "ERROR", OVERTIME)
            return
        job.end(_end(job), course.outcome, course.message)
        if course.finish is not None:
            course.finish(self.hub, job)

    def _hardware(self, call: Call, found: re.Match[str]) -> Answer:
        return answer([flavor.view() for flavor in self.flavors])

    def _run(self, call: Call, found: re.Match[str]) -> Answer:
        body = call.json()
        if (broken := broken_rule(body)) is not None:
            return refuse(400, broken)
        if call.account is None or not call.account.can_pay:
            return refuse(402, BROKE)
        job = self._add(found["ns"], body)
        return answer(job.view())

    def _add(self, namespace: str, body: Json) -> JobRecord:
        clock = self.hub.clock
        course = self._courses.popleft() if self._courses else self.course
        job_id = f"{next(self._number):024x}"
        job = JobRecord(job_id, namespace, body, course, clock, clock.monotonic(), clock.now())
        if (image := self._image(body)) is not None:
            job.process = Process(self.hub, job, image)
            job.process.start()
        else:
            job.said = list(_spread(job))
        self._jobs[job.id] = job
        self.settle()
        return job

    def _image(self, body: Json) -> Image | None:
        images, asked = self.hub.images, body.get("dockerImage", "")
        return next((images[name] for name in images if asked.startswith(name)), None)

    def _list(self, call: Call, found: re.Match[str]) -> Answer:
        if call.account is None or not call.account.sees(found["ns"]):
            return refuse(401 if call.account is None else 403, "You may not see these jobs")
        stages, labels = call.values.get("stage", ()), call.values.get("label", ())
        oldest = self.hub.clock.monotonic() - self.lag
        listed = [
            job.view()
            for job in reversed(self._jobs.values())
            if job.namespace == found["ns"]
            and job.born <= oldest
            and (not stages or (job.word or job.stage) in stages)
            and all(_labelled(job, label) for label in labels)
        ]
        return page(listed, call, self.hub.url, self.page_size)

    def _inspect(self, call: Call, found: re.Match[str]) -> Answer:
        return answer(self._seen(call, found).view())

    def _logs(self, call: Call, found: re.Match[str]) -> Answer:
        lines = self._seen(call, found).lines()
        tail = call.query.get("tail")
        return sse(lines if tail is None else lines[max(len(lines) - int(tail), 0) :])

    def _metrics(self, call: Call, found: re.Match[str]) -> Answer:
        job = self._seen(call, found)
        if job.stage != "RUNNING":
            return sse([])
        usage = {"cpu_usage_pct": 50, "memory_used_bytes": 10**9, "memory_total_bytes": 16 * 10**9}
        return sse([{**usage, "rx_bps": 0, "tx_bps": 0, "gpus": {}, "replica": job.id}])

    def _cancel(self, call: Call, found: re.Match[str]) -> Answer:
        job = self._seen(call, found)
        if job.ended is None:
            job.end(self.hub.clock.monotonic(), "CANCELED")
            if job.process is not None:
                job.process.kill()
        return answer(job.view())

    def _label(self, call: Call, found: re.Match[str]) -> Answer:
        job, labels = self._seen(call, found), call.json().get("labels")
        if not are_labels(labels):
            return refuse(400, "labels is not valid")
        job.spec["labels"] = labels
        return answer(job.view())

    def _seen(self, call: Call, found: re.Match[str]) -> JobRecord:
        job = self._jobs.get(found["id"])
        known = job is not None and job.namespace == found["ns"]
        if job is None or not known or not (call.account and call.account.sees(job.namespace)):
            raise RefusedError(refuse(401 if call.account is None else 404, "Job not found"))
        return job


def _end(job: JobRecord) -> float:
    """When a job ends that goes by its course."""
    return job.born + job.course.scheduling + min(job.course.running, job.timeout)


def _spread(job: JobRecord) -> Iterator[tuple[float, str]]:
    course, lines = job.course, job.course.lines
    for at, line in enumerate(lines, 1):
        yield job.born + course.scheduling + course.running * at / (len(lines) + 1), line


def _labelled(job: JobRecord, label: str) -> bool:
    name, _, value = label.partition("=")
    return job.labels.get(name) == value
