"""Deployments on Inference Endpoints, and all that goes wrong on their way.

The ids in names are those of the list of faults.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk import (
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    ConnectionFailedError,
    NotFoundError,
    ProviderError,
    RateLimitError,
    ResponseDecodeError,
    ServerError,
)
from finetune_sdk.types import DeploymentStatus
from tests.autotrain.deploying import (
    ALL,
    CHAT,
    HELLO,
    MODEL,
    NAME,
    ONE,
    WHOLE,
    Bench,
    Meanwhile,
    bench_of,
)
from tests.standins.hub import broken
from tests.standins.openai import (
    Action,
    CutBody,
    DropAfter,
    DropBefore,
    Edit,
    Garble,
    Redirect,
    Refuse,
)

READY, CREATING = DeploymentStatus.READY, DeploymentStatus.CREATING


@pytest.fixture
def bench(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Generator[Bench]:
    yield from bench_of(tmp_path, caplog, monkeypatch)


# A create whose answer is lost

DONE_AND_LOST: list[Action] = [
    broken(500, "Internal error", after=True),
    broken(502, "Bad gateway", after=True),
    broken(503, "Busy", after=True),
    DropAfter(),
    DropAfter(reset=True),
    CutBody(),
    Garble("html"),
    Garble("null"),
]
NOT_DONE: list[Action] = [
    broken(500, "Internal error"),
    broken(504, "Timeout"),
    DropBefore(),
    Refuse(),
    broken(429, "Slow down", headers={"retry-after": "20"}),
    broken(503, "Busy", headers={"retry-after": "20"}),
]


@pytest.mark.parametrize("action", DONE_AND_LOST, ids=str)
def test_dep_14_what_was_made_is_adopted_by_its_name(bench: Bench, action: Action) -> None:
    bench.hurt(action)
    made = bench.create()
    assert (made.status, made.name, made.model) == (CREATING, NAME, MODEL)
    assert (bench.posts, len(bench.hub.endpoints)) == (1, 1)
    assert bench.create().created_at == made.created_at


@pytest.mark.parametrize("action", DONE_AND_LOST, ids=str)
def test_dep_14_even_where_it_is_not_seen_at_once(bench: Bench, action: Action) -> None:
    bench.hurt(action)
    # The first look is before anything is sent, the second after the loss.
    bench.hurt(broken(404, "Endpoint not found"), method="GET", path=ONE, after=1)
    made = bench.create()
    assert made.status is CREATING
    assert (bench.posts, len(bench.hub.endpoints)) == (2, 1)


@pytest.mark.parametrize("action", NOT_DONE, ids=str)
def test_what_was_not_made_is_sent_again(bench: Bench, action: Action) -> None:
    bench.hurt(action)
    assert bench.create().status is CREATING
    assert len(bench.hub.endpoints) == 1


def test_nothing_is_made_where_nobody_knows_what_is_there(bench: Bench) -> None:
    bench.hurt(broken(500, "Internal error"), method="GET", path=ONE, times=None)
    bench.refuses(ServerError)
    assert bench.posts == 0


def test_what_was_made_is_given_as_the_service_tells_it(bench: Bench) -> None:
    bench.hurt(Edit(lambda told: {**told, "model": {**told["model"], "revision": None}}))
    assert bench.create().status is CREATING
    assert len(bench.hub.endpoints) == 1


def test_a_service_that_stays_broken_is_told(bench: Bench) -> None:
    bench.hurt(broken(500, "Something is wrong"), times=None)
    error = bench.refuses(ServerError)
    assert (error.status_code, error.effect) == (500, "unknown")
    assert "Something is wrong" in str(error)


def test_a_service_that_cannot_be_reached_is_told(bench: Bench) -> None:
    bench.hurt(Refuse(), method=None, path="/v2/.*", times=None)
    error = bench.refuses(ConnectionFailedError)
    assert bench.hub.url in str(error)


def test_a_wait_that_is_too_long_fails_at_once(bench: Bench) -> None:
    bench.hurt(broken(429, "Tomorrow", headers={"retry-after": "86400"}), times=None)
    before = bench.clock.monotonic()
    error = bench.refuses(RateLimitError)
    assert error.retry_after == 86400
    assert (bench.posts, bench.clock.monotonic()) == (1, before)


# Somebody else at the same time


def test_dep_14_the_same_made_by_another_process_is_taken(bench: Bench) -> None:
    other = bench.client()
    bench.hurt(Meanwhile(lambda: bench.create(other)))
    assert bench.create().status is CREATING
    assert (bench.posts, len(bench.hub.endpoints)) == (2, 1)


def test_another_one_made_in_the_meantime_is_left_alone(bench: Bench) -> None:
    bench.hurt(Meanwhile(bench.strangers))
    error = bench.fails(ConflictError, bench.create)
    assert "nvidia-a10g" in str(error)
    assert bench.made.spec["compute"]["instanceType"] == "nvidia-a10g"


def test_one_that_is_there_and_gone_is_told_as_it_is(bench: Bench) -> None:
    bench.hurt(broken(409, "Endpoint recipes already exists"))
    error = bench.fails(ConflictError, bench.create)
    assert error.status_code == 409


# The token


def test_a_token_that_was_refused_is_asked_for_once_more(bench: Bench) -> None:
    def token() -> str:
        return bench.hub.token if bench.hub.count("GET", ALL) else "hf_ended_by_itself"

    client = bench.client(token=token, namespace="alice")
    assert list(client.deployments.list()) == []
    assert bench.hub.count("GET", ALL) == 2


def test_a_token_that_nobody_knows_is_told(bench: Bench) -> None:
    client = bench.client(token="hf_nobody", namespace="alice")
    error = bench.fails(AuthenticationError, lambda: list(client.deployments.list()))
    assert "settings/tokens" in str(error)


def test_a_token_that_the_deployment_refused_is_renewed_once(bench: Bench) -> None:
    bench.ready()
    given = [bench.hub.token]
    client = bench.client(token=lambda: given[-1])
    bench.hurt(broken(401, "Invalid user token."), path=CHAT)
    assert client.deployments.chat(NAME, HELLO).model == MODEL


@pytest.mark.parametrize("verb", ["create", "pause", "resume", "delete"])
def test_nothing_is_sent_on_to_another_host(bench: Bench, verb: str) -> None:
    client = bench.client()
    if verb != "create":
        bench.create(client)
    before = len(bench.hub.endpoints)
    calls: dict[str, Callable[[], object]] = {
        "create": lambda: bench.create(client),
        "pause": lambda: client.deployments.pause(NAME),
        "resume": lambda: client.deployments.resume(NAME),
        "delete": lambda: client.deployments.delete(NAME),
    }
    method = "DELETE" if verb == "delete" else "POST"
    bench.hurt(Redirect("https://elsewhere.invalid/"), method=method, path=f"{ALL}.*", times=None)
    error = bench.fails(ProviderError, calls[verb])
    assert "elsewhere.invalid" in str(error)
    assert len(bench.hub.endpoints) == before


@pytest.mark.parametrize(
    "url",
    ["http://evil.example/x", "https://user:pw@evil.example/", "ftp://evil.example", "no url"],
)
def test_an_address_that_would_show_the_token_is_not_asked(bench: Bench, url: str) -> None:
    client = bench.client()
    made = bench.ready(client)

    def change(told: Any) -> object:
        return {**told, "status": {**told["status"], "url": url}}

    bench.hurt(Edit(change), method="GET", path=ONE, times=None)
    bench.fails(ConfigurationError, lambda: client.deployments.chat(made, HELLO))


# Reading


def test_polls_that_fail_are_no_failed_deployment(bench: Bench) -> None:
    client = bench.client()
    made = bench.create(client)
    bench.hurt(broken(500, "Internal error"), method="GET", path=ONE, times=12)
    bench.hurt(DropBefore(), method="GET", path=ONE, times=3)
    assert client.deployments.wait(made).status is READY


def test_one_that_is_not_seen_yet_is_waited_for(bench: Bench) -> None:
    client = bench.client()
    made = bench.create(client)
    bench.hurt(broken(404, "Endpoint not found"), method="GET", path=ONE, times=3)
    assert client.deployments.wait(made).status is READY


def test_one_that_is_deleted_while_it_is_waited_for_is_told(bench: Bench) -> None:
    client = bench.client()
    made = bench.create(client)
    bench.client().deployments.delete(NAME)
    bench.fails(NotFoundError, lambda: client.deployments.wait(made))


def test_without_prices_it_is_told_all_the_same(bench: Bench) -> None:
    bench.create()
    bench.hurt(broken(500, "Internal error"), method="GET", path="/v2/provider/alice", times=None)
    found = bench.get()
    assert (found.status, found.cost_per_hour) == (CREATING, None)
    assert [one.name for one in bench.client().deployments.list()] == [NAME]


def test_without_the_list_nothing_is_made(bench: Bench) -> None:
    bench.hurt(broken(500, "Internal error"), method="GET", path="/v2/provider/alice", times=None)
    bench.refuses(ServerError)
    assert bench.posts == 0


@pytest.mark.parametrize(
    "action", [Garble("html"), Garble("null"), Garble("empty"), Garble("list")], ids=str
)
def test_an_answer_that_cannot_be_read_is_told(bench: Bench, action: Action) -> None:
    bench.create()
    bench.hurt(action, method="GET", path=f"{ALL}.*", times=None)
    bench.fails(ResponseDecodeError, bench.get)
    bench.fails(ResponseDecodeError, lambda: list(bench.client().deployments.list()))


def hostile(told: Any) -> object:
    """What the package still reads."""
    odd: dict[str, Any] = {"image": [], "env": 7, "args": "x", "revision": None}
    model = {**told["model"], **odd}
    status = {**told["status"], "state": ["?"], "url": 5, "message": None}
    return {**told, "model": model, "status": status, "compute": None, "provider": "x", "type": 1}


def test_values_that_no_server_should_send_are_no_crash(bench: Bench) -> None:
    bench.create()
    bench.hurt(Edit(hostile), method="GET", path=ONE, times=None)
    found = bench.get()
    assert (found.status, found.raw_status) == (DeploymentStatus.UNKNOWN, "['?']")
    assert (found.id, found.url, found.cost_per_hour) == (MODEL, None, None)
    bench.fails(ConflictError, bench.create)


def test_an_end_that_cannot_be_read_is_none(bench: Bench) -> None:
    for number, end in enumerate(("soon", "", "9999-12-31T23:59:59-23:00", "2026-13-01")):
        bench.strangers(f"n{number}", env={"FINETUNE_EXPIRES_AT": end})
    assert {one.expires_at for one in bench.client().deployments.list()} == {None}


# Changes whose answer is lost


@pytest.mark.parametrize(
    "action", [broken(500, "x", after=True), DropAfter(), DropBefore()], ids=str
)
def test_pausing_and_resuming_are_sent_again(bench: Bench, action: Action) -> None:
    client = bench.client()
    made = bench.ready(client)
    bench.hurt(action, path=f"{ONE}/pause")
    assert client.deployments.pause(made).status is DeploymentStatus.PAUSED
    bench.hurt(action, path=f"{ONE}/resume")
    assert client.deployments.resume(made).status is CREATING
    assert bench.made.starts == 2


@pytest.mark.parametrize(
    "action", [broken(500, "x", after=True), DropAfter(), DropBefore()], ids=str
)
def test_deleting_is_sent_again(bench: Bench, action: Action) -> None:
    client = bench.client()
    bench.create(client)
    bench.hurt(action, method="DELETE", path=ONE)
    client.deployments.delete(NAME)
    assert len(bench.hub.endpoints) == 0


def test_one_that_sleeps_too_long_to_be_held_for_says_so(bench: Bench) -> None:
    client = bench.client()
    made = bench.ready(client)
    bench.clock.advance(3600)
    bench.made.course = type(bench.made.course)(initializing=3600)
    error = bench.fails(ServerError, lambda: client.deployments.chat(made, HELLO))
    assert error.status_code == 503
    assert bench.made.starts == 2


def test_a_private_model_is_served_without_a_secret(bench: Bench) -> None:
    bench.hub.repos.add("model", "alice/stew", WHOLE, private=True)
    assert bench.create(model="alice/stew").model == "alice/stew"
    assert bench.made.spec["model"].get("secrets") is None
