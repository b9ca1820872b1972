"""Group G1 of the faults: what goes wrong with the one request that spends, at each service.

The oracle is in the fixture: at most one paid job, no planted secret, a journal that opens.
"""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk import (
    ConnectionFailedError,
    CostLimitError,
    DatasetFile,
    IdempotencyConflictError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
    SubmissionUnknownError,
    Supervised,
)
from finetune_sdk.cli import main
from finetune_sdk.cli.failures import ExitCode
from finetune_sdk.prices import Price, Prices
from tests.listening import Listener
from tests.standins.azure import AzureService
from tests.standins.http import http as httpx2
from tests.standins.openai import (
    Action,
    CutBody,
    DropAfter,
    DropBefore,
    Edit,
    Garble,
    Hang,
    IgnoreMetadata,
    Lag,
    Redirect,
    Refuse,
    Reply,
    error,
)
from tests.standins.openai.actions import Garbling
from tests.standins.openai.inprocess import InProcess
from tests.submission.bench import FILES, JOBS, MODEL, ROWS, Bench, bench_of
from tests.submission.services import AZURE, KINDS, OPENAI, VENDORS

UNUSABLE: tuple[Garbling | bytes, ...] = (
    "html",
    "null",
    "list",
    "truncated",
    "no_id",
    "empty",
    b'{"id": 7}',
    b'{"id": ""}',
    b"\xff\xfe",
)
TWICE = Supervised(epochs=2)
"""Azure alone knows how many passes it makes of rows where nobody says it."""
QUOTAS = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")
NO_METADATA = Reply(400, error(400, "Unknown parameter: 'metadata'.", param="metadata"))


@pytest.fixture(params=KINDS)
def bench(
    request: pytest.FixtureRequest, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> Generator[Bench]:
    yield from bench_of(tmp_path, caplog, request.param)


class Detour(httpx2.BaseTransport):
    """Sends the first creates to another address, over real sockets."""

    def __init__(self, to: str, *, times: int = 1) -> None:
        self._real = httpx2.HTTPTransport()
        self._to = httpx2.URL(to)
        self.left = times

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if self.left and request.method == "POST" and request.url.path.endswith(JOBS):
            self.left -= 1
            request.url = self._to
        return self._real.handle_request(request)

    def close(self) -> None:
        self._real.close()


@contextmanager
def http_client(transport: httpx2.BaseTransport) -> Generator[httpx2.Client]:
    """A client of the caller's own, with all that we would not do."""
    with httpx2.Client(transport=transport, follow_redirects=True) as client:
        yield client


def unknown(bench: Bench, **words: Any) -> SubmissionUnknownError:
    """A create of which nobody knows what became, and which is not sent again."""
    caught = bench.refuses(SubmissionUnknownError, **words)
    posts = bench.posts
    assert bench.states == ["submitting"]
    again = bench.refuses(SubmissionUnknownError, **words)
    assert again.submission_id == caught.submission_id
    assert bench.posts == posts
    return caught


# SUB-01, SUB-02: it never left


def test_sub_01_a_refused_connection_is_tried_again_and_nothing_is_looked_for(
    bench: Bench,
) -> None:
    bench.hurt(Refuse(), times=2)
    with http_client(InProcess(bench.service)) as http:
        job = bench.create(bench.client(http_client=http))
    assert len(bench.service.faults.hits) + bench.posts == 3
    assert (bench.made, bench.searches) == ([job.id], 0)


def test_sub_01_a_closed_port_is_tried_again_and_nothing_is_looked_for(
    bench: Bench, closed: str
) -> None:
    detour = Detour(f"http://{closed}/v1{JOBS}", times=2)
    with http_client(detour) as http:
        job = bench.create(bench.client(http_client=http))
    assert (detour.left, bench.posts) == (0, 1)
    assert (bench.made, bench.searches) == ([job.id], 0)


@pytest.mark.parametrize("trouble", ["closed", "nowhere", "handshake"])
def test_sub_02_what_was_never_sent_is_sent_by_the_next_run(
    bench: Bench, trouble: str, closed: str, nowhere: str, listener: Listener
) -> None:
    """A closed port, a name that is not known, and a TLS handshake that is cut."""
    url = {
        "closed": f"http://{closed}/",
        "nowhere": f"http://{nowhere}/",
        "handshake": f"https://{listener.place}/",
    }[trouble]
    with http_client(Detour(url, times=99)) as http:
        lost = bench.refuses(ConnectionFailedError, bench.client(http_client=http))
    assert (lost.effect, lost.retryable) == ("none", True)
    assert (bench.posts, bench.searches) == (0, 0)
    assert bench.states == ["prepared"]
    # At most a greeting of TLS went out, and no request.
    assert not any(b"POST" in some for some in listener.got)

    job = bench.create()
    assert (bench.made, bench.states) == ([job.id], ["told"])
    # The file that was there is the file that is used.
    assert len(bench.service.posts(FILES)) == 1


# SUB-03 to SUB-07, SUB-11: the answer is lost


@pytest.mark.parametrize(
    "action", [DropAfter(), DropAfter(reset=True), CutBody(), CutBody(at=0)], ids=repr
)
def test_sub_03_a_job_whose_answer_was_lost_is_adopted(bench: Bench, action: Action) -> None:
    bench.hurt(action)
    job = bench.create()
    assert (bench.made, bench.posts, bench.states) == ([job.id], 1, ["told"])


def test_sub_04_a_job_whose_answer_comes_too_late_is_adopted(bench: Bench) -> None:
    bench.hurt(Hang(after=True))
    job = bench.create(bench.client(timeout=0.5))
    assert (bench.made, bench.posts, bench.states) == ([job.id], 1, ["told"])


@pytest.mark.parametrize("keep", [0, 10, None])
def test_sub_05_a_request_that_was_cut_is_unknown_and_not_sent_again(
    bench: Bench, keep: int | None
) -> None:
    bench.hurt(DropBefore(keep=keep))
    unknown(bench)
    assert (bench.made, bench.posts) == ([], 1)


def test_sub_06_a_server_that_fails_after_its_work_has_made_the_job(bench: Bench) -> None:
    bench.hurt(Reply(500, after=True))
    job = bench.create()
    assert (bench.made, bench.posts) == ([job.id], 1)


def test_sub_06_a_server_that_fails_instead_of_its_work_leaves_it_unknown(bench: Bench) -> None:
    bench.hurt(Reply(500))
    assert "500" in str(unknown(bench))
    assert (bench.made, bench.posts) == ([], 1)


@pytest.mark.parametrize("after", [True, False], ids=["done", "not done"])
@pytest.mark.parametrize("headers", [{}, {"retry-after": "1"}], ids=["bare", "asks to wait"])
@pytest.mark.parametrize("status", [408, 409, 425, 502, 503, 504])
def test_sub_07_an_answer_that_leaves_it_open_is_never_sent_a_second_time(
    bench: Bench, status: int, headers: dict[str, str], after: bool
) -> None:
    bench.hurt(Reply(status, headers=headers, after=after))
    if after:
        assert bench.create().id == bench.made[0]
    else:
        unknown(bench)
    assert bench.posts == 1


@pytest.mark.parametrize("how", UNUSABLE, ids=repr)
def test_sub_11_a_good_status_that_cannot_be_read_leads_to_the_job(
    bench: Bench, how: Garbling | bytes
) -> None:
    bench.hurt(Garble(how))
    job = bench.create()
    assert (bench.made, bench.posts, bench.states) == ([job.id], 1, ["told"])


def test_a_list_that_lags_behind_is_asked_again(bench: Bench) -> None:
    bench.hurt(DropAfter())
    bench.hurt(Lag(14.0), method="GET", times=None)
    job = bench.create()
    assert (bench.made, bench.posts) == ([job.id], 1)
    assert bench.clock.monotonic() >= 14.0


def test_a_search_that_fails_for_a_time_is_made_again(bench: Bench) -> None:
    bench.hurt(DropAfter())
    bench.hurt(Reply(500), method="GET", times=7)
    job = bench.create()
    assert (bench.made, bench.posts) == ([job.id], 1)


def test_a_search_that_always_fails_says_so(bench: Bench) -> None:
    bench.hurt(DropAfter())
    bench.hurt(Reply(500), method="GET", times=None)
    caught = bench.refuses(SubmissionUnknownError)
    assert "the last look for it failed" in str(caught)
    bench.service.faults.clear()
    assert bench.create().id == bench.made[0]
    assert bench.posts == 1


# SUB-08 to SUB-10: it is refused for now


def test_sub_08_a_short_wait_is_waited_for(bench: Bench) -> None:
    bench.hurt(Reply(429, headers={"retry-after-ms": "300"}))
    job = bench.create()
    assert bench.clock.monotonic() >= 0.3
    assert (bench.made, bench.posts, bench.searches) == ([job.id], 2, 0)


def test_sub_08_a_limit_that_names_no_wait_is_backed_off_from(bench: Bench) -> None:
    bench.hurt(Reply(429), times=2)
    job = bench.create()
    assert (bench.made, bench.posts, bench.searches) == ([job.id], 3, 0)


@pytest.mark.parametrize("after", [True, False], ids=["done", "not done"])
def test_sub_08_a_limit_that_is_not_in_the_vendors_words_is_looked_into(
    bench: Bench, after: bool
) -> None:
    """Whoever stands in between may have passed the request on."""
    bench.hurt(Reply(429, b"<html>slow down</html>", {"retry-after": "1"}, after=after))
    if after:
        assert bench.create().id == bench.made[0]
    else:
        unknown(bench)
    assert bench.posts == 1


@pytest.mark.parametrize("seconds", [121, 3600])
def test_sub_09_a_long_wait_is_told_at_once(bench: Bench, seconds: int) -> None:
    bench.hurt(Reply(429, headers={"retry-after": str(seconds)}))
    caught = bench.refuses(RateLimitError)
    assert caught.retry_after == seconds
    assert bench.clock.monotonic() == 0
    assert (bench.posts, bench.states) == (1, ["prepared"])
    assert bench.create().id == bench.made[0]


@pytest.mark.parametrize("code", QUOTAS)
def test_sub_10_a_quota_that_is_used_up_is_not_tried_again(bench: Bench, code: str) -> None:
    bench.hurt(Reply(429, error(429, "You exceeded your current quota.", code=code)))
    caught = bench.refuses(QuotaExceededError)
    assert (caught.code, caught.retryable) == (code, False)
    assert bench.clock.monotonic() == 0
    assert (bench.posts, bench.searches, bench.states) == (1, 0, ["prepared"])


# SUB-16, SUB-18: what lists show


def doubled(bench: Bench) -> None:
    """Somebody sends the create of our client once more, an hour later."""
    bench.clock.advance(3600)
    (post,) = bench.service.posts(JOBS)
    bench.service.handle("POST", f"{bench.service.root}{JOBS}", post.headers, post.body)
    bench.intents = 2


def test_sub_16_of_two_jobs_of_one_key_the_older_is_adopted_and_both_are_named(
    bench: Bench,
) -> None:
    bench.hurt(DropAfter())
    bench.hurt(Lag(1e6), method="GET", times=None)
    bench.refuses(SubmissionUnknownError, idempotency_key="ours")
    doubled(bench)
    bench.service.faults.clear()

    job = bench.create(idempotency_key="ours")
    older, younger = bench.made
    assert job.id == older
    assert any(younger in warning for warning in job.warnings)
    assert not any(one.path.endswith("/cancel") for one in bench.service.requests)
    assert "cancelled" not in {bench.service.truth(one) for one in bench.made}


def strangers(bench: Bench, file: DatasetFile, *others: dict[str, Any]) -> None:
    """Jobs of others on the very same file."""
    for more in others:
        body = {"model": MODEL, "training_file": file.id, **bench.vendor.more, **more}
        bench.service.handle(
            "POST",
            f"{bench.service.root}{JOBS}",
            {"authorization": f"Bearer {bench.service.key}"},
            httpx2.Request("POST", "http://x", json=body).content,
        )
    bench.intents += len(others)
    assert len(bench.made) == bench.intents - 1


@OPENAI
@pytest.mark.parametrize("made", [True, False], ids=["done", "not done"])
def test_sub_18_a_list_that_ignores_the_filter_gives_no_job_of_others(
    bench: Bench, made: bool
) -> None:
    """Azure keeps no metadata to filter by; its own case is the next one."""
    client = bench.client()
    file = client.datasets.upload(ROWS)
    marks = (None, {"finetune_sdk_key": "theirs"}, {"finetune_sdk_key": "ours "})
    strangers(bench, file, *({"metadata": mark} for mark in marks))
    theirs = set(bench.made)
    bench.hurt(IgnoreMetadata(), method="GET", times=None)
    bench.hurt(DropAfter() if made else DropBefore())
    words: dict[str, Any] = {"training_data": file, "idempotency_key": "ours"}
    if made:
        job = bench.create(client, **words)
        assert {job.id} == set(bench.made) - theirs
    else:
        # One of them is like ours in everything, and has not our mark.
        bench.refuses(SubmissionUnknownError, client, **words)
        assert set(bench.made) == theirs


def passes(count: int) -> dict[str, Any]:
    """A method as it goes over the wire."""
    return {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": count}}}


@AZURE
@pytest.mark.parametrize("made", [True, False], ids=["done", "not done"])
def test_sub_18_where_lists_have_no_marks_no_job_of_others_is_adopted(
    bench: Bench, made: bool
) -> None:
    """What tells ours from theirs is its time, and all that a job says of itself."""
    client = bench.client()
    file = client.datasets.upload(ROWS)
    twin = {"suffix": "ours", "seed": 7, "method": passes(2)}
    strangers(bench, file, twin)
    bench.clock.advance(3600)
    others: list[dict[str, Any]] = [
        {"suffix": "theirs"},
        {"seed": 8},
        {"model": "gpt-4.1-2025-04-14"},
        {"validation_file": file.id},
        # Where none is like ours, it would be taken for ours: the service may go by other values.
        *([{"method": passes(9)}] if made else []),
    ]
    strangers(bench, file, *({**twin, **other} for other in others))
    theirs = set(bench.made)
    bench.hurt(DropAfter() if made else DropBefore())
    words = {**twin, "method": TWICE, "training_data": file, "idempotency_key": "ours"}
    if made:
        job = bench.create(client, **words)
        assert {job.id} == set(bench.made) - theirs
    else:
        bench.refuses(SubmissionUnknownError, client, **words)
        assert set(bench.made) == theirs


@AZURE
def test_a_job_that_is_found_again_says_what_it_does_not_go_by(bench: Bench) -> None:
    """As one does whose answer has arrived."""
    assert isinstance(bench.service, AzureService)
    bench.service.ignores = {"n_epochs"}
    bench.hurt(DropAfter())
    job = bench.create(method=TWICE)
    assert any("`epochs` is 2" in warning for warning in job.warnings)


# SUB-20: a key that was used


@pytest.mark.parametrize(
    "change",
    [
        {"suffix": "other"},
        {"seed": 2},
        {"method": Supervised(epochs=4)},
        {"metadata": {"team": "other"}},
        {"model": "gpt-4.1-2025-04-14"},
        {"training_data": [*ROWS, *ROWS[:1]]},
        {"validation_data": ROWS[:3]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_sub_20_a_key_with_another_call_is_a_conflict_and_asks_nobody(
    bench: Bench, change: dict[str, Any]
) -> None:
    bench.create(idempotency_key="mine")
    asked = len(bench.service.requests)
    bench.refuses(IdempotencyConflictError, idempotency_key="mine", **change)
    assert len(bench.service.requests) == asked


def test_sub_20_a_key_with_the_same_call_is_the_same_job(bench: Bench) -> None:
    first = bench.create(idempotency_key="mine")
    assert bench.create(idempotency_key="mine").id == first.id
    assert (bench.posts, len(bench.service.posts(FILES))) == (1, 1)


# SUB-21, SUB-22: what others would do


@pytest.mark.parametrize("own", [False, True], ids=["our client", "the caller's client"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_sub_21_a_redirect_is_refused_and_not_a_byte_goes_there(
    bench: Bench, listener: Listener, status: int, own: bool
) -> None:
    """To another host, in clear text; for the create, and for what is only read."""
    bench.hurt(Redirect(f"http://{listener.place}{bench.service.root}{JOBS}", status))
    with http_client(httpx2.HTTPTransport()) as http:
        client = bench.client(http_client=http) if own else bench.client()
        bench.refuses(SubmissionUnknownError, client)
        bench.hurt(Redirect(f"http://{listener.place}/", status), method="GET", path=f"{JOBS}/.*")
        refused = bench.fails(ProviderError, lambda: client.jobs.get("ftjob-1"))
    assert (refused.code, refused.retryable) == ("redirected", False)
    assert listener.got == []
    assert (bench.made, bench.posts) == ([], 1)


def test_sub_22_the_retries_of_others_are_off(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the environment says, and whatever the caller's own client would do."""
    monkeypatch.setenv("OPENAI_MAX_RETRIES", "5")
    bench.hurt(Reply(500), times=None)
    with http_client(httpx2.HTTPTransport(retries=5)) as http:
        bench.refuses(
            SubmissionUnknownError,
            bench.client(http_client=http, environ={"OPENAI_MAX_RETRIES": "5"}),
        )
    assert (bench.made, bench.posts) == ([], 1)


def test_an_address_where_nobody_is_goes_by_the_name_that_it_has_in_a_profile(
    bench: Bench, closed: str, listener: Listener
) -> None:
    with http_client(Detour(f"http://{closed}/", times=99)) as http:
        lost = bench.refuses(ConnectionFailedError, bench.client(http_client=http))
    bench.hurt(Redirect(f"http://{listener.place}/"), method="GET", path=f"{JOBS}/.*")
    moved = bench.fails(ProviderError, lambda: bench.client().jobs.get("ftjob-1"))
    for caught in (lost, moved):
        assert f"`{bench.vendor.address}`" in str(caught)


# SUB-23: servers that refuse metadata, as Azure may; those that drop it are everywhere above


def without_marks(page: Any) -> Any:
    return {**page, "data": [{**one, "metadata": None} for one in page["data"]]}


def knows_no_metadata(bench: Bench, *actions: Action) -> None:
    """A server that refuses metadata; what goes wrong with its creates after the refusal."""
    if isinstance(bench.service, AzureService):
        bench.service.metadata = "refused"
    else:
        bench.hurt(NO_METADATA)
        bench.hurt(Edit(without_marks), method="GET", times=None)
    for action in actions:
        bench.hurt(action, after=1)


def test_sub_23_metadata_that_is_refused_is_left_out(bench: Bench) -> None:
    knows_no_metadata(bench)
    job = bench.create(metadata={"team": "search"})
    assert (bench.made, bench.posts) == ([job.id], 2)
    assert "metadata" not in bench.service.jobs[job.id].asked
    assert any("metadata" in warning for warning in job.warnings)


def test_sub_23_a_job_without_metadata_is_found_by_its_file(bench: Bench) -> None:
    knows_no_metadata(bench, DropAfter())
    job = bench.create()
    assert (bench.made, bench.posts, bench.states) == ([job.id], 2, ["told"])


def test_sub_23_a_job_without_metadata_that_was_not_made_is_unknown(bench: Bench) -> None:
    knows_no_metadata(bench, DropBefore())
    unknown(bench)
    assert (bench.made, bench.posts) == ([], 2)


def test_sub_23_on_a_file_that_others_use_too_only_ours_is_found(bench: Bench) -> None:
    """The file was given by its id: the whole spec tells, and jobs that others own are left out."""
    client = bench.client()
    file = client.datasets.upload(ROWS)
    bench.intents = 3
    knows_no_metadata(bench)
    other_seed = bench.create(client, training_data=file, seed=1)
    knows_no_metadata(bench)
    settled = bench.create(client, training_data=file, seed=2)
    bench.clock.advance(60)
    knows_no_metadata(bench, DropAfter())

    job = bench.create(client, training_data=file, seed=2)
    assert {job.id} == set(bench.made) - {other_seed.id, settled.id}


# SUB-24: the limit of what it may cost

PRICE = Price(training=25.0, source="a test", as_of=date(2026, 1, 1))
PRICES = Prices(own={vendor.name: {MODEL: PRICE} for vendor in VENDORS.values()})


@pytest.mark.parametrize(
    ("prices", "words"),
    [(PRICES, "over `max_cost`"), (None, "no estimate")],
    ids=["too dear", "no estimate"],
)
def test_sub_24_what_may_cost_more_than_the_limit_is_not_sent(
    bench: Bench, prices: Prices | None, words: str
) -> None:
    caught = bench.refuses(
        CostLimitError, bench.client(prices=prices), max_cost=0.0001, method=TWICE
    )
    assert words in str(caught)
    assert bench.service.requests == []


def test_sub_24_what_costs_less_than_the_limit_is_sent(bench: Bench) -> None:
    job = bench.create(bench.client(prices=PRICES), max_cost=5, method=TWICE)
    assert bench.made == [job.id]


ENDLESS = "gpt-5-2025-08-07"
"""No service has said a day of its end, and the command line goes by the day that it is."""
RECIPE = """\
model = "{model}"
training_data = "train.jsonl"
max_cost = {limit}
method = {{type = "supervised", epochs = 2}}
"""
CONFIG = """\
profile = "desk"
[profiles.desk]
provider = "{provider}"
{address} = "{url}"
[prices.{provider}."{model}"]
training = 25.0
source = "a test"
as_of = 2026-01-01
"""


@pytest.mark.parametrize(("limit", "code"), [(0.0001, ExitCode.COST_LIMIT), (5, ExitCode.DONE)])
def test_sub_24_a_script_spends_up_to_the_limit_and_its_exit_code_says_so(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, limit: float, code: ExitCode
) -> None:
    """No terminal and no `--yes`: the recipe's own limit is what decides."""
    project = bench.folder / "project"
    project.mkdir()
    bench.client().datasets.load(ROWS).write(project / "train.jsonl")
    (project / "recipe.toml").write_text(RECIPE.format(model=ENDLESS, limit=limit))
    words = {"provider": bench.vendor.name, "address": bench.vendor.address}
    config = CONFIG.format(model=ENDLESS, url=bench.service.url, **words)
    (project / "finetune.toml").write_text(config)
    monkeypatch.chdir(project)
    monkeypatch.setenv(bench.vendor.key, bench.service.key)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert main(["run", "--detach", "recipe.toml"]) == code
    assert bench.posts == len(bench.made) == (code == ExitCode.DONE)


# The oracle's own


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_create_that_was_refused_made_nothing_and_may_be_sent_again(
    bench: Bench, status: int
) -> None:
    bench.hurt(Reply(status))
    caught = bench.refuses(ProviderError)
    assert (caught.status_code, caught.effect) == (status, "none")
    # Azure has a header of its own for it.
    assert caught.request_id in bench.service.mark(len(bench.service.requests)).values()
    assert (bench.posts, bench.searches, bench.states) == (1, 0, ["prepared"])
    assert bench.create().id == bench.made[0]


@pytest.mark.parametrize("wrap", [Reply, Garble], ids=["error", "good status"])
def test_a_server_that_repeats_the_key_does_not_get_it_told(
    bench: Bench, wrap: type[Action]
) -> None:
    words = f"Your header was: Bearer {bench.service.key}"
    bench.hurt(bench.says(500, words) if wrap is Reply else Garble(words.encode()))
    bench.hurt(Lag(1e6), method="GET", times=None)
    bench.refuses(SubmissionUnknownError)


def test_the_same_words_are_the_same_call_whatever_the_client(bench: Bench) -> None:
    """What tells calls apart is what shapes the job, not who asks and from where."""
    bench.hurt(DropAfter())
    bench.hurt(Lag(1e6), method="GET", times=None)
    caught = bench.refuses(SubmissionUnknownError)
    bench.service.faults.clear()
    assert bench.create(bench.client(timeout=7, headers={})).id == bench.made[0]
    assert bench.client().jobs.recover(caught.submission_id).id == bench.made[0]


class Broken(httpx2.BaseTransport):
    """Raises what no HTTP library raises, at the request of that number."""

    def __init__(self, number: int) -> None:
        self._real = httpx2.HTTPTransport()
        self._left = number

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self._left -= 1
        if self._left == -1:
            raise RuntimeError(f"broken: {request.headers['authorization']}")
        return self._real.handle_request(request)

    def close(self) -> None:
        self._real.close()


REQUESTS = {"openai": 5, "azure": 6}
"""The search for the key, which at Azure is one by files, too; the model, the upload, its state and
the create."""


@pytest.mark.parametrize(
    ("bench", "number"),
    [(kind, number) for kind in KINDS for number in range(REQUESTS[kind])],
    indirect=["bench"],
)
def test_what_a_broken_transport_raises_is_a_lost_answer(
    bench: Bench, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    """At each request of a create, in turn."""
    # Below 3.0 the package itself logs what a stranger raises, as it is.
    caplog.set_level(logging.INFO, "openai")
    with http_client(Broken(number)) as http:
        client = bench.client(http_client=http)
        if number < REQUESTS[bench.kind] - 1:
            assert bench.create(client, idempotency_key="one").id == bench.made[0]
            return
        bench.refuses(SubmissionUnknownError, client, idempotency_key="one")
    # What such a transport has done with a create nobody can tell.
    unknown(bench, idempotency_key="one")
    assert (bench.made, bench.posts) == ([], 0)


def test_a_file_that_is_given_by_its_id_is_enough(bench: Bench) -> None:
    client = bench.client()
    file = client.datasets.upload(ROWS)
    bench.hurt(DropAfter())
    job = bench.create(client, training_data=DatasetFile(id=file.id))
    assert (bench.made, bench.posts) == ([job.id], 1)
