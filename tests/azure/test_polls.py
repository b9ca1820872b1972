"""Group G3 of the faults, by an identity: tokens that end while a job is waited for.

What both kinds of credentials share is in `tests/openai/test_polls.py`.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from finetune_sdk import AuthenticationError, Job, JobEvent, JobStatus
from tests.azure.bench import ROWS, Bench, bench_of
from tests.standins.azure import azure_error
from tests.standins.openai import Fault, JobCourse, Reply

MODEL = "gpt-4.1-mini-2025-04-14"
ONE = "/fine_tuning/jobs/[^/]+"
DENIED = Reply(401, azure_error("401", "Access denied."))


@pytest.fixture
def bench(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Generator[Bench]:
    yield from bench_of(tmp_path, caplog, monkeypatch)


def create(bench: Bench) -> Job:
    bench.azure.data.course = JobCourse(running=3600)
    return bench.client().jobs.create(model=MODEL, training_data=ROWS)


def test_a_token_that_ends_while_a_job_is_waited_for_is_renewed_once(bench: Bench) -> None:
    """POL-10."""
    job, authority, data = create(bench), bench.azure.authority, bench.azure.data
    issued, asked = len(authority.issued), len(data.requests)
    ended: list[JobEvent] = []

    def end(event: JobEvent) -> None:
        if not ended:
            ended.append(event)
            authority.revoke_all()

    done = bench.client().jobs.wait(job, progress=False, on_event=end)
    assert done.status is JobStatus.SUCCEEDED
    # That client's first one, and one more.
    assert len(authority.issued) == issued + 2
    assert {one.method for one in data.requests[asked:]} == {"GET"}


def test_tokens_that_are_all_refused_are_told_and_the_handle_is_kept(bench: Bench) -> None:
    """POL-10."""
    job, data = create(bench), bench.azure.data
    client = bench.client()
    data.faults.add(Fault(method="GET", path=ONE, action=DENIED, times=None, after=3))
    issued, asked = len(bench.azure.authority.issued), len(data.requests)
    caught = bench.fails(AuthenticationError, lambda: client.jobs.wait(job, progress=False))
    assert "service_principal" in str(caught)
    assert len(bench.azure.authority.issued) == issued + 2
    looks = [one.path for one in data.requests[asked:] if not one.path.endswith("/events")]
    # Three good ones, and the two that were refused.
    assert len(looks) == 3 + 2
    data.faults.clear()
    assert client.jobs.wait(job.handle, progress=False).status is JobStatus.SUCCEEDED
