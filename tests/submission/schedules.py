"""Schedules of creates: what is asked, what goes wrong, where processes end, what must hold.

A schedule is a row of steps. Each is a process of its own: a new client on a machine's journal that
makes one call, and may be killed on its way. Then nothing goes wrong any more, lists are complete,
and whoever still wants a job asks until it is settled. What the service has by then is held against
what was asked, and against what callers were told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import openai
import pytest

from finetune_sdk import DatasetFile, FineTuneClient, datasets
from finetune_sdk.errors import (
    FineTuneError,
    IdempotencyConflictError,
    NotFoundError,
    SubmissionUnknownError,
)
from finetune_sdk.providers._openai_talk.uploads import mark
from finetune_sdk.providers._openai_talk.verbs import OpenAIVerbs
from finetune_sdk.providers._openai_wire.encode import KEY
from finetune_sdk.providers.azure_openai.trainer import AzureOpenAITrainer
from finetune_sdk.providers.base import FineTuneProvider
from finetune_sdk.providers.openai.provider import OpenAIProvider
from finetune_sdk.submission import Journal, Row, State
from finetune_sdk.submission.desk import LOOKS
from finetune_sdk.submission.locks import Locks
from finetune_sdk.submission.opening import Books
from finetune_sdk.testing import VirtualClock
from finetune_sdk.types import Inspection, Job, JobSpec
from tests.standins.http import http as httpx2
from tests.standins.openai import Action, Fault, IgnoreMetadata, Lag, OpenAIService, StoredJob
from tests.standins.openai.inprocess import InProcess
from tests.standins.openai.multipart import Blob
from tests.submission.services import KINDS, VENDORS, Kind

JOBS = "/fine_tuning/jobs"
MODEL = "gpt-4.1-mini-2025-04-14"
LONGEST_LAG = 100.0
COUNT = count()
Verb = Literal["create", "recover", "abandon"]

ROWS = datasets.load(
    [
        {"messages": [{"role": "user", "content": f"{n}?"}, {"role": "assistant", "content": "!"}]}
        for n in range(10)
    ]
)
BYTES = b'{"messages": []}\n' * 10


@dataclass(frozen=True)
class Call:
    """A call of `jobs.create`; the suffix tells its jobs from those of others.

    Attributes:
        rows: they are uploaded; else the job is of a file that is there, as other jobs are.
    """

    suffix: str
    key: str | None = None
    rows: bool = False

    @property
    def intent(self) -> str:
        """What there is one job of."""
        return self.key or self.suffix


CALLS = (
    Call("rows", rows=True),
    Call("file"),
    Call("other-file"),
    Call("keyed-rows", "key-1", rows=True),
    Call("keyed-file", "key-2"),
    Call("same-key", "key-2"),
)
INTENTS = {call.suffix: call.intent for call in CALLS}
SHARED = "key-2"
"""The key of two calls: whoever comes second is refused."""


@dataclass(frozen=True)
class Step:
    """A process that makes one call.

    Attributes:
        machine: whose journal it has.
        posts: what goes wrong with the creates that it sends, one after another.
        others: what goes wrong with its lists and uploads.
        killed_at: the boundary at which it ends, from 0; None lets it live.
        pause: seconds afterwards.
    """

    verb: Verb
    call: Call
    machine: int = 0
    posts: tuple[Action, ...] = ()
    others: tuple[Fault, ...] = ()
    killed_at: int | None = None
    pause: float = 0.0


@dataclass(frozen=True)
class Schedule:
    """Steps, and what holds for all of them.

    Attributes:
        lag: seconds until lists show a job.
        ignores: the service passes over the filter by metadata.
        recovers: in the end, jobs are asked for by `jobs.recover` first.
    """

    steps: Sequence[Step]
    lag: float = 0.0
    ignores: bool = False
    recovers: bool = False


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Boundaries:
    """Where a process may end: between any two things that last.

    Attributes:
        left: boundaries until it does; None lets it live.
        seen: where processes have ended, and what else there was.
    """

    seen: Counter[str]
    left: int | None = None

    def cross(self, place: str) -> None:
        if self.left is None:
            return
        if self.left == 0:
            self.left = None
            self.seen[f"killed {place}"] += 1
            raise Killed(place)
        self.left -= 1


class BrittleJournal(Journal):
    """A journal whose process may end right before and right after it writes."""

    def __init__(self, boundaries: Boundaries) -> None:
        super().__init__(None)
        self._boundaries = boundaries
        self._ids: list[str] = []

    def sent(self) -> list[Row]:
        """The rows whose create may have left."""
        return [row for row in map(self.get, self._ids) if row and row.state is not State.PREPARED]

    def add(self, row: Row) -> None:
        self._boundaries.cross("before a new row")
        super().add(row)
        self._ids.append(row.id)
        self._boundaries.cross("after a new row")

    def change(self, row: Row, **fields: object) -> Row:
        what = str(fields.get("state", "files"))
        self._boundaries.cross(f"before {what}")
        changed = super().change(row, **fields)
        self._boundaries.cross(f"after {what}")
        return changed

    def tell(self, provider: str, account: str, job_id: str) -> None:
        self._boundaries.cross(f"before {State.TOLD}")
        super().tell(provider, account, job_id)
        self._boundaries.cross(f"after {State.TOLD}")


class BrittleWire(InProcess):
    """A wire whose process may end before a request leaves, and once the service has it.

    After a read nothing has changed: that end is the one before whatever comes next.
    """

    boundaries = Boundaries(Counter())

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        name = f"{request.method} {request.url.path.rpartition('/v1/')[2].split('/')[0]}"
        self.boundaries.cross(f"before {name}")
        try:
            return super().handle_request(request)
        finally:
            if request.method != "GET":
                self.boundaries.cross(f"after {name}")


class Line:
    """The way to a kind of service, one for all: making a client takes longer than a schedule."""

    def __init__(self, kind: Kind) -> None:
        service = VENDORS[kind].service()
        self.wire = BrittleWire(service)
        self.client = openai.OpenAI(
            api_key=service.key,
            base_url=service.url,
            max_retries=0,
            http_client=httpx2.Client(transport=self.wire),
        )


LINES: Mapping[Kind, Line] = {kind: Line(kind) for kind in KINDS}


HOMES = TemporaryDirectory()
"""A state folder for each machine of each schedule."""


class Bare:
    """What is left out of the real providers."""

    def _open_client(self, http_client: Any, key: Any) -> Any:
        return http_client

    def preflight_job(self, spec: JobSpec, /) -> Inspection:
        """Nothing: what it asks spends nothing, and takes a tenth of the time of all."""
        return Inspection()


class BareOpenAI(Bare, OpenAIProvider):
    """The real one, on the wire of all."""


class BareAzure(Bare, AzureOpenAITrainer):
    """Likewise."""


PROVIDERS: Mapping[Kind, Callable[..., OpenAIVerbs]] = {"openai": BareOpenAI, "azure": BareAzure}


@dataclass
class Standing:
    """What became of an intent so far.

    Attributes:
        begun: how many jobs there may be: one, and one more each time that it was begun anew.
        open: whoever asks now asks for the same job again.
        job: what callers were given for it.
        earlier: what they were given before it was begun anew.
    """

    begun: int = 0
    open: bool = False
    job: str | None = None
    earlier: set[str] = field(default_factory=set[str])

    def begin(self) -> None:
        if not self.open:
            self.begun += 1
            self.open = True
            self.earlier |= {self.job} if self.job else set()
            self.job = None


class World:
    """One schedule as it happens."""

    def __init__(self, schedule: Schedule, seen: Counter[str], kind: Kind = "openai") -> None:
        """Makes an account without jobs, and machines without submissions.

        Args:
            schedule: what will happen.
            seen: counts what did.
            kind: where it happens. Azure drops the metadata of jobs.
        """
        self.kind: Kind = kind
        self.schedule = schedule
        self.seen = seen
        self.boundaries = Boundaries(seen)
        self.clock = VirtualClock()
        self.service: OpenAIService = VENDORS[kind].service(self.clock)
        file = self.service.add_file("rows.jsonl", "fine-tune", Blob(BYTES))
        self.file = DatasetFile(id=file.id, name=file.filename)
        self.journals = [BrittleJournal(self.boundaries) for _ in range(2)]
        self.homes = [Path(HOMES.name, str(next(COUNT))) for _ in self.journals]
        self.machine = 0
        self.several = any(step.machine for step in schedule.steps)
        self.standings = {call.intent: Standing() for call in CALLS}
        self.unknown: dict[tuple[int, str], str] = {}

    def run(self) -> None:
        """Goes through the steps, and then to the end of every intent."""
        wire = LINES[self.kind].wire
        wire.service, wire.boundaries = self.service, self.boundaries
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("finetune_sdk.resources.context.books_of", self.books_of)
            for step in self.schedule.steps:
                self._step(step)
                self.check()
            self.seen.update(told(fault) for fault in self.service.faults.hits)
            # By then every look would see the same.
            patch.setattr("finetune_sdk.submission.desk.LOOKS", LOOKS[:1])
            self._settle()
            self.check()

    def books_of(self, provider: FineTuneProvider, home: object) -> Books:
        """Stands in for the real one: what the machine has on its disk."""
        return Books(self.journals[self.machine], Locks(None))

    # A step

    def _step(self, step: Step) -> None:
        self._arm(step)
        self.machine, self.boundaries.left = step.machine, step.killed_at
        before = len(self.service.jobs)
        try:
            self._call(step)
        except Killed as end:
            self._killed(step.call, str(end))
        except SubmissionUnknownError as error:
            row = self._unknown(step.call, error)
            unread = any(fault.method == "GET" for fault in step.others)
            assert unread or not self._listed(row), "what is there was not found"
        except IdempotencyConflictError:
            self.seen["conflict"] += 1
            assert step.call.key == SHARED, "a conflict of a call with itself"
            assert len(self.service.jobs) == before, "a conflict that made a job"
        except FineTuneError:
            self.seen["refused"] += 1
            assert len(self.service.jobs) == before, "an error that says nothing of its job"
        self.boundaries.left = None
        self.clock.advance(step.pause)

    def _arm(self, step: Step) -> None:
        faults = self.service.faults
        faults.clear()
        faults.add(*(Fault(action=action) for action in step.posts), *step.others)
        if self.schedule.lag:
            lag = Lag(self.schedule.lag)
            faults.add(Fault(method="GET", path=JOBS, times=None, action=lag))
        if self.schedule.ignores:
            faults.add(Fault(method="GET", path=JOBS, times=None, action=IgnoreMetadata()))

    def _call(self, step: Step) -> None:
        call = step.call
        if step.verb == "create":
            self.standings[call.intent].begin()
            self._given(call, self._create(call))
        elif name := self.unknown.get((self.machine, call.intent), call.key):
            row = self._row(name)
            try:
                found = self._recover(name, abandon=step.verb == "abandon")
                assert found or not (row and self._listed(row)), "what is there was given up"
                self._recovered(call, found)
            except NotFoundError:
                self.seen["never sent"] += 1
                # What another machine has made with the key, or what was given up and is there
                # after all, is not what this row has sent.
                standing = self.standings[call.intent]
                mine = standing.open and standing.begun == 1 and not self.several
                assert not (mine and self._jobs(call.intent)), "`recover` denies a job"

    def _provider(self) -> OpenAIVerbs:
        place = {VENDORS[self.kind].address: self.service.url}
        return PROVIDERS[self.kind](
            **place,
            api_key=self.service.key,
            http_client=LINES[self.kind].client,
            home=self.homes[self.machine],
            clock=self.clock,
            environ={},
        )

    def _row(self, name: str) -> Row | None:
        """What the machine has written of a submission, by its id or its key."""
        journal, provider = self.journals[self.machine], self._provider()
        return journal.get(name) or journal.of_key(provider.name, provider.account, name)

    def _create(self, call: Call) -> Job:
        return FineTuneClient(self._provider()).jobs.create(
            model=MODEL,
            training_data=ROWS if call.rows else self.file,
            suffix=call.suffix,
            idempotency_key=call.key,
        )

    def _recover(self, name: str, *, abandon: bool) -> Job | None:
        return FineTuneClient(self._provider()).jobs.recover(name, abandon=abandon)

    # What callers are told

    def _given(self, call: Call, job: Job) -> None:
        standing = self.standings[call.intent]
        truth = self.service.jobs.get(job.id)
        assert truth is not None, "a job that is none"
        assert INTENTS[truth.asked["suffix"]] == call.intent, "somebody else's job"
        assert standing.job in (None, job.id), "two jobs for one intent"
        assert call.key or job.id not in standing.earlier, "an earlier job for a new intent"
        self.seen["created" if standing.job is None else "found again"] += 1
        standing.job = job.id
        # A key is for good. Without one, the same call again asks for another job.
        standing.open = call.key is not None
        self.unknown.pop((self.machine, call.intent), None)

    def _recovered(self, call: Call, job: Job | None) -> None:
        if job is not None:
            self.seen["recovered"] += 1
            self._given(call, job)
            return
        self.seen["abandoned"] += 1
        self.standings[call.intent].open = False
        self.unknown.pop((self.machine, call.intent), None)

    def _unknown(self, call: Call, error: SubmissionUnknownError) -> Row:
        self.seen["unknown"] += 1
        row = self.journals[self.machine].get(error.submission_id)
        assert row is not None, "a submission that nobody knows of"
        assert row.state is State.SUBMITTING, "a submission that would be sent again"
        self.unknown[self.machine, call.intent] = row.id
        return row

    def _killed(self, call: Call, place: str) -> None:
        self.seen["killed"] += 1
        standing = self.standings[call.intent]
        if place == f"after {State.TOLD}" and call.key is None:
            # It is on its way to the caller: without a key, the next call is a new one.
            standing.open = False
        if place == f"after {State.ABANDONED}":
            standing.open = False
            self.unknown.pop((self.machine, call.intent), None)

    # What must hold

    def check(self) -> None:
        """At most one job an intent, and none that its journal would let be made once more."""
        for intent, standing in self.standings.items():
            assert len(self._jobs(intent)) <= standing.begun, f"paid twice for {intent!r}"
        sent = [row for journal in self.journals for row in journal.sent()]
        for job in self.service.jobs.values():
            assert any(self._may_have_made(row, job) for row in sent), f"the job {job.id} is lost"
        assert not LINES[self.kind].wire.strays, "a request to another address"

    def _jobs(self, intent: str) -> list[StoredJob]:
        """What the service has of an intent, oldest first."""
        jobs = self.service.jobs.values()
        return [job for job in jobs if INTENTS[job.asked["suffix"]] == intent]

    def _listed(self, row: Row) -> list[StoredJob]:
        """What a submission has made and lists show by now."""
        now, lag = self.service.now(), self.schedule.lag
        jobs = self.service.jobs.values()
        return [job for job in jobs if self._may_have_made(row, job) and now - job.born >= lag]

    def _may_have_made(self, row: Row, job: StoredJob) -> bool:
        """By what tells its call from others; and by the key, or without one by its file."""
        if job.asked["suffix"] != row.spec.suffix:
            return False
        if job.metadata:
            return job.metadata[KEY] == row.key
        if self._is_of_another(row, job):
            return False
        file = self.service.files[job.asked["training_file"]]
        # Of a key of the caller's there may be a file of each machine.
        return file.id == row.spec.training_file.id or mark(row.key) in file.filename

    def _is_of_another(self, row: Row, job: StoredJob) -> bool:
        """The machine knows whose it is, as it knows it of all jobs that callers were told."""
        rows = self.journals[self.machine].sent()
        return any(other.job_id == job.id for other in rows if other.id != row.id)

    # The end

    def _settle(self) -> None:
        """Nothing goes wrong any more, and everybody asks until it is settled."""
        self.service.faults.clear()
        self.clock.advance(2 * LONGEST_LAG)
        asked = [(one.machine, one.call) for one in self.schedule.steps if one.verb == "create"]
        for self.machine, call in dict.fromkeys(asked):
            name = self.unknown.get((self.machine, call.intent))
            if name and self.schedule.recovers:
                self._settle_unknown(call, name)
            if self.standings[call.intent].open or call.key:
                self._ask(call)

    def _ask(self, call: Call) -> None:
        try:
            self.standings[call.intent].begin()
            self._given(call, self._create(call))
        except IdempotencyConflictError:
            assert call.key == SHARED, "a conflict of a call with itself"
        except SubmissionUnknownError as error:
            self._unknown(call, error)
            self._settle_unknown(call, error.submission_id)
            self._ask(call)

    def _settle_unknown(self, call: Call, name: str) -> None:
        """What nobody knew of is found, exactly where it was made."""
        row = self.journals[self.machine].get(name)
        assert row is not None, "a submission that nobody knows of"
        made = [job.id for job in self._jobs(call.intent) if self._may_have_made(row, job)]
        found = self._recover(name, abandon=True)
        assert (found and found.id) == (made[0] if made else None), "not what was made"
        self.seen["lost and found" if made else "never made"] += 1
        self._recovered(call, found)


def told(fault: Fault) -> str:
    """A fault as it is counted."""
    return f"{fault.method} {fault.path} {fault.action!r}"
