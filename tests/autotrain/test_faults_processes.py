"""SUB-13, SUB-14 on HF Jobs: processes that die on their way, and that want the same at once."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest

from finetune_sdk import FineTuneClient, SubmissionUnknownError
from finetune_sdk.providers.autotrain.provider import AutoTrainProvider
from finetune_sdk.submission import Journal, State
from finetune_sdk.testing import VirtualClock
from tests.autotrain.bench import TOKEN, Bench, bench_of, call
from tests.standins.openai import Delay, Hang
from tests.submission.bench import Forks, say
from tests.submission.dying import always, around, becomes, end, in_the_transaction
from tests.support import eventually

KEYS = pytest.mark.parametrize("key", [None, "mine"], ids=["no key", "a key"])


@pytest.fixture
def bench(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Generator[Bench]:
    yield from bench_of(tmp_path, caplog)


@pytest.fixture(scope="module")
def forks() -> Generator[Forks]:
    with Forks(__name__, warm=False) as forks:
        yield forks


def client_of(url: str, home: str) -> FineTuneClient:
    """A client in another process."""
    provider = AutoTrainProvider(
        token=TOKEN, endpoint=url, home=home, clock=VirtualClock(), environ={}
    )
    return FineTuneClient(provider, home=home)


# SUB-13: where a process is killed. The steps are hooked here: nothing of it is in what is shipped.


def die(url: str, home: str, key: str, step: str) -> None:
    """Makes a job, and ends at the step."""
    STEPS[step](partial(end, "kill"))
    client_of(url, home).jobs.create(**call(idempotency_key=key or None))


STEPS: dict[str, Callable[[Callable[[], None]], None]] = {
    "before the upload": lambda last: around(
        AutoTrainProvider, "upload_dataset", before=lambda *_, **__: True, last=last
    ),
    "before the row": lambda last: around(
        Journal, "change", before=becomes(State.SUBMITTING), last=last
    ),
    "before send": lambda last: around(AutoTrainProvider, "create_job", before=always, last=last),
    "after response": lambda last: around(AutoTrainProvider, "create_job", after=always, last=last),
    "before commit": in_the_transaction,
    "after commit": lambda last: around(Journal, "change", after=becomes(State.CREATED), last=last),
}

Die = Callable[[str, str | None], None]


@pytest.fixture
def dies(bench: Bench, forks: Forks) -> Die:
    """Lets a process that makes a job end at a step."""

    def let_die(step: str, key: str | None) -> None:
        forks.start(die, bench.hub.url, str(bench.home), key or "", step)
        assert forks.end() == ([], -signal.SIGKILL)

    return let_die


@KEYS
@pytest.mark.parametrize("step", ["before the upload", "before the row"])
def test_sub_13_a_process_that_died_before_the_row_is_followed_by_one_that_sends(
    bench: Bench, dies: Die, step: str, key: str | None
) -> None:
    dies(step, key)
    assert (bench.posts, bench.states) == (0, ["prepared"])
    job = bench.create(idempotency_key=key)
    assert (bench.made, bench.posts, bench.states) == ([job.id], 1, ["told"])
    assert len(bench.datasets) == 1


@KEYS
def test_sub_13_whether_a_row_was_sent_nobody_can_tell_and_nobody_posts(
    bench: Bench, dies: Die, key: str | None
) -> None:
    dies("before send", key)
    assert (bench.posts, bench.states) == (0, ["submitting"])
    caught = bench.refuses(SubmissionUnknownError, idempotency_key=key)
    assert (bench.posts, bench.states) == (0, ["submitting"])
    assert bench.client().jobs.recover(caught.submission_id, abandon=True) is None
    job = bench.create(idempotency_key=key)
    assert (bench.made, bench.posts) == ([job.id], 1)


@KEYS
@pytest.mark.parametrize("step", ["after response", "before commit"])
def test_sub_13_a_process_that_died_with_its_answer_is_followed_by_one_that_finds_the_job(
    bench: Bench, dies: Die, step: str, key: str | None
) -> None:
    dies(step, key)
    assert (bench.posts, bench.states) == (1, ["submitting"])
    job = bench.create(idempotency_key=key)
    assert (bench.made, bench.posts, bench.states) == ([job.id], 1, ["told"])


@KEYS
def test_sub_13_a_job_that_was_written_down_and_told_to_nobody_is_told_to_the_next_one(
    bench: Bench, dies: Die, key: str | None
) -> None:
    dies("after commit", key)
    assert (bench.posts, bench.states) == (1, ["created"])
    job = bench.create(idempotency_key=key)
    assert (bench.made, bench.posts, bench.states) == ([job.id], 1, ["told"])


def make(url: str, home: str, key: str) -> None:
    say(client_of(url, home).jobs.create(**call(idempotency_key=key or None)).id)


@contextmanager
def waiting(bench: Bench, forks: Forks, key: str | None) -> Generator[None]:
    """A process that has sent its create and hears nothing; it is killed at the block's end."""
    bench.hurt(Hang(after=True))
    child = forks.start(make, bench.hub.url, str(bench.home), key or "")
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
        each = [stack.enter_context(Forks(__name__, warm=False)) for _ in keys]
        for forks, key in zip(each, keys, strict=True):
            forks.start(race, bench.hub.url, str(bench.home), key, str(gate))
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
