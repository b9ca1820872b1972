"""Pay once, proved by generated schedules of faults and crashes, and the proof by wrong desks."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from multiprocessing import get_context
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from finetune_sdk.errors import ProviderError, SubmissionUnknownError
from finetune_sdk.providers._openai_talk import finding
from finetune_sdk.submission import Desk, Order, Row, State
from finetune_sdk.types import Job
from tests.standins.openai import (
    Action,
    CutBody,
    Delay,
    DropAfter,
    DropBefore,
    Fault,
    Garble,
    Hang,
    Redirect,
    Refuse,
    Reply,
    error,
)
from tests.submission.schedules import CALLS, JOBS, LONGEST_LAG, Call, Schedule, Step, World, told
from tests.submission.services import Kind


@dataclass(frozen=True)
class Run:
    """So many schedules at a service, the same ones for the same seed."""

    kind: Kind
    seed: int
    schedules: int


FIRST = (Run("openai", 0, 2000),)
LATER_ON = (
    *(Run("openai", seed, 2000) for seed in range(1, 4)),
    *(Run("azure", seed, 500) for seed in range(4)),
)
RUNS = (*FIRST, *LATER_ON)
"""10,000 schedules in all; the first 2,000 are tried each time."""

ELSEWHERE = "http://127.0.0.1:2/v1/fine_tuning/jobs"
HTML = b"<html>Slow down.</html>"
SOON = {"retry-after": "1"}
UNMARKED = Reply(400, error(400, "Unknown parameter: 'metadata'.", param="metadata"))
POSTS: tuple[Action, ...] = (
    Refuse(),
    DropBefore(),
    DropBefore(keep=10),
    DropAfter(),
    DropAfter(reset=True),
    CutBody(),
    Hang(),
    Hang(after=True),
    Delay(after=100),
    Reply(500),
    Reply(500, after=True),
    Reply(503, headers=SOON),
    Reply(503, headers=SOON, after=True),
    Reply(408),
    Reply(408, after=True),
    Reply(409),
    Reply(409, after=True),
    Reply(425),
    Reply(429),
    Reply(429, headers={"retry-after-ms": "300"}),
    Reply(429, headers={"retry-after": "121"}),
    Reply(429, error(429, "Pay first.", code="insufficient_quota")),
    Reply(429, HTML, headers=SOON),
    Reply(429, HTML, headers=SOON, after=True),
    Reply(400),
    Reply(400, error(400, "File 'file-1' is not ready.", code="file_not_ready")),
    UNMARKED,
    Reply(401),
    Redirect(ELSEWHERE),
    Reply(307, b"", headers={"location": ELSEWHERE}, after=True),
    Garble("html"),
    Garble("null"),
    Garble("list"),
    Garble("truncated"),
    Garble("no_id"),
    Garble("empty"),
)
LISTS: tuple[Action, ...] = (Reply(500), Reply(429, headers={"retry-after": "121"}), DropBefore())
UPLOADS: tuple[Action, ...] = (Reply(500), DropAfter(), Reply(400), Hang(after=True))

OUTCOMES = (
    "created",
    "found again",
    "refused",
    "unknown",
    "recovered",
    "abandoned",
    "conflict",
    "never sent",
    "killed",
    "lost and found",
    "never made",
)
LASTING = ("a new row", "files", *(state.value for state in State), "POST files")
PLACES = {
    "before GET files",
    "before GET fine_tuning",
    *(f"{when} {what}" for when in ("before", "after") for what in (*LASTING, "POST fine_tuning")),
}
CLASSES = {
    *OUTCOMES,
    *(f"killed {place}" for place in PLACES),
    *(told(Fault(action=action)) for action in POSTS),
    *(told(Fault(method="GET", action=action)) for action in LISTS),
    *(told(Fault(path="/files", action=action)) for action in UPLOADS),
}


LATER: dict[Kind, set[str]] = {"azure": {"killed before abandoned", "killed after abandoned"}}
"""Behind five looks of three lists each no process of a schedule is killed; a test below does."""


def troubles(method: str, path: str, actions: tuple[Action, ...]) -> st.SearchStrategy[Fault]:
    """Something that goes wrong for some time."""
    return st.builds(
        Fault,
        method=st.just(method),
        path=st.just(path),
        action=st.sampled_from(actions),
        after=st.sampled_from([0, 0, 0, 3]),
        times=st.sampled_from([1, 6, None, None]),
    )


def steps(calls: tuple[Call, ...]) -> st.SearchStrategy[Step]:
    """Three creates for every two looks for what they made."""
    lists, uploads = troubles("GET", JOBS, LISTS), troubles("POST", "/files", UPLOADS)
    shared = {
        "call": st.sampled_from(calls),
        "machine": st.sampled_from([0, 0, 1]),
        "killed_at": st.none() | st.integers(0, 15),
        "pause": st.sampled_from([0.0, 0.0, 10.0, 200.0]),
    }
    creates = st.builds(
        Step,
        verb=st.just("create"),
        posts=st.lists(st.sampled_from(POSTS), max_size=2).map(tuple),
        others=st.just(()) | st.tuples(lists) | st.tuples(uploads),
        **shared,
    )
    looks = st.builds(
        Step,
        verb=st.sampled_from(["recover", "abandon"]),
        others=st.just(()) | st.tuples(lists),
        **shared,
    )
    return st.one_of(creates, creates, creates, looks, looks)


@cache
def of_calls(calls: tuple[Call, ...]) -> st.SearchStrategy[Schedule]:
    return st.builds(
        Schedule,
        steps=st.lists(steps(calls), min_size=1, max_size=4),
        lag=st.sampled_from([0.0, 0.0, 1.0, 20.0, LONGEST_LAG]),
        ignores=st.booleans(),
        recovers=st.booleans(),
    )


def schedules(kind: Kind) -> st.SearchStrategy[Schedule]:
    """Schedules of one call, again and again, or of two."""
    pairs = [(call,) for call in CALLS] + list(combinations(CALLS, 2))
    keep = {"openai": promised, "azure": promised_by_files}[kind]
    return st.sampled_from(pairs).flatmap(of_calls).map(keep)


def promised(schedule: Schedule) -> Schedule:
    """The schedule, within what is promised.

    Between machines, that takes a key in each job and lists that are complete. Of a server that
    takes no metadata a job is told by its file, so there the file is of one call.
    """
    unmarked = any(UNMARKED in step.posts for step in schedule.steps)
    several = not schedule.lag and not unmarked
    return replace(schedule, steps=[within(step, several=several) for step in schedule.steps])


def promised_by_files(schedule: Schedule) -> Schedule:
    """The schedule, within what is promised where no job has a key in it.

    Another machine's job is told by its file, whose name has the key: it has to be uploaded for it.
    """
    return replace(
        schedule,
        steps=[
            within(step, several=not schedule.lag and step.call.rows) for step in schedule.steps
        ],
    )


def within(step: Step, *, several: bool) -> Step:
    posts = tuple(action for action in step.posts if step.call.rows or action != UNMARKED)
    return replace(step, posts=posts, machine=step.machine if several and step.call.key else 0)


def explore(run: Run, *, shrink: bool = True) -> Counter[str]:
    """Goes through the schedules of a run; what was on the way.

    Raises:
        AssertionError: something does not hold; its notes have the smallest schedule.
    """
    seen: Counter[str] = Counter()
    phases = (hypothesis.Phase.generate, hypothesis.Phase.shrink)

    @hypothesis.seed(run.seed)
    @hypothesis.settings(
        max_examples=run.schedules,
        deadline=None,
        database=None,
        phases=phases if shrink else phases[:1],
        report_multiple_bugs=False,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
    @hypothesis.given(schedules(run.kind))
    def holds(schedule: Schedule) -> None:
        seen["schedules"] += 1
        World(schedule, seen, run.kind).run()

    holds()
    return seen


@pytest.mark.timeout(900)  # Half a minute on two idle cores; the others a minute.
@pytest.mark.parametrize(
    "runs",
    [
        pytest.param(FIRST, id="first"),
        pytest.param(LATER_ON, id="later", marks=pytest.mark.long),
    ],
)
def test_nobody_pays_twice(runs: tuple[Run, ...]) -> None:
    workers = min(len(runs), os.cpu_count() or 1)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        found = list(zip(runs, pool.map(explore, runs), strict=True))
    kinds: set[Kind] = {run.kind for run in runs}
    for kind in kinds:
        seen = sum((seen for run, seen in found if run.kind == kind), Counter[str]())
        assert seen["schedules"] == sum(run.schedules for run in runs if run.kind == kind)
        never = CLASSES - LATER.get(kind, set()) - seen.keys()
        assert not never, "what did not happen was not tested"


# Desks that are wrong, each in one thing. A proof that passes them is none.


class PostsAgain(Desk):
    """Sends again what may have arrived."""

    def _sent(self, row: Row) -> Job:
        try:
            return self._written(row, self._do(lambda: self.provider.create_job(row.spec)))
        except ProviderError as lost:
            if lost.effect != "unknown":
                raise
            return super()._sent(row)


class WritesLate(Desk):
    """Does not write down that a create is about to leave."""

    def _make(self, order: Order, row: Row | None) -> Job:
        order.check()
        return self._sent(self._with_files(order, row or self._new_row(order)))


class BelievesItself(Desk):
    """Does not ask for jobs of another machine once it has a row of its own."""

    def _of_key(self, order: Order) -> Job:
        row = self.journal.of_key(self.provider.name, self.provider.account, order.spec.key)
        if row is not None and row.state is State.PREPARED and row.call == order.spec.call:
            return self._make(order, row)
        return super()._of_key(order)


class Forgets(Desk):
    """Does not look for what an earlier process may have sent."""

    def _of_call(self, order: Order) -> Job:
        return self._told(order, self._make(order, None))


class TellsEarly(Desk):
    """Takes for told what is only written down."""

    def _written(self, row: Row, job: Job) -> Job:
        return self._handed_over(super()._written(row, job))


class GivesUpBlind(Desk):
    """Gives a submission up although the list could not be read."""

    def _given_up(self, row: Row) -> Job | None:
        try:
            return self._looked_for(row, None)
        except SubmissionUnknownError:
            self.journal.change(row, state=State.ABANDONED)
            return None


class AnyText(str):
    """A mark that is equal to every other."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False


def desk(wrong: type[Desk]) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setattr("finetune_sdk.resources.context.Desk", wrong)


def believe_the_filter(patch: pytest.MonkeyPatch) -> None:
    """What the service lists is taken for what was asked for."""

    def marks(found: object) -> tuple[str, None]:
        return AnyText(), None

    patch.setattr(finding, "marks", marks)


def retry_what_is_lost(patch: pytest.MonkeyPatch) -> None:
    """The policy sends a create again, as it does with reads."""

    def may_retry(use: object, failed: ProviderError) -> bool:
        return failed.retryable

    patch.setattr("finetune_sdk.transport.policy.may_retry", may_retry)


def take_all_of_a_file(patch: pytest.MonkeyPatch) -> None:
    """Any job of the same file is taken for ours."""

    def alike(*given: Any, **words: Any) -> bool:
        return True

    patch.setattr(finding, "_alike", alike)


def look_by_no_file(patch: pytest.MonkeyPatch) -> None:
    """What another machine has uploaded for the key is not looked at."""

    def find(*given: Any, **words: Any) -> list[Job]:
        return []

    patch.setattr(finding, "find_by_files", find)


def believe_in_marks(patch: pytest.MonkeyPatch) -> None:
    """A job without a mark is somebody else's, although Azure keeps none."""

    def find(*given: Any, unmarked: bool) -> list[Job]:
        return real(*given, unmarked=not unmarked)

    real = finding.find
    patch.setattr(finding, "find", find)


MUTANTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "posts again": desk(PostsAgain),
    "writes late": desk(WritesLate),
    "believes itself": desk(BelievesItself),
    "forgets": desk(Forgets),
    "tells early": desk(TellsEarly),
    "gives up blind": desk(GivesUpBlind),
    "believes the filter": believe_the_filter,
    "retries what is lost": retry_what_is_lost,
}
BY_FILES: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "believes itself": MUTANTS["believes itself"],
    "looks by no file": look_by_no_file,
}
"""Few schedules have several machines at Azure: there these are found by a certain one."""
AZURE_MUTANTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    **{
        name: wrong
        for name, wrong in MUTANTS.items()
        if name not in {*BY_FILES, "believes the filter"}
    },
    "takes all of a file": take_all_of_a_file,
    "believes in marks": believe_in_marks,
}


def prove(kind: Kind) -> None:
    """What the test above does, until something does not hold."""
    for run in RUNS:
        if run.kind == kind:
            explore(run, shrink=False)


def slow_ones_later(names: Iterable[str], quick: Collection[str]) -> list[Any]:
    return [pytest.param(name, marks=() if name in quick else pytest.mark.long) for name in names]


@pytest.mark.parametrize(
    "name", slow_ones_later(MUTANTS, {"posts again", "writes late", "retries what is lost"})
)
def test_what_is_wrong_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    MUTANTS[name](monkeypatch)
    with pytest.raises(AssertionError):
        prove("openai")


@pytest.mark.parametrize(
    "name", slow_ones_later(AZURE_MUTANTS, {"posts again", "forgets", "believes in marks"})
)
def test_what_is_wrong_is_found_at_azure(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    AZURE_MUTANTS[name](monkeypatch)
    with pytest.raises(AssertionError):
        prove("azure")


def test_an_unmarked_job_of_a_shared_file_is_found_by_a_new_process() -> None:
    after_second_post = 10
    killed = Step("create", Call("file"), posts=(UNMARKED,), killed_at=after_second_post)
    World(Schedule([killed]), Counter()).run()


def two_machines() -> None:
    """One has failed, another has made it by the same key, and the first one asks anew."""
    (call,) = (call for call in CALLS if call.key and call.rows)
    steps = [
        Step("create", call, posts=(Reply(400),)),
        Step("create", call, machine=1),
        Step("create", call),
    ]
    World(Schedule(steps), Counter(), "azure").run()


def test_where_no_job_has_a_key_in_it_another_machine_finds_it_by_its_file() -> None:
    two_machines()


@pytest.mark.parametrize("name", BY_FILES)
def test_a_machine_that_does_not_look_for_others_is_found(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    BY_FILES[name](monkeypatch)
    with pytest.raises(AssertionError):
        two_machines()


@pytest.mark.parametrize("when", ["before", "after"])
def test_at_azure_a_process_may_end_while_it_gives_up(when: str) -> None:
    call, seen = Call("file"), Counter[str]()
    killed_at = {"before": 15, "after": 16}[when]
    steps = [
        Step("create", call, posts=(DropBefore(),)),
        Step("abandon", call, killed_at=killed_at),
        Step("create", call),
    ]
    World(Schedule(steps), seen, "azure").run()
    assert seen[f"killed {when} abandoned"] == 1
