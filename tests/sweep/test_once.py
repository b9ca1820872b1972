"""Pay once: a sweep that is killed, doubled or left without an answer makes no job twice."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk import (
    FineTuneClient,
    IdempotencyConflictError,
    JobStatus,
    SubmissionUnknownError,
    Supervised,
    Sweep,
)
from finetune_sdk.providers.openai.provider import OpenAIProvider
from finetune_sdk.submission import Journal, State
from finetune_sdk.testing import VirtualClock
from tests.standins.openai import DropAfter, DropBefore, Reply, error
from tests.submission.bench import FILES, MODEL, ROWS, Bench, Forks, bench_of, client_of, say
from tests.submission.dying import around, becomes, end
from tests.submission.services import AZURE, KINDS, OPENAI
from tests.support import eventually

FACTORS = [0.5, 1.0, 2.0]


@pytest.fixture(params=KINDS)
def bench(
    request: pytest.FixtureRequest, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> Generator[Bench]:
    for bench in bench_of(tmp_path, caplog, request.param):
        bench.intents = len(FACTORS)
        yield bench


@pytest.fixture(scope="module")
def forks() -> Generator[Forks]:
    with Forks(__name__) as forks:
        yield forks


def call(**words: Any) -> dict[str, Any]:
    return {
        "model": MODEL,
        "training_data": ROWS,
        "method": Supervised(epochs=2),
        "grid": {"learning_rate_multiplier": FACTORS},
        "progress": False,
        **words,
    }


def sweep(client: FineTuneClient, **words: Any) -> Sweep:
    return client.jobs.sweep(**call(**words))


def ids(swept: Sweep) -> list[str]:
    return [one.job.id if one.job else "" for one in swept.trials]


def files(bench: Bench) -> int:
    return len(bench.service.posts(FILES))


def check_whole(bench: Bench, swept: Sweep) -> None:
    """Each trial has a job of its own, which is what was asked for, and there is no other."""
    assert sorted(ids(swept)) == sorted(bench.made)
    assert len(bench.made) == len(FACTORS)
    for one, factor in zip(swept.trials, FACTORS, strict=True):
        assert one.job is not None
        assert one.job.status is JobStatus.SUCCEEDED
        assert one.job.method is not None
        assert one.job.method.learning_rate_multiplier == factor
    assert set(bench.states) - {"abandoned"} == {"told"}


def test_the_rows_are_sent_once_where_jobs_are_known_without_them(bench: Bench) -> None:
    check_whole(bench, sweep(bench.client()))
    assert files(bench) == {"openai": 1, "azure": len(FACTORS)}[bench.kind]


def test_the_same_call_again_finds_all_of_them(bench: Bench) -> None:
    first = sweep(bench.client())
    again = sweep(bench.client())
    assert ids(again) == ids(first)
    assert [one.metric for one in again.trials] == [one.metric for one in first.trials]
    check_whole(bench, again)


def test_another_machine_finds_all_of_them(bench: Bench) -> None:
    first = sweep(bench.client())
    again = sweep(bench.client(bench.folder / "elsewhere"))
    assert ids(again) == ids(first)
    check_whole(bench, again)


def test_more_values_make_only_the_new_ones(bench: Bench) -> None:
    first = sweep(bench.client(), grid={"learning_rate_multiplier": FACTORS[1:]})
    whole = sweep(bench.client())
    assert ids(whole)[1:] == ids(first)
    check_whole(bench, whole)


@OPENAI
def test_a_name_makes_other_jobs_of_the_same(bench: Bench) -> None:
    """What a key is made of does not depend on the place."""
    bench.intents = 2 * len(FACTORS)
    first = sweep(bench.client())
    named = sweep(bench.client(), name="second")
    assert not set(ids(first)) & set(ids(named))
    assert ids(sweep(bench.client(), name="second")) == ids(named)


@OPENAI
def test_a_name_with_another_call_is_an_error(bench: Bench) -> None:
    """Nor who looks at it."""
    sweep(bench.client(), name="mine")
    refused = bench.fails(
        IdempotencyConflictError,
        lambda: sweep(bench.client(), name="mine", method=Supervised(epochs=3)),
    )
    assert "used with another call" in str(refused)
    assert bench.posts == len(FACTORS)


def test_an_answer_that_is_lost_is_looked_for_among_jobs_of_the_same_rows(bench: Bench) -> None:
    bench.hurt(DropAfter(), after=1)
    check_whole(bench, sweep(bench.client()))


@OPENAI
def test_without_marks_the_whole_call_tells_jobs_of_the_same_rows(bench: Bench) -> None:
    """Azure refuses no metadata here; it keeps none."""
    no_metadata = Reply(400, error(400, "Unknown parameter: 'metadata'.", param="metadata"))
    for before in (0, 2, 4):
        bench.hurt(no_metadata, after=before)
    bench.hurt(DropAfter(), after=3)
    done = sweep(bench.client(), at_once=1)
    assert sorted(ids(done)) == sorted(bench.made)
    for one, factor in zip(done.trials, FACTORS, strict=True):
        assert one.job is not None
        assert one.job.method is not None
        assert one.job.method.learning_rate_multiplier == factor


def test_where_nobody_knows_no_other_one_is_begun(bench: Bench) -> None:
    bench.hurt(DropBefore(), after=1)
    lost = bench.fails(SubmissionUnknownError, lambda: sweep(bench.client()))
    assert (len(bench.made), bench.posts) == (1, 2)
    bench.fails(SubmissionUnknownError, lambda: sweep(bench.client()))
    assert (len(bench.made), bench.posts) == (1, 2)

    bench.client().jobs.recover(lost.submission_id, abandon=True)
    check_whole(bench, sweep(bench.client()))


# Processes


def run(url: str, home: str, kind: str) -> None:
    done = sweep(client_of(url, home, "azure" if kind == "azure" else "openai"), poll_interval=1)
    say(" ".join(ids(done)))


def die(url: str, home: str, step: str, number: str) -> None:
    """Sweeps, and ends at the step of that create."""
    STEPS[step](partial(end, "kill"), int(number))
    sweep(client_of(url, home))


def _nth(wanted: Callable[..., bool], number: int) -> Callable[..., bool]:
    seen = Counter[str]()

    def holds(*arguments: object, **words: object) -> bool:
        seen["calls"] += wanted(*arguments, **words)
        return seen["calls"] == number

    return holds


def _any(*_: object, **__: object) -> bool:
    return True


STEPS: dict[str, Callable[[Callable[[], None], int], None]] = {
    "before the row": lambda last, number: around(
        Journal, "change", before=_nth(becomes(State.SUBMITTING), number), last=last
    ),
    "before send": lambda last, number: around(
        OpenAIProvider, "create_job", before=_nth(_any, number), last=last
    ),
    "after response": lambda last, number: around(
        OpenAIProvider, "create_job", after=_nth(_any, number), last=last
    ),
    "after commit": lambda last, number: around(
        Journal, "change", after=_nth(becomes(State.CREATED), number), last=last
    ),
}


@OPENAI
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("step", ["before the row", "after response", "after commit"])
def test_a_sweep_that_was_killed_goes_on(
    bench: Bench, forks: Forks, step: str, number: int
) -> None:
    """The same desk makes the jobs of both places."""
    forks.start(die, bench.service.url, str(bench.home), step, str(number))
    assert forks.end() == ([], -signal.SIGKILL)
    check_whole(bench, sweep(bench.client()))
    assert files(bench) == 1


@OPENAI
def test_a_create_that_may_have_left_is_settled_before_any_other(
    bench: Bench, forks: Forks
) -> None:
    forks.start(die, bench.service.url, str(bench.home), "before send", "2")
    assert forks.end() == ([], -signal.SIGKILL)
    assert (bench.posts, bench.states) == (1, ["told", "submitting"])
    lost = bench.fails(SubmissionUnknownError, lambda: sweep(bench.client()))
    assert bench.posts == 1
    bench.client().jobs.recover(lost.submission_id, abandon=True)
    check_whole(bench, sweep(bench.client()))
    assert files(bench) == 1


@OPENAI
def test_a_sweep_that_was_killed_while_it_waited_goes_on(bench: Bench, forks: Forks) -> None:
    """At Azure the jobs are found by the same journal."""
    child = forks.start(run, bench.service.url, str(bench.home), bench.kind)
    eventually(lambda: bench.posts == 2 and bench.states == ["told"] * 2)
    os.kill(child, signal.SIGKILL)
    assert forks.end() == ([], -signal.SIGKILL)
    check_whole(bench, sweep(bench.client()))


@OPENAI
def test_processes_and_threads_that_sweep_at_once_make_no_job_twice(
    bench: Bench, forks: Forks
) -> None:
    """Their locks are those of the state folder, whatever the place."""
    start = threading.Barrier(2)

    def one(client: FineTuneClient) -> list[str]:
        start.wait()
        return ids(sweep(client))

    # A clock for each: the deadline of one would end while another sleeps.
    clients = [bench.client(clock=VirtualClock()) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        forks.start(run, bench.service.url, str(bench.home), bench.kind)
        both = [pool.submit(one, client) for client in clients]

        def ended() -> bool:
            bench.clock.advance(60)
            return all(each.done() for each in both)

        eventually(ended)
    found = [each.result() for each in both]
    lines, code = forks.end()
    assert code == 0
    assert found == [bench.made, bench.made]
    assert lines == [" ".join(bench.made)]
    assert len(bench.made) == bench.posts == len(FACTORS)


@AZURE
def test_where_a_file_tells_jobs_apart_each_has_its_own(bench: Bench) -> None:
    """OpenAI's jobs are told apart by their metadata."""
    done = sweep(bench.client())
    used = {one.job.training_file.id for one in done.trials if one.job and one.job.training_file}
    assert len(used) == len(FACTORS)
