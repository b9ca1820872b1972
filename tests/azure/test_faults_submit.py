"""Groups G1 and G2 of the faults, by an identity: tokens that end while a job is made.

What both kinds of credentials share is in `tests/submission`, where Azure is asked with a key.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from finetune_sdk import (
    AuthenticationError,
    ConnectionFailedError,
    FineTuneClient,
    FineTuneError,
    Job,
    SubmissionUnknownError,
)
from tests.azure.bench import ROWS, Bench, bench_of
from tests.standins.azure import Authority, azure_error
from tests.standins.openai import Action, Answer, Fault, Refuse, Reply
from tests.submission.bench import states

MODEL = "gpt-4.1-mini-2025-04-14"
JOBS, FILES = "/fine_tuning/jobs", "/files"
DENIED = Reply(401, azure_error("401", "Access denied."))


@pytest.fixture
def bench(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Generator[Bench]:
    yield from bench_of(tmp_path, caplog, monkeypatch)


@dataclass(frozen=True, slots=True)
class Ended(Action):
    """All tokens end just before the service looks at the request."""

    authority: Authority

    def instead(self) -> None:
        self.authority.revoke_all()


@dataclass(frozen=True, slots=True)
class EndedAndLost(Action):
    """It was done; then all tokens end, and the answer is lost."""

    authority: Authority

    def bend(self, answer: Answer) -> Answer:
        self.authority.revoke_all()
        return replace(answer, ending="drop")


def hurt(
    bench: Bench,
    action: Action,
    *,
    method: str | None = "POST",
    path: str = JOBS,
    times: int | None = 1,
    after: int = 0,
) -> None:
    """Lets some requests of the data plane, the next create by default, go wrong."""
    fault = Fault(method=method, path=path, action=action, times=times, after=after)
    bench.azure.data.faults.add(fault)


def create(bench: Bench, client: FineTuneClient | None = None) -> Job:
    client = client or bench.client()
    return client.jobs.create(model=MODEL, training_data=ROWS, idempotency_key="ours")


def posts(bench: Bench, path: str = JOBS) -> int:
    return len(bench.azure.data.posts(path))


def made(bench: Bench) -> list[str]:
    return list(bench.azure.data.jobs)


@pytest.mark.parametrize("number", range(6))
def test_a_token_that_ends_is_renewed_once_and_one_job_is_made(bench: Bench, number: int) -> None:
    """Two searches for the key, the model, the upload, its state and the create, in turn."""
    authority, data = bench.azure.authority, bench.azure.data
    hurt(bench, Ended(authority), method=None, path=".*", after=number)
    job = create(bench)
    assert (made(bench), states(bench.home)) == ([job.id], ["told"])
    # One request was refused and went again, by a token that is new.
    assert len(data.requests) == 6 + 1
    refused, again = data.requests[number : number + 2]
    assert (refused.method, refused.path) == (again.method, again.path)
    used = [one.headers["authorization"].removeprefix("Bearer ") for one in (refused, again)]
    assert used == [token.text for token in authority.issued]
    # What was sent with the token that had ended is not there twice, nor in half.
    (file,) = [one for one in data.files.values() if one.purpose == "fine-tune"]
    assert file.blob.lines == len(ROWS)


def test_a_new_token_that_is_refused_too_ends_it_and_nothing_is_made(bench: Bench) -> None:
    hurt(bench, DENIED, times=None)
    caught = bench.fails(AuthenticationError, lambda: create(bench))
    assert (caught.effect, caught.status_code) == ("none", 401)
    assert "service_principal" in str(caught)
    assert (made(bench), posts(bench), states(bench.home)) == ([], 2, ["prepared"])
    assert len(bench.azure.authority.issued) == 2

    bench.azure.data.faults.clear()
    assert [create(bench).id] == made(bench)
    assert posts(bench, FILES) == 1


def test_a_lost_create_is_looked_for_by_a_new_token(bench: Bench) -> None:
    """SUB-03, with a token that has ended meanwhile."""
    hurt(bench, EndedAndLost(bench.azure.authority))
    job = create(bench)
    assert (made(bench), posts(bench), states(bench.home)) == ([job.id], 1, ["told"])
    assert len(bench.azure.authority.issued) == 2


def refuse(bench: Bench) -> None:
    """The secret has ended, too."""
    bench.azure.authority.refuse = "AADSTS7000222"


def vanish(bench: Bench) -> None:
    """Nobody can be asked for a token."""
    fault = Fault(method=None, path=".*", action=Refuse(), times=None)
    bench.azure.authority.faults.add(fault)


def mend(bench: Bench) -> None:
    bench.azure.authority.refuse = None
    bench.azure.authority.faults.clear()


@pytest.mark.parametrize(
    ("fail", "kind"), [(refuse, AuthenticationError), (vanish, ConnectionFailedError)]
)
def test_where_no_new_token_is_to_be_had_nothing_is_made(
    bench: Bench, fail: Callable[[Bench], None], kind: type[FineTuneError]
) -> None:
    client = bench.client()
    list(client.datasets.list())
    fail(bench)
    hurt(bench, Ended(bench.azure.authority))
    bench.fails(kind, lambda: create(bench, client))
    assert (made(bench), posts(bench), states(bench.home)) == ([], 1, ["prepared"])
    mend(bench)
    assert [create(bench, client).id] == made(bench)
    assert posts(bench, FILES) == 1


@pytest.mark.parametrize("fail", [refuse, vanish])
def test_a_lost_create_that_nobody_may_look_for_is_unknown(
    bench: Bench, fail: Callable[[Bench], None]
) -> None:
    client = bench.client()
    list(client.datasets.list())
    fail(bench)
    hurt(bench, EndedAndLost(bench.azure.authority))
    caught = bench.fails(SubmissionUnknownError, lambda: create(bench, client))
    assert "the last look for it failed" in str(caught)
    assert states(bench.home) == ["submitting"]
    mend(bench)
    assert create(bench, client).id == made(bench)[0]
    assert (len(made(bench)), posts(bench)) == (1, 1)
