"""Group G2 of the faults, where rows go up as a private dataset of the Hub; and its deadlines."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from finetune_sdk import (
    AuthenticationError,
    ConnectionFailedError,
    DatasetFileError,
    FineTuneError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    Supervised,
)
from finetune_sdk.transport import SYSTEM_CLOCK
from finetune_sdk.types import JobSpec
from tests.autotrain.bench import COMMITS, DATASETS, JOBS, ROWS, Bench, bench_of
from tests.autotrain.hubs import MODEL
from tests.standins.hub import broken
from tests.standins.openai import Action, CutBody, Drip, DropAfter, DropBefore, Garble, Hang

LINES = b"".join(json.dumps(row, separators=(",", ":")).encode() + b"\n" for row in ROWS)
CREATE = "/api/repos/create"


@pytest.fixture
def bench(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Generator[Bench]:
    yield from bench_of(tmp_path, caplog)


def kept(bench: Bench) -> list[bytes]:
    """The rows at the Hub, a dataset each."""
    repos = [bench.hub.repos["dataset", name] for name in bench.datasets]
    assert all(repo.private for repo in repos)
    return [repo.files().get("rows.jsonl", b"") for repo in repos]


def used(bench: Bench) -> str:
    """The dataset of the one job."""
    (job,) = bench.hub.jobs
    course = json.loads(job.spec["environment"]["FINETUNE_COURSE"])
    return str(course["rows"]["train"]["repo"])


# UPL-01, UPL-02: the upload is lost


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_upl_01_an_upload_that_is_cut_half_way_begins_again_from_its_start(
    bench: Bench, reset: bool
) -> None:
    path = bench.folder / "train.jsonl"
    path.write_bytes(LINES * 400)
    bench.hurt(DropBefore(keep=len(LINES) * 200, reset=reset), path=COMMITS)
    bench.create(training_data=path)
    assert kept(bench) == [LINES * 400]
    assert [used(bench)] == bench.datasets


@pytest.mark.parametrize("path", [CREATE, COMMITS])
@pytest.mark.parametrize(
    "action",
    [DropAfter(), CutBody(), broken(500, "no", after=True), Garble("html"), Garble("truncated")],
    ids=repr,
)
def test_upl_02_an_upload_whose_answer_was_lost_goes_on_in_the_same_dataset(
    bench: Bench, action: Action, path: str
) -> None:
    bench.hurt(action, path=path)
    bench.create()
    assert kept(bench) == [LINES]
    assert [used(bench)] == bench.datasets


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, DatasetFileError),
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (413, DatasetFileError),
        (422, DatasetFileError),
    ],
)
def test_an_upload_that_is_refused_makes_no_job(
    bench: Bench, status: int, error: type[FineTuneError]
) -> None:
    bench.hurt(broken(status, "no"), path=COMMITS)
    assert str(status) in str(bench.refuses(error))
    assert (bench.posts, bench.states) == (0, ["prepared"])
    bench.create()
    assert kept(bench) == [LINES]


def test_an_upload_that_fails_for_good_makes_no_job_and_goes_on_next_time(bench: Bench) -> None:
    bench.hurt(broken(500, "no"), path=CREATE, times=None)
    bench.refuses(ServerError)
    assert (bench.posts, bench.states) == (0, ["prepared"])
    bench.hub.faults.clear()
    bench.create()
    assert kept(bench) == [LINES]


def test_rows_of_an_earlier_try_are_used_again(bench: Bench) -> None:
    bench.hurt(broken(403, "no"))
    bench.refuses(PermissionDeniedError)
    bench.create()
    assert len(bench.datasets) == 1
    assert bench.hub.count("POST", COMMITS) == 1


# A wait that is longer than anybody has


@pytest.mark.parametrize(
    "headers", [{"retry-after": "3600"}, {"ratelimit": '"api";r=0;t=3600'}], ids=["http", "hub"]
)
@pytest.mark.parametrize("path", [CREATE, f"{DATASETS}/preupload/main", COMMITS])
def test_an_upload_does_not_wait_for_an_hour(
    bench: Bench, path: str, headers: dict[str, str]
) -> None:
    """The package itself would, by the system's clock: the test would end in an hour."""
    bench.hurt(broken(429, "Too many requests", headers=headers), path=path)
    caught = bench.refuses(RateLimitError)
    assert caught.retry_after == 3600
    assert (bench.clock.monotonic(), bench.posts) == (0, 0)


def test_a_list_does_not_wait_for_an_hour(bench: Bench) -> None:
    limit = broken(429, "Too many requests", headers={"retry-after": "3600"})
    bench.hurt(limit, method="GET", times=None)
    caught = bench.fails(RateLimitError, lambda: list(bench.client().jobs.list()))
    assert caught.retry_after == 3600
    assert (bench.clock.monotonic(), bench.searches) == (0, 1)


def test_a_list_is_asked_again_by_our_clock_alone(bench: Bench) -> None:
    bench.hurt(broken(503, "Busy", headers={"retry-after": "100"}), method="GET", times=2)
    assert list(bench.client().jobs.list()) == []
    assert bench.clock.monotonic() >= 200


# Deadlines, by the real clock

DEADLINE, SLACK = 0.5, 1.5


@pytest.fixture
def real(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Generator[Bench]:
    yield from bench_of(tmp_path, caplog, SYSTEM_CLOCK)


@pytest.mark.parametrize("action", [Drip(0.02), Drip(0.3), Hang()], ids=repr)
def test_no_drip_outlasts_the_deadline(real: Bench, action: Action) -> None:
    client = real.client()
    file = client.datasets.upload(ROWS)
    job = real.create(client, training_data=file)
    spec = JobSpec(key="k", call="c", model=MODEL, method=Supervised(), training_file=file)
    hasty = real.provider(timeout=DEADLINE, namespace="alice")
    asks: list[tuple[str, str, Callable[[], object]]] = [
        ("GET", f"{JOBS}/{job.id}", lambda: hasty.get_job(job.id)),
        ("GET", JOBS, lambda: hasty.list_jobs(limit=9, cursor=None)),
        ("GET", f"/api/models/{MODEL}", lambda: hasty.get_model(MODEL)),
        ("POST", JOBS, lambda: hasty.create_job(spec)),
        ("POST", f"{JOBS}/{job.id}/cancel", lambda: hasty.cancel_job(job.id)),
    ]
    real.intents = 2
    for method, path, ask in asks:
        real.hub.faults.clear()
        real.hurt(action, method=method, path=path, times=None)
        started = time.monotonic()
        real.fails(ConnectionFailedError, ask)
        assert time.monotonic() - started < DEADLINE + SLACK, path
