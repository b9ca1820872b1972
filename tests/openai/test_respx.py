"""The provider at OpenAI's own address, whose answers are mocked below the HTTP library.

`respx` reaches `httpx2` through `pytest-httpx2` alone; `openai` 2.x, which is on `httpx`, has no
such way, and is tested against the stand-in.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import openai
import pytest
import respx

from finetune_sdk import FineTuneClient
from finetune_sdk.errors import (
    AuthenticationError,
    ConnectionFailedError,
    NotFoundError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
    ResponseDecodeError,
    SubmissionUnknownError,
)
from finetune_sdk.providers._openai_talk import limits
from finetune_sdk.providers._openai_wire.encode import CALL, KEY
from finetune_sdk.providers.openai.provider import OpenAIProvider
from finetune_sdk.testing import VirtualClock
from finetune_sdk.types import DatasetFile, JobSpec, JobStatus, Supervised

if int(openai.__version__.partition(".")[0]) < 3:
    pytest.skip("openai below 3 is on httpx, not on httpx2", allow_module_level=True)
import httpcore2

BASE = "https://api.openai.com/v1"
KEY_ = "sk-" + "canary" * 5
MODEL = "gpt-4.1-mini-2025-04-14"
ROWS = [
    {
        "messages": [
            {"role": "user", "content": f"Say {number}."},
            {"role": "assistant", "content": str(number)},
        ]
    }
    for number in range(12)
]
JOB = {
    "object": "fine_tuning.job",
    "id": "ftjob-1",
    "model": MODEL,
    "status": "running",
    "created_at": 1_767_225_600,
    "training_file": "file-1",
    "error": {"code": None, "message": None, "param": None},
}
FILE = {"object": "file", "id": "file-1", "purpose": "fine-tune", "status": "processed"}
SPEC = JobSpec(
    key="k", model=MODEL, method=Supervised(epochs=3), training_file=DatasetFile(id="file-1")
)
Open = Callable[..., OpenAIProvider]


@pytest.fixture
def api() -> Iterator[respx.MockRouter]:
    """What is not mocked is an error, and never leaves."""
    with respx.mock(using="httpcore2", base_url=BASE, assert_all_called=False) as router:
        yield router


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def opened(tmp_path: Path, clock: VirtualClock) -> Iterator[Open]:
    made: list[OpenAIProvider] = []

    def open_(**more: Any) -> OpenAIProvider:
        words: dict[str, Any] = {"api_key": KEY_, "environ": {}, **more}
        made.append(OpenAIProvider(home=tmp_path, clock=clock, **words))
        return made[-1]

    yield open_
    for provider in made:
        provider.close()


def said(status: int, message: str = "no", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json={"error": {"message": message}}, headers=named)


def good(value: object = JOB) -> httpx.Response:
    return httpx.Response(200, json=value)


def all_of(route: respx.Route) -> list[httpx.Request]:
    """The requests that came."""
    calls: Any = route.calls
    return [cast("httpx.Request", call.request) for call in calls]


def sent(route: respx.Route) -> httpx.Request:
    """The one request that came."""
    (request,) = all_of(route)
    return request


def each(make: Callable[[], httpx.Response]) -> Callable[[httpx.Request], httpx.Response]:
    """An answer that is made anew for each request."""

    def answer(_: httpx.Request) -> httpx.Response:
        return make()

    return answer


# Reads


def test_a_job_is_got(api: respx.MockRouter, opened: Open) -> None:
    route = api.get("/fine_tuning/jobs/ftjob-1").mock(return_value=good())
    job = opened().get_job("ftjob-1")
    assert (job.id, job.status, job.model) == ("ftjob-1", JobStatus.RUNNING, MODEL)
    assert sent(route).content == b""


def test_an_id_is_one_part_of_the_path(api: respx.MockRouter, opened: Open) -> None:
    route = api.get().mock(return_value=said(404))
    with pytest.raises(NotFoundError):
        opened().get_job("a/../b?x")
    assert sent(route).url.raw_path == b"/v1/fine_tuning/jobs/a%2F..%2Fb%3Fx"


def test_pages_are_asked_for_one_after_the_other(api: respx.MockRouter, opened: Open) -> None:
    first = {"data": [JOB, {**JOB, "id": "ftjob-2"}], "has_more": True}
    second = {"data": [{**JOB, "id": "ftjob-3"}], "has_more": False}
    route = api.get("/fine_tuning/jobs").mock(side_effect=[good(first), good(second)])
    with FineTuneClient(opened()) as client:
        assert [job.id for job in client.jobs.list()] == ["ftjob-1", "ftjob-2", "ftjob-3"]
    queries = [dict(request.url.params) for request in all_of(route)]
    assert queries == [{"limit": "100"}, {"limit": "100", "after": "ftjob-2"}]


# Headers


def test_the_headers_of_a_request(api: respx.MockRouter, opened: Open) -> None:
    route = api.get("/fine_tuning/jobs/j").mock(return_value=good())
    opened(organization="org-1", project="proj-1", headers={"X-Team": "a"}).get_job("j")
    headers = sent(route).headers
    assert headers["authorization"] == f"Bearer {KEY_}"
    assert headers["openai-organization"] == "org-1"
    assert headers["openai-project"] == "proj-1"
    assert headers["accept-encoding"] == "identity"
    assert headers["x-team"] == "a"


def test_nobody_elses_environment_is_read(
    api: respx.MockRouter, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "not-ours")
    route = api.get("/fine_tuning/jobs/j").mock(return_value=good())
    opened(environ={"OPENAI_ORG_ID": "org-2"}).get_job("j")
    headers = sent(route).headers
    assert headers["authorization"] == f"Bearer {KEY_}"
    assert headers["openai-organization"] == "org-2"
    assert "openai-project" not in headers


def test_a_function_is_asked_for_the_key_each_time(api: respx.MockRouter, opened: Open) -> None:
    route = api.get("/fine_tuning/jobs/j").mock(return_value=good())
    keys = iter(["key-number-one", "key-number-two"])
    provider = opened(api_key=lambda: next(keys))
    provider.get_job("j")
    provider.get_job("j")
    asked = [request.headers["authorization"] for request in all_of(route)]
    assert asked == ["Bearer key-number-one", "Bearer key-number-two"]


def test_a_key_that_has_expired_is_renewed_once(api: respx.MockRouter, opened: Open) -> None:
    route = api.get("/fine_tuning/jobs/j").mock(side_effect=[said(401), good()])
    keys = iter(["key-number-one", "key-number-two"])
    assert opened(api_key=lambda: next(keys)).get_job("j").id == "ftjob-1"
    assert all_of(route)[-1].headers["authorization"] == "Bearer key-number-two"
    route.mock(side_effect=[said(401)] * 5)
    with pytest.raises(AuthenticationError):
        opened(api_key=lambda: "a-key-that-stays-wrong").get_job("j")
    assert route.call_count == 4


def test_a_key_that_is_fixed_is_tried_once(api: respx.MockRouter, opened: Open) -> None:
    route = api.get("/fine_tuning/jobs/j").mock(return_value=said(401))
    with pytest.raises(AuthenticationError):
        opened().get_job("j")
    assert route.call_count == 1


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: 1 / 0, "raised ZeroDivisionError: division by zero"),
        (lambda: b"bytes", "gave a bytes, and no text"),
        (lambda: 7, "gave a int, and no text"),
        (lambda: None, "there is no key"),
        (lambda: "", "there is no key"),
    ],
)
def test_a_function_without_a_key_sends_nothing(
    api: respx.MockRouter, opened: Open, ask: Callable[[], Any], words: str
) -> None:
    with pytest.raises(AuthenticationError, match=words) as caught:
        opened(api_key=ask).create_job(SPEC)
    assert caught.value.effect == "none"
    assert api.calls.call_count == 0


# Creates


def test_a_create_sends_what_it_should(api: respx.MockRouter, opened: Open) -> None:
    route = api.post("/fine_tuning/jobs").mock(return_value=good())
    assert opened().create_job(SPEC).id == "ftjob-1"
    assert json.loads(sent(route).content) == {
        "model": MODEL,
        "training_file": "file-1",
        "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}},
        "metadata": {KEY: "k"},
    }


LOST = [
    httpcore2.ReadTimeout("t"),
    httpcore2.WriteTimeout("t"),
    httpcore2.ReadError("reset"),
    httpcore2.WriteError("broken pipe"),
    httpcore2.RemoteProtocolError("closed"),
    *[said(status) for status in (408, 409, 425, 500, 502, 503, 504)],
    httpx.Response(307, headers={"location": "https://evil.example/v1"}),
    httpx.Response(429, text="slow down"),
    *[httpx.Response(200, content=body) for body in (b"", b"<html>", b"null", b"[]", b"{}", b"{")],
]


@pytest.mark.parametrize("lost", LOST, ids=str)
def test_a_create_that_may_have_arrived_is_posted_once(
    api: respx.MockRouter, opened: Open, lost: Any
) -> None:
    route = api.post("/fine_tuning/jobs").mock(side_effect=[lost])
    with pytest.raises(ProviderError) as caught:
        opened().create_job(SPEC)
    assert caught.value.effect == "unknown"
    assert route.call_count == 1


UNSENT = [
    httpcore2.ConnectError("refused"),
    httpcore2.ConnectTimeout("t"),
    httpcore2.PoolTimeout("t"),
    httpcore2.ProxyError("no"),
]


@pytest.mark.parametrize("unsent", UNSENT, ids=str)
def test_a_create_that_never_left_is_posted_again(
    api: respx.MockRouter, opened: Open, unsent: Exception
) -> None:
    route = api.post("/fine_tuning/jobs").mock(side_effect=[unsent, unsent, good()])
    assert opened().create_job(SPEC).id == "ftjob-1"
    assert route.call_count == 3


def service(api: respx.MockRouter) -> respx.Route:
    """All but the create."""
    api.get(f"/models/{MODEL}").mock(return_value=good({"id": MODEL}))
    api.post("/files").mock(return_value=good(FILE))
    api.get("/files/file-1").mock(return_value=good(FILE))
    return api.post("/fine_tuning/jobs")


def marked(request: httpx.Request) -> dict[str, Any]:
    """What the list has after a create."""
    body = json.loads(request.content)
    return {"data": [{**JOB, "metadata": body["metadata"]}], "has_more": False}


def test_a_lost_create_is_found_by_its_key(api: respx.MockRouter, opened: Open) -> None:
    route = service(api)
    route.mock(side_effect=httpcore2.ReadTimeout("t"))
    found = api.get("/fine_tuning/jobs")
    found.mock(side_effect=each(lambda: good(marked(sent(route)))))
    with FineTuneClient(opened()) as client:
        job = client.jobs.create(model=MODEL, training_data=ROWS)
    assert job.id == "ftjob-1"
    metadata = json.loads(sent(route).content)["metadata"]
    assert metadata.keys() == {KEY, CALL}
    assert sent(found).url.params[f"metadata[{KEY}]"] == metadata[KEY]


def test_a_lost_create_that_nobody_has_is_not_posted_again(
    api: respx.MockRouter, opened: Open, clock: VirtualClock
) -> None:
    route = service(api)
    route.mock(return_value=said(500))
    api.get("/fine_tuning/jobs").mock(return_value=good({"data": [], "has_more": False}))
    with FineTuneClient(opened()) as client:
        for _ in range(2):
            with pytest.raises(SubmissionUnknownError):
                client.jobs.create(model=MODEL, training_data=ROWS)
    assert route.call_count == 1
    assert clock.monotonic() >= 60


def test_rows_are_sent_as_a_form(api: respx.MockRouter, opened: Open) -> None:
    route = api.post("/files").mock(side_effect=[said(500), good(FILE)])
    with FineTuneClient(opened()) as client:
        file = client.datasets.upload(ROWS)
    first, second = all_of(route)
    for request in (first, second):
        assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
        assert b'name="purpose"\r\n\r\nfine-tune\r\n' in request.content
        assert request.content.count(b'{"messages"') == len(ROWS)
    assert file.id == "file-1"
    assert file.name is not None
    assert file.name.encode() in second.content


# Waits


@pytest.mark.parametrize(
    ("headers", "least"),
    [
        ({"retry_after_ms": "300"}, 0.3),
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "Thu, 01 Jan 2026 00:00:30 GMT"}, 30.0),
        ({"x_ratelimit_remaining_requests": "0", "x_ratelimit_reset_requests": "1m0s"}, 60.0),
        ({"retry_after": "120"}, 120.0),
    ],
)
def test_a_limit_is_waited_for(
    api: respx.MockRouter, opened: Open, clock: VirtualClock, headers: dict[str, str], least: float
) -> None:
    route = api.post("/fine_tuning/jobs").mock(side_effect=[said(429, **headers), good()])
    opened(timeout=200).create_job(SPEC)
    assert route.call_count == 2
    assert least <= clock.monotonic() <= least + 1


@pytest.mark.parametrize("seconds", ["121", "3600"])
def test_a_long_wait_is_told(
    api: respx.MockRouter, opened: Open, clock: VirtualClock, seconds: str
) -> None:
    route = api.post("/fine_tuning/jobs").mock(return_value=said(429, retry_after=seconds))
    with pytest.raises(RateLimitError) as caught:
        opened(timeout=10_000).create_job(SPEC)
    assert (caught.value.retry_after, caught.value.effect) == (float(seconds), "none")
    assert (route.call_count, clock.monotonic()) == (1, 0)


def test_a_wait_that_is_asked_for_does_not_count_to_the_timeout(
    api: respx.MockRouter, opened: Open, clock: VirtualClock
) -> None:
    route = api.post("/fine_tuning/jobs").mock(return_value=said(429, retry_after="60"))
    with pytest.raises(RateLimitError):
        opened(timeout=30).create_job(SPEC)
    assert route.call_count == 5
    assert 240 <= clock.monotonic() <= 245


def test_a_quota_is_told_at_once(api: respx.MockRouter, opened: Open) -> None:
    body = {"error": {"message": "pay", "code": "insufficient_quota", "type": "x"}}
    route = api.post("/fine_tuning/jobs").mock(return_value=httpx.Response(429, json=body))
    with pytest.raises(QuotaExceededError):
        opened().create_job(SPEC)
    assert route.call_count == 1


def test_a_service_that_is_down_is_asked_five_times(
    api: respx.MockRouter, opened: Open, clock: VirtualClock
) -> None:
    route = api.get("/fine_tuning/jobs/j").mock(return_value=said(503))
    with pytest.raises(ProviderError, match="503"):
        opened().get_job("j")
    assert route.call_count == 5
    assert clock.monotonic() <= 7.5


def test_the_package_itself_tries_nothing_again(api: respx.MockRouter, opened: Open) -> None:
    route = api.post("/fine_tuning/jobs").mock(
        return_value=said(500, x_should_retry="true", retry_after="1")
    )
    with pytest.raises(ProviderError):
        opened().create_job(SPEC)
    assert sent(route).headers["x-stainless-retry-count"] == "0"


def test_a_delete_whose_answer_was_lost_is_one(api: respx.MockRouter, opened: Open) -> None:
    route = api.delete("/files/f").mock(side_effect=[httpcore2.ReadTimeout("t"), said(404)])
    opened().delete_dataset_file("f")
    assert route.call_count == 2
    route.mock(side_effect=[said(404)])
    with pytest.raises(NotFoundError):
        opened().delete_dataset_file("f")


# Elsewhere, packed, too large


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("there", ["https://evil.example/v1/x", "http://api.openai.com/v1/x", "/x"])
def test_no_redirect_is_followed(
    api: respx.MockRouter, opened: Open, status: int, there: str
) -> None:
    api.get("/fine_tuning/jobs/j").mock(
        return_value=httpx.Response(status, headers={"location": there})
    )
    other = api.route(url=f"https://api.openai.com{there}" if there == "/x" else there)
    with pytest.raises(ProviderError, match="points elsewhere") as caught:
        opened().get_job("j")
    assert caught.value.code == "redirected"
    assert not other.called


@pytest.mark.parametrize("packing", ["gzip", "deflate", "br", "zstd", "GZIP", "gzip, gzip"])
def test_a_packed_answer_is_refused(api: respx.MockRouter, opened: Open, packing: str) -> None:
    bomb = gzip.compress(b" " * 10**6)
    headers = {"content-encoding": packing, "content-type": "application/json"}
    api.get("/fine_tuning/jobs/j").mock(
        side_effect=each(lambda: httpx.Response(200, stream=Raw(bomb), headers=headers))
    )
    with pytest.raises(ResponseDecodeError, match="which was not asked for"):
        opened().get_job("j")


class Raw(httpx.SyncByteStream):
    """Bytes as they go over the wire, in pieces."""

    def __init__(self, body: bytes, piece: int = 64 * 1024) -> None:
        self.body, self.piece, self.read = body, piece, 0

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self.body), self.piece):
            self.read += len(self.body[start : start + self.piece])
            yield self.body[start : start + self.piece]


@pytest.mark.parametrize("status", [200, 400, 500])
def test_an_answer_that_is_too_large_is_not_read_on(
    api: respx.MockRouter, opened: Open, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(limits, "LARGEST_ANSWER", 10_000)
    streams: list[Raw] = []

    def large() -> httpx.Response:
        streams.append(Raw(b"x" * 10**6, 1000))
        return httpx.Response(status, stream=streams[-1])

    api.get("/fine_tuning/jobs/j").mock(side_effect=each(large))
    with pytest.raises(ResponseDecodeError, match="more than 10000 bytes") as caught:
        opened().get_job("j")
    assert caught.value.status_code is None
    assert all(stream.read == 11_000 for stream in streams)


def test_an_answer_as_large_as_is_allowed_is_read(
    api: respx.MockRouter, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = json.dumps(JOB).encode()
    monkeypatch.setattr(limits, "LARGEST_ANSWER", len(body))
    api.get("/fine_tuning/jobs/j").mock(
        side_effect=each(lambda: httpx.Response(200, stream=Raw(body)))
    )
    assert opened().get_job("j").id == "ftjob-1"


def test_a_file_is_saved_however_large_it_is(
    api: respx.MockRouter, opened: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(limits, "LARGEST_ANSWER", 10_000)
    api.get("/files/f").mock(return_value=good({**FILE, "bytes": 10**6}))
    api.get("/files/f/content").mock(
        side_effect=each(lambda: httpx.Response(200, stream=Raw(b"x" * 10**6)))
    )
    opened().download_dataset("f", tmp_path / "rows")
    assert (tmp_path / "rows").stat().st_size == 10**6


class Cut(Raw):
    """The connection closes within the body."""

    def __iter__(self) -> Iterator[bytes]:
        yield self.body
        raise httpcore2.ReadError("reset")


def test_a_download_that_was_cut_begins_anew(
    api: respx.MockRouter, opened: Open, tmp_path: Path
) -> None:
    api.get("/files/f").mock(return_value=good(FILE))
    answers = iter([Cut(b"x" * 900), Cut(b"y" * 500), Raw(b"z" * 100)])
    api.get("/files/f/content").mock(
        side_effect=each(lambda: httpx.Response(200, stream=next(answers)))
    )
    opened().download_dataset("f", tmp_path / "rows")
    assert (tmp_path / "rows").read_bytes() == b"z" * 100


def test_nothing_leaves_that_was_not_mocked(api: respx.MockRouter, opened: Open) -> None:
    with pytest.raises(ConnectionFailedError):
        opened(timeout=1).get_job("not-mocked")
