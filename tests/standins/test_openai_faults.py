"""What goes wrong with the stand-in of OpenAI: what the client sees, and what was really done."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, cast

import openai
import pytest

from finetune_sdk.testing import VirtualClock
from tests.standins.driving import in_process, start, upload
from tests.standins.http import http
from tests.standins.openai import (
    Action,
    CutBody,
    Delay,
    Drip,
    DripHeaders,
    DropAfter,
    DropBefore,
    Edit,
    Fault,
    Garble,
    Hang,
    IgnoreAfter,
    IgnoreMetadata,
    Lag,
    OpenAIService,
    Redirect,
    Refuse,
    Reply,
)

JOBS = "/fine_tuning/jobs"
LOST: list[tuple[Action, int]] = [
    (Refuse(), 0),
    (DropBefore(), 0),
    (DropBefore(keep=10), 0),
    (DropBefore(reset=True), 0),
    (DropAfter(), 1),
    (DropAfter(reset=True), 1),
    (CutBody(), 1),
    (CutBody(at=0), 1),
]


@pytest.fixture(params=["socket", "in-process"])
def either(
    request: pytest.FixtureRequest, service: OpenAIService, client: openai.OpenAI
) -> Iterator[openai.OpenAI]:
    """The client of a service, with and without a socket between them."""
    if request.param == "socket":
        yield client
        return
    service.stop()
    with in_process(service) as direct:
        yield direct


@pytest.mark.parametrize(("action", "jobs"), LOST, ids=repr)
def test_a_lost_answer_says_nothing_of_what_was_done(
    either: openai.OpenAI, service: OpenAIService, action: Action, jobs: int
) -> None:
    file = upload(either)
    service.faults.add(fault := Fault(action=action))
    with pytest.raises(openai.APIConnectionError):
        start(either, training_file=file)
    assert len(service.jobs) == jobs
    assert len(service.posts(JOBS)) == (0 if isinstance(action, Refuse) else 1)
    assert service.faults.hits == [fault]
    start(either, training_file=file)
    assert len(service.jobs) == jobs + 1


def test_part_of_a_request_may_be_read(client: openai.OpenAI, service: OpenAIService) -> None:
    service.faults.add(Fault(path="/files", action=DropBefore(keep=70_000)))
    with pytest.raises(openai.APIConnectionError):
        upload(client, b"x" * 200_000)
    assert [len(post.body) for post in service.posts("/files")] == [70_000]
    assert service.files == {}


@pytest.mark.parametrize(("after", "jobs"), [(False, 0), (True, 1)])
def test_an_answer_may_never_come(
    either: openai.OpenAI, service: OpenAIService, after: bool, jobs: int
) -> None:
    file = upload(either)
    service.faults.add(Fault(action=Hang(after=after)))
    with pytest.raises(openai.APITimeoutError):
        start(either, training_file=file, timeout=0.1)
    assert len(service.jobs) == jobs


@pytest.mark.parametrize("action", [Delay(after=0.3), Delay(first=0.3)], ids=repr)
def test_an_answer_may_come_too_late(
    either: openai.OpenAI, service: OpenAIService, action: Action
) -> None:
    file = upload(either)
    service.faults.add(Fault(action=action))
    with pytest.raises(openai.APITimeoutError):
        start(either, training_file=file, timeout=0.1)
    service.stop()
    # What was delayed is done, even when nobody waits for it any more.
    assert len(service.jobs) == 1


@pytest.mark.parametrize("action", [Delay(first=0.05), Delay(after=0.05)], ids=repr)
def test_a_delay_is_real(client: openai.OpenAI, service: OpenAIService, action: Action) -> None:
    file = upload(client)
    service.faults.add(Fault(action=action))
    begun = time.monotonic()
    start(client, training_file=file)
    assert time.monotonic() - begun >= 0.05


def test_time_without_a_socket_is_the_clocks(clock: VirtualClock) -> None:
    service = OpenAIService(clock)
    service.faults.add(Fault(action=Delay(first=100, after=200)))
    with in_process(service) as client:
        start(client)
        assert clock.monotonic() == 300
        service.faults.add(Fault(action=Drip(10)))
        with pytest.raises(openai.APITimeoutError):
            start(client, timeout=5)
    assert clock.monotonic() == 305


@pytest.mark.parametrize(
    ("action", "jobs"),
    [(Reply(500), 0), (Reply(500, after=True), 1), (Reply(429, headers={"retry-after": "9"}), 0)],
    ids=repr,
)
def test_another_answer_may_come(
    either: openai.OpenAI, service: OpenAIService, action: Reply, jobs: int
) -> None:
    file = upload(either)
    service.faults.add(Fault(action=action))
    with pytest.raises(openai.APIStatusError, match="Injected") as caught:
        start(either, training_file=file)
    assert caught.value.status_code == action.status
    assert caught.value.response.headers.items() >= dict(action.headers).items()
    assert caught.value.request_id
    assert len(service.jobs) == jobs


@pytest.mark.parametrize(
    ("action", "body"),
    [
        (Garble("html"), b"<html>"),
        (Garble("null"), b"null"),
        (Garble("list"), b"[]"),
        (Garble("empty"), b""),
        (Garble("truncated"), b'{"object": "fine_tuning.job"'),
        (Garble("no_id"), b'{"object": "fine_tuning.job", "model"'),
        (Garble(b"anything"), b"anything"),
        (Edit(lambda job: {**job, "id": 7}), b'{"object": "fine_tuning.job", "id": 7'),
        (Reply(200, {"id": "ftjob-other"}), b'{"id": "ftjob-other"}'),
    ],
    ids=str,
)
def test_a_body_may_be_no_job(
    either: openai.OpenAI, service: OpenAIService, action: Action, body: bytes
) -> None:
    file = upload(either)
    service.faults.add(Fault(action=action))
    answer = either.fine_tuning.jobs.with_raw_response.create(model="gpt-4.1", training_file=file)
    assert answer.content.startswith(body)
    assert len(service.jobs) == (0 if isinstance(action, Reply) else 1)


def test_an_answer_may_send_the_client_elsewhere(
    client: openai.OpenAI, service: OpenAIService, clock: VirtualClock
) -> None:
    file = upload(client)
    with OpenAIService(clock) as other:
        service.faults.add(Fault(action=Redirect(f"{other.url}{JOBS}"), times=None))
        with pytest.raises(openai.APIStatusError):
            start(client, training_file=file)
        # OpenAI's package follows, without the key where the origin is another.
        (stray,) = other.requests
        assert "authorization" not in stray.headers
    assert service.jobs == {}


def test_nobody_is_elsewhere_without_a_socket(clock: VirtualClock) -> None:
    service = OpenAIService(clock)
    service.faults.add(Fault(action=Redirect("http://evil.example/v1/fine_tuning/jobs")))
    with in_process(service) as client, pytest.raises(openai.APIConnectionError):
        start(client)


@pytest.mark.parametrize("action", [Drip(0.0001), DripHeaders(0.0005)], ids=repr)
def test_an_answer_may_come_by_the_byte(
    either: openai.OpenAI, service: OpenAIService, action: Action
) -> None:
    service.faults.add(Fault(method="GET", path="/models", action=action))
    assert len(either.models.list().data) == 7


def test_a_list_may_lag(client: openai.OpenAI, service: OpenAIService, clock: VirtualClock) -> None:
    service.faults.add(Fault(method="GET", path=JOBS, action=Lag(30), times=None))
    job = start(client)
    assert client.fine_tuning.jobs.list().data == []
    assert client.fine_tuning.jobs.retrieve(job).id == job
    clock.advance(30)
    assert [one.id for one in client.fine_tuning.jobs.list()] == [job]


def test_a_list_may_ignore_what_it_is_asked(client: openai.OpenAI, service: OpenAIService) -> None:
    ids = [start(client, metadata={"n": str(n)}) for n in range(3)]
    lists = {"method": "GET", "path": JOBS, "times": None}
    service.faults.add(Fault(action=IgnoreMetadata(), **cast("Any", lists)))
    listed = client.fine_tuning.jobs.list
    assert [one.id for one in listed(metadata={"n": "1"})] == ids[::-1]
    # Both at once, and a third fault that strikes first.
    service.faults.add(Fault(action=IgnoreAfter(), **cast("Any", lists)))
    service.faults.add(Fault(method="GET", path=JOBS, action=Reply(503)))
    with pytest.raises(openai.InternalServerError):
        listed()
    page = listed(limit=2, metadata={"n": "1"}, after=ids[0])
    assert ([one.id for one in page.data], page.has_more) == (ids[:0:-1], True)


def test_faults_come_in_order(client: openai.OpenAI, service: OpenAIService) -> None:
    path = r"/fine_tuning/jobs/[^/]+"
    job = start(client)
    service.faults.add(
        Fault(method="GET", path=path, action=Reply(500), after=1),
        Fault(method="GET", path=path, action=Reply(502), times=2),
        Fault(method=None, path=path, action=Reply(503), after=4, times=None),
    )
    seen: list[int] = []
    for _ in range(7):
        try:
            client.fine_tuning.jobs.retrieve(job)
            seen.append(200)
        except openai.InternalServerError as error:
            seen.append(error.status_code)
    assert seen == [502, 500, 502, 200, 503, 503, 503]
    service.faults.clear()
    assert client.fine_tuning.jobs.retrieve(job).id == job
    assert len(service.faults.hits) == 6


def test_a_request_that_breaks_off_is_nothing(service: OpenAIService) -> None:
    def broken() -> Any:
        yield b"{"
        raise ZeroDivisionError

    headers = {"authorization": f"Bearer {service.key}", "content-type": "application/json"}
    with http.Client(headers=headers) as client:
        with pytest.raises(ZeroDivisionError):
            client.post(f"{service.url}{JOBS}", content=broken())
        # In pieces of unknown number, which arrive as one body.
        answer = client.post(f"{service.url}{JOBS}", content=iter([b"{", b"}"]))
        assert answer.json()["error"]["param"] == "model"
    assert [post.json for post in service.posts(JOBS)] == [{}]


def test_the_stand_ins_own_failures_are_told(clock: VirtualClock) -> None:
    def fail(_: object) -> object:
        raise ZeroDivisionError

    service = OpenAIService(clock)
    service.start()
    service.faults.add(Fault(method="GET", path="/models", action=Edit(fail)))
    with http.Client() as client, pytest.raises(http.TransportError):
        client.get(f"{service.url}/models")
    with pytest.raises(RuntimeError, match="stand-in failed"):
        service.stop()
