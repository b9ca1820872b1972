"""Group G1 of the faults: what goes wrong with the one request that spends, on HF Jobs.

The oracle is in the fixture: at most one paid job, no planted secret, a journal that opens.
"""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk import (
    ConflictError,
    ConnectionFailedError,
    CostLimitError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
    SubmissionUnknownError,
)
from finetune_sdk.cli import main
from finetune_sdk.cli.failures import ExitCode
from finetune_sdk.providers.autotrain import AutoTrainOptions
from tests.autotrain.bench import JOBS, ROWS, SOURCES, TOKEN, Bench, bench_of, transport
from tests.autotrain.detour import Detour
from tests.autotrain.hubs import MODEL
from tests.listening import Listener
from tests.standins.hub import broken
from tests.standins.openai import (
    Action,
    CutBody,
    DropAfter,
    DropBefore,
    Garble,
    Hang,
    Redirect,
    Reply,
)
from tests.standins.openai.actions import Garbling

UNUSABLE: tuple[Garbling | bytes, ...] = (
    *("html", "null", "list", "truncated", "no_id", "empty"),
    *(b'{"id": 7}', b'{"id": ""}', b"\xff\xfe", b'{"id": "x", "status": 7}'),
)
LIMIT = {"ratelimit": '"api";r=0;t=3', "ratelimit-policy": '"fixed window";"api";q=500;w=300'}


@pytest.fixture
def bench(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Generator[Bench]:
    yield from bench_of(tmp_path, caplog)


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


def test_sub_01_a_closed_port_is_tried_again_and_nothing_is_looked_for(
    bench: Bench, closed: str
) -> None:
    detour = Detour(f"http://{closed}{JOBS}", times=2)
    with transport(detour):
        job = bench.create()
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
    with transport(Detour(url, times=99)):
        lost = bench.refuses(ConnectionFailedError)
    assert (lost.effect, lost.retryable) == ("none", True)
    assert (bench.posts, bench.searches) == (0, 0)
    assert bench.states == ["prepared"]
    # At most a greeting of TLS went out, and no request.
    assert not any(b"POST" in some for some in listener.got)

    job = bench.create()
    assert (bench.made, bench.states) == ([job.id], ["told"])
    # The rows that were there are the rows that are used.
    assert len(bench.datasets) == 1


# SUB-03 to SUB-07, SUB-11, HF-01: the answer is lost


@pytest.mark.parametrize(
    "action", [DropAfter(), DropAfter(reset=True), CutBody(), CutBody(at=0)], ids=repr
)
def test_sub_03_hf_01_a_job_whose_answer_was_lost_is_found_by_its_label(
    bench: Bench, action: Action
) -> None:
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


def test_sub_06_a_hub_that_fails_after_its_work_has_made_the_job(bench: Bench) -> None:
    bench.hurt(broken(500, "Internal error", after=True))
    job = bench.create()
    assert (bench.made, bench.posts) == ([job.id], 1)


def test_sub_06_a_hub_that_fails_instead_of_its_work_leaves_it_unknown(bench: Bench) -> None:
    bench.hurt(broken(500, "Internal error"))
    assert "500" in str(unknown(bench))
    assert (bench.made, bench.posts) == ([], 1)


@pytest.mark.parametrize("after", [True, False], ids=["done", "not done"])
@pytest.mark.parametrize("headers", [{}, {"retry-after": "1"}], ids=["bare", "asks to wait"])
@pytest.mark.parametrize("status", [300, 304, 408, 409, 425, 502, 503, 504])
def test_sub_07_an_answer_that_leaves_it_open_is_never_sent_a_second_time(
    bench: Bench, status: int, headers: dict[str, str], after: bool
) -> None:
    body = b"" if status == 304 else b"<html>no</html>"
    bench.hurt(Reply(status, body, headers, after=after))
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
    bench.hub.jobs.lag = 14.0
    job = bench.create()
    assert (bench.made, bench.posts) == ([job.id], 1)
    assert bench.clock.monotonic() >= 14.0


def test_a_search_that_fails_for_a_time_is_made_again(bench: Bench) -> None:
    bench.hurt(DropAfter())
    bench.hurt(broken(500, "Internal error"), method="GET", times=7)
    job = bench.create()
    assert (bench.made, bench.posts) == ([job.id], 1)


def test_a_search_that_always_fails_says_so(bench: Bench) -> None:
    bench.hurt(DropAfter())
    bench.hurt(broken(500, "Internal error"), method="GET", times=None)
    caught = bench.refuses(SubmissionUnknownError)
    assert "the last look for it failed" in str(caught)
    bench.hub.faults.clear()
    assert bench.create().id == bench.made[0]
    assert bench.posts == 1


@pytest.mark.parametrize("how", ["html", "null", b"{}", b"[7]", b'[{"id": "x"}]'], ids=repr)
def test_a_search_that_cannot_be_read_is_no_search(bench: Bench, how: Garbling | bytes) -> None:
    bench.hurt(DropAfter())
    bench.hurt(Garble(how), method="GET", times=None)
    bench.refuses(SubmissionUnknownError)
    bench.hub.faults.clear()
    assert bench.create().id == bench.made[0]
    assert bench.posts == 1


def test_a_search_goes_to_the_end_of_a_long_list(bench: Bench) -> None:
    """Our job is the oldest of all, and the list passes over its filter, a page at a time."""
    client = bench.client()
    first = bench.create(client, idempotency_key="ours")
    for number in range(3):
        bench.create(client, seed=number)
    bench.intents = 4
    bench.hub.jobs.page_size = 1
    here = bench.client(home=bench.folder / "another machine")
    assert bench.create(here, idempotency_key="ours").id == first.id


# SUB-08 to SUB-10: it is refused for now


def test_sub_08_a_limit_in_the_hubs_words_is_waited_for(bench: Bench) -> None:
    bench.hurt(broken(429, "Too many requests", headers=LIMIT))
    job = bench.create()
    assert 3 <= bench.clock.monotonic() < 10
    assert (bench.made, bench.posts, bench.searches) == ([job.id], 2, 0)


@pytest.mark.parametrize("after", [True, False], ids=["done", "not done"])
def test_sub_08_a_limit_that_is_not_in_the_hubs_words_is_looked_into(
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
    limit = {"ratelimit": f'"api";r=0;t={seconds}'}
    bench.hurt(broken(429, "Too many requests", headers=limit))
    caught = bench.refuses(RateLimitError)
    assert caught.retry_after == seconds
    assert bench.clock.monotonic() == 0
    assert (bench.posts, bench.states) == (1, ["prepared"])
    assert bench.create().id == bench.made[0]


def test_sub_10_a_namespace_without_credit_is_told_at_once(bench: Bench) -> None:
    bench.hurt(broken(402, "Pre-paid credit balance is insufficient"))
    caught = bench.refuses(QuotaExceededError)
    assert (caught.status_code, caught.retryable) == (402, False)
    assert "settings/billing" in str(caught)
    assert bench.clock.monotonic() == 0
    assert (bench.posts, bench.searches, bench.states) == (1, 0, ["prepared"])


# SUB-21, SUB-22: what others would do


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_sub_21_a_redirect_is_refused_and_not_a_byte_goes_there(
    bench: Bench, listener: Listener, status: int
) -> None:
    """To another address of the same machine: the body has the token in it, as a secret."""
    bench.hurt(Redirect(f"http://{listener.place}{JOBS}", status))
    bench.refuses(SubmissionUnknownError)
    assert listener.got == []
    assert (bench.made, bench.posts, bench.states) == ([], 1, ["submitting"])


def test_sub_21_a_redirect_of_what_is_written_is_not_tried_again(
    bench: Bench, listener: Listener
) -> None:
    job = bench.create()
    bench.hurt(Redirect(f"http://{listener.place}/"), path=f"{JOBS}/{job.id}/cancel", times=None)
    refused = bench.fails(ProviderError, lambda: bench.client().jobs.cancel(job))
    assert (refused.code, refused.retryable) == ("redirected", False)
    assert listener.got == []
    assert bench.hub.count("POST", f"{JOBS}/{job.id}/cancel") == 1


def test_sub_21_the_token_does_not_follow_a_redirect_of_what_is_read(
    bench: Bench, listener: Listener
) -> None:
    """Files come from elsewhere, and whoever sends a reader there is believed; the token stays."""
    bench.hurt(Redirect(f"http://{listener.place}/"), method="GET", path=".*", times=None)
    bench.fails(ProviderError, lambda: bench.client().jobs.get("0" * 24))
    assert not any(TOKEN.encode() in some for some in listener.got)


@pytest.mark.parametrize(
    "action", [Reply(500, b""), DropBefore(), DropBefore(reset=True)], ids=repr
)
def test_sub_22_the_package_sends_no_create_a_second_time(bench: Bench, action: Action) -> None:
    bench.hurt(action, times=None)
    bench.refuses(SubmissionUnknownError)
    assert (bench.made, bench.posts) == ([], 1)


# SUB-24: the limit of what it may cost


def test_sub_24_what_may_cost_more_than_the_limit_is_not_sent(bench: Bench) -> None:
    caught = bench.refuses(CostLimitError, max_cost=0.0001)
    assert "`max_cost`" in str(caught)
    assert bench.written == 0


def test_sub_24_what_costs_less_than_the_limit_is_sent(bench: Bench) -> None:
    job = bench.create(max_cost=5)
    assert bench.made == [job.id]


RECIPE = 'model = "{model}"\ntraining_data = "train.jsonl"\nmax_cost = {limit}\n'
CONFIG = 'profile = "desk"\n[profiles.desk]\nprovider = "autotrain"\nendpoint = "{url}"\n'


@pytest.mark.parametrize(("limit", "code"), [(0.0001, ExitCode.COST_LIMIT), (5, ExitCode.DONE)])
def test_sub_24_a_script_spends_up_to_the_limit_and_its_exit_code_says_so(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, limit: float, code: ExitCode
) -> None:
    """No terminal and no `--yes`: the recipe's own limit is what decides."""
    project = bench.folder / "project"
    project.mkdir()
    bench.client().datasets.load(ROWS).write(project / "train.jsonl")
    (project / "recipe.toml").write_text(RECIPE.format(model=MODEL, limit=limit))
    (project / "finetune.toml").write_text(CONFIG.format(url=bench.hub.url))
    monkeypatch.chdir(project)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert main(["run", "--detach", "recipe.toml"]) == code
    assert bench.posts == len(bench.made) == (code == ExitCode.DONE)


# The oracle's own


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422])
def test_a_create_that_was_refused_made_nothing_and_may_be_sent_again(
    bench: Bench, status: int
) -> None:
    bench.hurt(broken(status, "no", headers={"x-request-id": "req-7"}))
    caught = bench.refuses(ProviderError)
    assert (caught.status_code, caught.effect, caught.request_id) == (status, "none", "req-7")
    assert (bench.posts, bench.searches, bench.states) == (1, 0, ["prepared"])
    assert bench.create().id == bench.made[0]


@pytest.mark.parametrize("wrap", [Reply, Garble], ids=["error", "good status"])
def test_a_hub_that_repeats_the_token_does_not_get_it_told(
    bench: Bench, wrap: type[Action], caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("", *SOURCES):
        caplog.set_level(logging.INFO, name)  # The vendor's loggers tell the headers of answers.
    words = f"Your header was: Bearer {TOKEN}"
    bench.hurt(broken(500, words) if wrap is Reply else Garble(words.encode()))
    bench.hide_jobs()
    bench.refuses(SubmissionUnknownError)


def test_the_same_words_are_the_same_call_whatever_the_client(bench: Bench) -> None:
    """What tells calls apart is what shapes the job, not who asks and from where."""
    bench.hurt(DropAfter())
    bench.hide_jobs()
    caught = bench.refuses(SubmissionUnknownError)
    bench.hub.jobs.lag = 0.0
    assert bench.create(bench.client(timeout=7)).id == bench.made[0]
    assert bench.client().jobs.recover(caught.submission_id).id == bench.made[0]


def test_a_project_whose_name_is_taken_is_refused_before_rows_are_sent(bench: Bench) -> None:
    bench.hub.repos.add("model", "alice/mine", {"model.safetensors": b"theirs"})
    options = [AutoTrainOptions(project_name="mine")]
    caught = bench.refuses(ConflictError, options=options)
    assert caught.code == "project_taken"
    assert bench.written == 0
