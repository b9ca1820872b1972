"""SUB-13 and SUB-14: processes that die on their way, and such that want the same at once."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from finetune_sdk import FineTuneClient, Job, RateLimitError, SubmissionUnknownError
from finetune_sdk.providers.openai.provider import OpenAIProvider
from finetune_sdk.submission import Journal, State
from tests.standins.openai import Action, Delay, DropAfter, DropBefore, Hang, Lag, Reply
from tests.submission.bench import Bench, Forks, call, client_of, say
from tests.submission.dying import always, around, becomes, end, in_the_transaction
from tests.support import eventually

T = TypeVar("T")
KEYS = pytest.mark.parametrize("key", [None, "mine"], ids=["no key", "a key"])
HOWS = pytest.mark.parametrize("how", ["exit", "kill"])


@pytest.fixture(scope="module")
def forks() -> Generator[Forks]:
    with Forks(__name__) as forks:
        yield forks


# SUB-13: where a process ends. The steps are hooked here: nothing of it is in what is shipped.


def die(url: str, home: str, key: str, step: str, how: str) -> None:
    """Makes a job, and ends at the step."""
    STEPS[step](partial(end, how))
    client_of(url, home).jobs.create(**call(idempotency_key=key or None))


STEPS: dict[str, Callable[[Callable[[], None]], None]] = {
    "before the upload": lambda last: around(
        OpenAIProvider, "upload_dataset", before=lambda *_, **__: True, last=last
    ),
    "before the row": lambda last: around(
        Journal, "change", before=becomes(State.SUBMITTING), last=last
    ),
    "after the row": lambda last: around(
        Journal, "change", after=becomes(State.SUBMITTING), last=last
    ),
    "before send": lambda last: around(OpenAIProvider, "create_job", before=always, last=last),
    "after response": lambda last: around(OpenAIProvider, "create_job", after=always, last=last),
    "before commit": in_the_transaction,
    "after commit": lambda last: around(Journal, "change", after=becomes(State.CREATED), last=last),
}


Die = Callable[[str, str, str | None], None]


@pytest.fixture
def dies(bench: Bench, forks: Forks) -> Die:
    """Lets a process that makes a job end at a step."""

    def let_die(step: str, how: str, key: str | None) -> None:
        forks.start(die, bench.service.url, str(bench.home), key or "", step, how)
        assert forks.end() == ([], {"exit": 3, "kill": -signal.SIGKILL}[how])

    return let_die


@HOWS
@KEYS
@pytest.mark.parametrize("step", ["before the upload", "before the row"])
def test_sub_13_a_process_that_died_before_the_row_is_followed_by_one_that_sends(
    bench: Bench, dies: Die, step: str, how: str, key: str | None
) -> None:
    dies(step, how, key)
    assert (bench.posts, bench.states) == (0, ["prepared"])
    job = bench.create(idempotency_key=key)
    assert (bench.made, bench.posts, bench.states) == ([job.id], 1, ["told"])


@HOWS
@KEYS
@pytest.mark.parametrize("step", ["after the row", "before send"])
def test_sub_13_whether_a_row_was_sent_nobody_can_tell_and_nobody_posts(
    bench: Bench, dies: Die, step: str, how: str, key: str | None
) -> None:
    """It was not, and might have been: it is the caller who decides to send it again."""
    dies(step, how, key)
    assert (bench.posts, bench.states) == (0, ["submitting"])
    caught = bench.refuses(SubmissionUnknownError, idempotency_key=key)
    assert (bench.posts, bench.states) == (0, ["submitting"])

    assert bench.client().jobs.recover(caught.submission_id, abandon=True) is None
    job = bench.create(idempotency_key=key)
    assert (bench.made, bench.posts) == ([job.id], 1)


@HOWS
@KEYS
@pytest.mark.parametrize("step", ["after response", "before commit"])
def test_sub_13_a_process_that_died_with_its_answer_is_followed_by_one_that_finds_the_job(
    bench: Bench, dies: Die, step: str, how: str, key: str | None
) -> None:
    dies(step, how, key)
    assert (bench.posts, bench.states) == (1, ["submitting"])
    job = bench.create(idempotency_key=key)
    assert (bench.made, bench.posts, bench.states) == ([job.id], 1, ["told"])


@HOWS
@KEYS
def test_sub_13_a_job_that_was_written_down_and_told_to_nobody_is_told_to_the_next_one(
    bench: Bench, dies: Die, how: str, key: str | None
) -> None:
    dies("after commit", how, key)
    assert (bench.posts, bench.states) == (1, ["created"])
    job = bench.create(idempotency_key=key)
    assert (bench.made, bench.posts, bench.states) == ([job.id], 1, ["told"])


def make(url: str, home: str, key: str) -> None:
    say(client_of(url, home).jobs.create(**call(idempotency_key=key or None)).id)


@contextmanager
def waiting(bench: Bench, forks: Forks, key: str | None) -> Generator[None]:
    """A process that has sent its create and hears nothing; it is killed at the block's end."""
    bench.hurt(Hang(after=True))
    child = forks.start(make, bench.service.url, str(bench.home), key or "")
    try:
        eventually(lambda: bool(bench.made))
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        assert forks.end() == ([], -signal.SIGKILL)


@KEYS
def test_sub_13_a_process_that_is_killed_after_send_is_followed_by_one_that_finds_the_job(
    bench: Bench, forks: Forks, key: str | None
) -> None:
    with waiting(bench, forks, key):
        assert bench.states == ["submitting"]
    job = bench.create(idempotency_key=key)
    assert (bench.made, bench.posts, bench.states) == ([job.id], 1, ["told"])


@KEYS
def test_who_waits_behind_a_process_that_is_killed_finds_its_job(
    bench: Bench, forks: Forks, key: str | None
) -> None:
    found: list[Job] = []
    client = bench.client()
    behind = threading.Thread(
        target=lambda: found.append(bench.create(client, idempotency_key=key))
    )
    with waiting(bench, forks, key):
        behind.start()
    behind.join(timeout=60)
    assert [job.id for job in found] == bench.made
    assert bench.posts == 1


# SUB-14: at once


def race(url: str, home: str, key: str, gate: str) -> None:
    """Says that it is ready, and makes a job when the gate opens."""
    client = client_of(url, home)
    say("ready")
    with Path(gate).open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
    say(client.jobs.create(**call(idempotency_key=key)).id)


def raced(bench: Bench, *keys: str) -> list[str]:
    """The jobs that processes get which ask at the same moment, one for each key."""
    gate = bench.folder / "gate"
    with ExitStack() as stack:
        lock = stack.enter_context(gate.open("w"))
        fcntl.flock(lock, fcntl.LOCK_EX)
        each = [stack.enter_context(Forks(__name__)) for _ in keys]
        for forks, key in zip(each, keys, strict=True):
            forks.start(race, bench.service.url, str(bench.home), key, str(gate))
            assert forks.line() == "ready"
        fcntl.flock(lock, fcntl.LOCK_UN)
        ended = [forks.end() for forks in each]
    assert [code for _, code in ended] == [0] * len(keys)
    return [job for (job,), _ in ended]


def test_sub_14_two_processes_with_one_key_get_one_job(bench: Bench) -> None:
    bench.hurt(Delay(first=0.3))
    told = raced(bench, "mine", "mine")
    assert told == bench.made * 2
    assert (bench.posts, bench.states) == (1, ["told"])


def test_two_processes_with_two_keys_get_two_jobs(bench: Bench) -> None:
    """Both begin with no journal at all, and neither is told that it is locked."""
    bench.intents = 2
    assert sorted(raced(bench, "mine", "yours")) == bench.made


def at_once(many: int, function: Callable[[int], T]) -> list[T]:
    """What the function gives on threads that begin together."""
    gate, given = threading.Barrier(many), list[T]()

    def run(number: int) -> None:
        gate.wait()
        given.append(function(number))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return given


@pytest.mark.parametrize("shared", [True, False], ids=["one client", "a client each"])
@pytest.mark.parametrize(
    "action",
    [Delay(first=0.1), DropAfter(), Reply(429, headers={"retry-after": "3600"})],
    ids=["slow", "lost", "refused"],
)
def test_sub_14_eight_threads_with_one_key_get_one_job(
    bench: Bench, action: Action, shared: bool
) -> None:
    bench.hurt(action)
    clients: list[FineTuneClient] = [bench.client() for _ in range(8)]

    def ask(number: int) -> str:
        client = clients[0 if shared else number]
        try:
            return bench.create(client, idempotency_key="mine").id
        except RateLimitError:
            return "refused"

    told = at_once(8, ask)
    refused = isinstance(action, Reply)
    assert told.count("refused") == refused
    assert told.count(bench.made[0]) == 8 - refused
    assert bench.posts == 1 + refused


def test_eight_threads_with_the_same_call_and_no_key_get_a_job_each(bench: Bench) -> None:
    bench.intents = 8
    client = bench.client()
    told = at_once(8, lambda _: bench.create(client).id)
    assert sorted(told) == bench.made
    assert len(set(told)) == bench.posts == 8


def test_of_eight_threads_none_posts_what_nobody_knows(bench: Bench) -> None:
    bench.hurt(DropBefore())
    bench.hurt(Lag(1e6), method="GET", times=None)
    client = bench.client()

    def ask(_: int) -> str:
        return bench.refuses(SubmissionUnknownError, client, idempotency_key="mine").submission_id

    assert len(set(at_once(8, ask))) == 1
    assert bench.posts == 1
