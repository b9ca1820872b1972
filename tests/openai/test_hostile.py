"""Answers that no service would give: whatever they are, only our errors come out, and in time.

The random bodies are drawn by a generator of our own, seeded by Hypothesis: strategies of JSON take
longer to draw a body than the provider to read it. A failure shows the seed and what was answered.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_sdk.datasets import Dataset, load
from finetune_sdk.errors import (
    ConnectionFailedError,
    FineTuneError,
    ProviderError,
    ResponseDecodeError,
)
from finetune_sdk.providers._openai_talk import limits, stack
from finetune_sdk.providers._openai_wire import requests
from finetune_sdk.providers.openai.provider import OpenAIProvider
from finetune_sdk.testing import VirtualClock
from finetune_sdk.types import DatasetFile, DeploymentSpec, JobSpec, Supervised
from tests.openai.test_wire_jobs import JSON
from tests.standins.openai import Drip, DripHeaders, Fault, Hang, OpenAIService, Reply

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
SPEC = JobSpec(
    key="k" * 32,
    call="c",
    model=MODEL,
    method=Supervised(),
    training_file=DatasetFile(id="file-1", name="rows"),
    validation_file=DatasetFile(id="file-2"),
)
AT = 1_790_000_000

# Good answers, from which bad ones are made.

JOB: dict[str, Any] = {
    "object": "fine_tuning.job",
    "id": "ftjob-1",
    "model": MODEL,
    "status": "running",
    "created_at": AT,
    "finished_at": None,
    "fine_tuned_model": None,
    "training_file": "file-1",
    "validation_file": None,
    "result_files": ["file-9"],
    "seed": 7,
    "trained_tokens": 9,
    "metadata": {"finetune_sdk_key": "k" * 32, "finetune_sdk_call": "c", "team": "a"},
    "method": {
        "type": "supervised",
        "supervised": {"hyperparameters": {"n_epochs": 3, "batch_size": "auto"}},
    },
    "error": {"code": "c", "message": "m", "param": "p"},
    "integrations": [],
}
EVENT: dict[str, Any] = {
    "id": "ftevent-1",
    "created_at": AT,
    "level": "info",
    "message": "Step 1",
    "type": "metrics",
    "data": {"step": 1, "train_loss": 0.5},
}
CHECKPOINT: dict[str, Any] = {
    "id": "ftckpt_1",
    "created_at": AT,
    "fine_tuned_model_checkpoint": "ft:m:o::1:ckpt-step-1",
    "step_number": 1,
    "metrics": {"step": 1, "valid_loss": 0.5},
}
FILE: dict[str, Any] = {
    "id": "file-1",
    "filename": "rows.jsonl",
    "bytes": 9,
    "created_at": AT,
    "purpose": "fine-tune",
    "status": "processed",
}
MODEL_: dict[str, Any] = {"id": MODEL, "created": AT, "shutdown_date": "2027-01-14"}
ERROR: dict[str, Any] = {"error": {"message": "no", "code": "c", "param": "p", "type": "t"}}
UPLOAD: dict[str, Any] = {"id": "upload_1", "status": "pending", "file": FILE}


def page(*rows: object, more: bool = False) -> dict[str, Any]:
    return {"object": "list", "data": list(rows), "has_more": more}


ANSWERS: list[Any] = [
    *[JOB, FILE, MODEL_, UPLOAD, ERROR, EVENT, {"id": "x", "deleted": True}],
    *[page(one, one) for one in (JOB, EVENT, CHECKPOINT, FILE, MODEL_)],
    *[page({**JOB, "id": f"ftjob-{n}"}, more=True) for n in range(3)],
    *[{**JOB, "status": word, "fine_tuned_model": "ft:m:o::1"} for word in ("succeeded", "paused")],
]
CSV = b"step,train_loss,valid_loss\n1,0.5,\n2,0.25,0.5\n"
LEAVES: list[Any] = [
    *[None, True, False, 0, -1, 7, 2**31, 2**63, 2**64, -(2**63), 10**40, 10**400, 0.5, -0.0],
    *[1e308, 5e-324, "", " ", "auto", "succeeded", "x" * 5000, "\x00", "\u202e", "\U0001f600"],
    *["2027-01-14", "99999-99-99", "ft:", "ft:::", "..", "multi", "dpo", "reinforcement", "None"],
    *[[], {}, [[]], {"": None}, {"type": "multi"}, {"id": None}, {"message": 7, "code": []}],
]
RAW: list[bytes] = [
    *[b"", b" ", b"null", b"true", b"7", b'"x"', b"[]", b"{}", b"[{}]", b"{", b"[", b"\xff\xfe"],
    *[b"NaN", b'{"id":NaN}', b'{"id":Infinity}', b'{"id":1e999}', b'{"id":"\\ud800"}', b"\xef\xbb"],
    *[b"\xef\xbb\xbf{}", b'{"id":"x","id":[]}', b'{"data":' + b"9" * 5000 + b"}", b"<html></html>"],
    *[b"[" * 2000, b'{"a":' * 500 + b"1" + b"}" * 500, b'{"id":"x","n":' + b"[" * 300 + b"]" * 300],
    *[b'{"id":"x","n":' + b"[" * 300 + b"]" * 300 + b"}", b"data: {}\n\n", CSV, CSV + b"inf,1,1\n"],
    *[b"step,\n", b"step,a\n1e300,1\n", b'step,"a\n', b"c3RlcCx0cmFpbl9sb3NzCjEsMC41Cg=="],
]
STATUSES = [
    *[200] * 12,
    *[201, 204, 206, 300, 301, 304, 307, 400, 400, 401, 403, 404, 404, 408, 409],
    *[410, 413, 418, 422, 425, 429, 429, 499, 500, 502, 503, 503, 504, 529, 599],
]
HEADERS: list[tuple[str, str]] = [
    *[("content-type", kind) for kind in ("application/json", "text/html", "", "x; charset=x")],
    *[("retry-after", text) for text in ("0", "3", "121", "-1", "nan", "soon", "9" * 99)],
    *[("retry-after-ms", "1"), ("x-should-retry", "true"), ("x-request-id", "r" * 9999)],
    *[("content-encoding", how) for how in ("gzip", "br", "identity", "alien")],
    *[("location", "https://evil.example/"), ("location", "//"), ("date", "x")],
]


class Dice:
    """Draws answers."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - nothing is kept secret by it
        self.last: deque[tuple[str, int, dict[str, str], bytes]] = deque(maxlen=8)
        self.count = 0

    def answer(self, request: Any) -> Any:
        """What the HTTP library gets for a request."""
        status, headers = self._random.choice(STATUSES), self._headers()
        body = self._body()
        self.count += 1
        self.last.append((f"{request.method} {request.url.path}", status, headers, body))
        return stack.library().Response(status, headers=headers, stream=_Bytes.of(body))

    def _headers(self) -> dict[str, str]:
        return dict(self._random.choices(HEADERS, k=self._random.choice((0, 0, 1, 2))))

    def _body(self) -> bytes:
        kind = self._random.random()
        if kind < 0.1:
            return self._random.choice(RAW)
        if kind < 0.15:
            return self._random.randbytes(self._random.randrange(40))
        body = json.dumps(self._changed(self._random.choice(ANSWERS), 1.0)).encode()
        return body[: self._random.randrange(len(body))] if kind > 0.97 else body

    def _changed(self, value: Any, much: float) -> Any:
        """A value with something else in it."""
        draw = self._random
        if draw.random() > much:
            return value
        if isinstance(value, dict) and value and draw.random() < 0.9:
            return self._changed_object(dict(value))  # pyright: ignore[reportUnknownArgumentType]
        if isinstance(value, list) and value and draw.random() < 0.9:
            place = draw.randrange(len(value))  # pyright: ignore[reportUnknownArgumentType]
            rows: list[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType]
            return [*rows[:place], self._changed(rows[place], 0.9), *rows[place + 1 :]]
        return self._leaf()

    def _changed_object(self, value: dict[str, Any]) -> dict[str, Any]:
        draw = self._random
        for name in draw.choices(list(value), k=draw.choice((1, 1, 2, 4))):
            if draw.random() < 0.15:
                value.pop(name, None)
            elif name in value:
                value[name] = self._changed(value[name], 0.8)
        if draw.random() < 0.1:
            value[draw.choice(("newer", "", "status", "data", "error"))] = self._leaf()
        return value

    def _leaf(self) -> Any:
        draw = self._random
        if draw.random() < 0.02:
            value: Any = None
            for _ in range(draw.choice((50, 120, 260, 900))):
                value = [value] if draw.random() < 0.5 else {"a": value}
            return value
        return draw.choice(LEAVES)


class _Bytes:
    """A stream of either HTTP library."""

    @staticmethod
    def of(body: bytes) -> Any:
        return stack.library().ByteStream(body)


class Fixed(Dice):
    """Answers the same to everything."""

    def __init__(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        super().__init__(0)
        self._fixed = status, headers or {}, body

    def answer(self, request: Any) -> Any:
        status, headers, body = self._fixed
        self.last.append((str(request.method), *self._fixed))
        return stack.library().Response(status, headers=headers, stream=_Bytes.of(body))


class Wire:
    """Whom the one provider of these tests talks to."""

    def __init__(self) -> None:
        self.dice = Dice(0)

    def handle(self, request: Any) -> Any:
        request.read()
        return self.dice.answer(request)


@pytest.fixture(scope="module")
def wire() -> Wire:
    return Wire()


@pytest.fixture(scope="module")
def provider(wire: Wire, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAIProvider]:
    """One for all: no answer may spoil it for the next one.

    Its HTTP client is ours, with all that limits answers, but for the transport.
    """
    library = stack.library()

    def client(**words: Any) -> Any:
        return library.Client(transport=library.MockTransport(wire.handle), **words)

    made = OpenAIProvider(
        api_key="sk-hostile-0123456789",
        base_url="https://api.example/v1",
        home=tmp_path_factory.mktemp("hostile"),
        environ={},
        clock=VirtualClock(),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stack, "client_class", lambda: client)
        wire.dice = Fixed(200, b'{"data": []}')
        made.list_models(limit=1, cursor=None)  # It is opened with the first request.
    yield made
    made.close()


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return load(path)


Verb = Callable[[OpenAIProvider, Dataset], object]
VERBS: dict[str, Verb] = {
    "get_job": lambda p, _: p.get_job("ftjob-1"),
    "list_jobs": lambda p, _: p.list_jobs(limit=2, cursor="ftjob-0"),
    "cancel_job": lambda p, _: p.cancel_job("ftjob-1"),
    "pause_job": lambda p, _: p.pause_job("ftjob-1"),
    "resume_job": lambda p, _: p.resume_job("ftjob-1"),
    "create_job": lambda p, _: p.create_job(SPEC),
    "find_jobs": lambda p, _: p.find_jobs(SPEC.key, spec=SPEC, since=p.clock.now()),
    "list_events": lambda p, _: p.list_events("ftjob-1", limit=2, cursor=None),
    "list_metrics": lambda p, _: p.list_metrics("ftjob-1", limit=2, cursor=None),
    "list_checkpoints": lambda p, _: p.list_checkpoints("ftjob-1", limit=2, cursor=None),
    "list_dataset_files": lambda p, _: p.list_dataset_files(limit=2, cursor=None),
    "get_dataset_file": lambda p, _: p.get_dataset_file("file-1"),
    "delete_dataset_file": lambda p, _: p.delete_dataset_file("file-1"),
    "list_models": lambda p, _: p.list_models(limit=2, cursor=None),
    "get_model": lambda p, _: p.get_model(MODEL),
    "delete_model": lambda p, _: p.delete_model("ft:m:o::1"),
    "preflight_job": lambda p, _: p.preflight_job(SPEC),
    "prepare_job": lambda p, _: p.prepare_job(SPEC),
    "upload_dataset": lambda p, rows: p.upload_dataset(rows, key="k"),
    "create_deployment": lambda p, _: p.create_deployment(DeploymentSpec(name="d", model="m")),
}


def only_our_errors(verb: Verb, provider: OpenAIProvider, rows: Dataset, dice: Dice) -> None:
    words = ""
    try:
        verb(provider, rows)
    except FineTuneError as error:
        words = str(error)
    except Exception as error:
        raise AssertionError(f"{error!r:.300} out of {list(dice.last)!r:.3000}") from error
    assert len(words) < 6000, dice.last


EXAMPLES, ROUNDS = 70, 20
"""Seeds, and how often each verb is called for a seed: some 30,000 answers, and with those of the
other tests of this file more than 50,000."""


@settings(max_examples=EXAMPLES, deadline=None)
@given(seed=st.integers(0, 2**64))
def test_whatever_is_answered_only_our_errors_come_out(
    wire: Wire, provider: OpenAIProvider, rows: Dataset, seed: int
) -> None:
    """SEC-13."""
    wire.dice = Dice(seed)
    for _ in range(ROUNDS):
        for verb in VERBS.values():
            only_our_errors(verb, provider, rows, wire.dice)
    assert wire.dice.count >= ROUNDS * len(VERBS)


@settings(max_examples=150, deadline=None)
@given(
    body=st.binary(max_size=80) | JSON.map(lambda value: json.dumps(value).encode()),
    status=st.sampled_from([200, 200, 200, 400, 404, 429, 500]),
)
def test_whatever_is_answered_to_everything_only_our_errors_come_out(
    wire: Wire, provider: OpenAIProvider, rows: Dataset, body: bytes, status: int
) -> None:
    """SEC-13, in a form that Hypothesis can make smaller."""
    wire.dice = Fixed(status, body)
    for verb in VERBS.values():
        only_our_errors(verb, provider, rows, wire.dice)


@pytest.mark.parametrize("body", RAW, ids=lambda body: repr(body[:30]))
@pytest.mark.parametrize("status", [200, 400, 404, 429, 500])
def test_known_evil_is_no_exception_of_pythons(
    wire: Wire, provider: OpenAIProvider, rows: Dataset, body: bytes, status: int
) -> None:
    """SEC-13."""
    wire.dice = Fixed(status, body)
    for verb in VERBS.values():
        only_our_errors(verb, provider, rows, wire.dice)


@pytest.mark.parametrize("value", LEAVES, ids=lambda value: repr(value)[:30])
@pytest.mark.parametrize("answer", [JOB, FILE, MODEL_, EVENT, CHECKPOINT, UPLOAD])
def test_each_field_may_be_anything(
    wire: Wire, provider: OpenAIProvider, rows: Dataset, answer: dict[str, Any], value: Any
) -> None:
    """SEC-13."""
    for name in answer:
        odd = {**answer, name: value}
        for body in (odd, page(odd, odd, more=True)):
            wire.dice = Fixed(200, json.dumps(body).encode())
            for verb in ("get_job", "list_jobs", "list_events", "list_checkpoints", "list_models"):
                only_our_errors(VERBS[verb], provider, rows, wire.dice)


def test_a_good_answer_is_read_after_all_that(
    wire: Wire, provider: OpenAIProvider, rows: Dataset
) -> None:
    wire.dice = Fixed(200, json.dumps({**JOB, "error": None}).encode())
    assert provider.get_job("ftjob-1").id == "ftjob-1"
    assert provider.create_job(SPEC).id == "ftjob-1"


# In time

DEADLINE = 0.5
SLACK = 1.0


@pytest.fixture
def service() -> Iterator[OpenAIService]:
    with OpenAIService(VirtualClock()) as service:
        yield service


@pytest.fixture
def hasty(service: OpenAIService, tmp_path: Path) -> Iterator[OpenAIProvider]:
    """A provider on the real clock, with half a second for each call."""
    made = hasty_at(service.url, tmp_path, service.key)
    yield made
    made.close()


def hasty_at(url: str, home: Path, key: str = "sk-hostile-0123456789") -> OpenAIProvider:
    return OpenAIProvider(api_key=key, base_url=url, home=home, environ={}, timeout=DEADLINE)


def in_time(ask: Callable[[], object]) -> FineTuneError:
    """The error of a call that ends with the deadline."""
    started = time.monotonic()
    with pytest.raises(ProviderError) as caught:
        ask()
    assert time.monotonic() - started < DEADLINE + SLACK
    return caught.value


@pytest.mark.parametrize(
    "fault",
    [
        Drip(0.02),
        Drip(0.3),
        Drip(0.45),
        DripHeaders(0.02),
        DripHeaders(0.3),
        Hang(),
    ],
    ids=repr,
)
def test_no_drip_outlasts_the_deadline(
    service: OpenAIService, hasty: OpenAIProvider, fault: Any
) -> None:
    service.faults.add(Fault(method=None, path=".*", action=fault, times=None))
    for ask in (
        lambda: hasty.list_models(limit=9, cursor=None),
        lambda: hasty.get_job("ftjob-1"),
        lambda: hasty.create_job(SPEC),
    ):
        assert isinstance(in_time(ask), ConnectionFailedError)


def test_an_error_that_drips_ends_with_the_deadline(
    service: OpenAIService, hasty: OpenAIProvider
) -> None:
    service.faults.add(Fault(method="GET", path=".*", action=Drip(0.02), times=None))
    in_time(lambda: hasty.get_job("ftjob-nobody-knows"))


def test_a_download_that_drips_ends_with_the_deadline(
    service: OpenAIService, hasty: OpenAIProvider, tmp_path: Path
) -> None:
    service.faults.add(Fault(method="GET", path=".*", action=Drip(0.02), times=None))
    in_time(lambda: hasty.download_dataset("file-1", tmp_path / "rows"))


def test_the_deadline_of_a_call_is_not_that_of_the_next(
    service: OpenAIService, hasty: OpenAIProvider
) -> None:
    service.faults.add(Fault(method="GET", path="/models", action=DripHeaders(0.1)))
    in_time(lambda: hasty.list_models(limit=9, cursor=None))
    assert hasty.list_models(limit=9, cursor=None).items
    threading.Event().wait(DEADLINE)
    # The same connection, kept alive for longer than the deadline of the call that opened it.
    assert hasty.list_models(limit=9, cursor=None).items


class Peer:
    """A server without manners: what it does with a connection is a function."""

    def __init__(self, behave: Callable[[socket.socket, threading.Event], None]) -> None:
        self._behave = behave
        self._stopping = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._talk, args=(connection,)))
            self._threads[-1].start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            self._behave(connection, self._stopping)

    def close(self) -> None:
        self._stopping.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in list(self._threads):
            thread.join()


def endless(piece: bytes, head: bytes = b"") -> Callable[[socket.socket, threading.Event], None]:
    """Says a head, and then the same again and again."""

    def behave(connection: socket.socket, stopping: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(head)
        while not stopping.is_set():
            connection.sendall(piece)

    return behave


def deaf(connection: socket.socket, stopping: threading.Event) -> None:
    """Reads nothing, and says nothing."""
    stopping.wait(60)


def slow(connection: socket.socket, stopping: threading.Event) -> None:
    """Reads a little now and then."""
    while connection.recv(4096) and not stopping.wait(0.05):
        pass


OK = b"HTTP/1.1 200 OK\r\n"
PEERS: dict[str, Callable[[socket.socket, threading.Event], None]] = {
    "headers without end": endless(b"x-a: b\r\n" * 100, OK),
    "a header without end": endless(b"a" * 1000, OK + b"x: "),
    "a status without end": endless(b"9" * 1000, b"HTTP/1.1 "),
    "informations without end": endless(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 10),
    "continues without end": endless(b"HTTP/1.1 100 Continue\r\n\r\n" * 10),
    "a body without end": endless(b"x" * 10_000, OK + b"\r\n"),
    "chunks without end": endless(
        b"4\r\nabcd\r\n" * 1000, OK + b"transfer-encoding: chunked\r\n\r\n"
    ),
    "a chunk without end": endless(b"f" * 100, OK + b"transfer-encoding: chunked\r\n\r\n"),
    "a length that is a lie": endless(b"x" * 10_000, OK + b"content-length: 9999999999\r\n\r\n"),
    "no HTTP": endless(b"\x16\x03\x01\x00", b"SSH-2.0-x\r\n"),
    "deaf": deaf,
    "slow": slow,
}


@pytest.mark.parametrize("behave", PEERS.values(), ids=PEERS)
def test_no_peer_holds_a_call(behave: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LARGEST_ANSWER", 1_000_000)
    peer = Peer(behave)
    provider = hasty_at(peer.url, tmp_path)
    try:
        in_time(lambda: provider.get_job("ftjob-1"))
        assert in_time(lambda: provider.create_job(SPEC))
    finally:
        provider.close()
        peer.close()


@pytest.mark.parametrize("behave", [deaf, slow])
def test_no_peer_holds_an_upload(
    behave: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half_a_second(_: int) -> float:
        return DEADLINE

    monkeypatch.setattr(requests, "upload_seconds", half_a_second)
    path = tmp_path / "rows.jsonl"
    line = json.dumps({"messages": [{"role": "user", "content": "x" * 10_000}]}) + "\n"
    path.write_text(line * 2000)
    peer = Peer(behave)
    provider = hasty_at(peer.url, tmp_path)
    try:
        error = in_time(lambda: provider.upload_dataset(load(path), key="k"))
        assert isinstance(error, ConnectionFailedError)
    finally:
        provider.close()
        peer.close()


# Too large, packed


@pytest.mark.parametrize("status", [200, 400, 500])
def test_an_answer_that_is_too_large_is_cut_off(
    service: OpenAIService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(limits, "LARGEST_ANSWER", 100_000)
    large = Reply(status, b'{"id": "' + b"x" * 8_000_000 + b'"}')
    service.faults.add(Fault(method="GET", path=".*", action=large, times=None))
    clock = VirtualClock()
    provider = OpenAIProvider(
        api_key=service.key, base_url=service.url, home=tmp_path, environ={}, clock=clock
    )
    with pytest.raises(ResponseDecodeError, match="more than 100000 bytes"):
        provider.get_job("ftjob-1")
    service.faults.clear()
    assert provider.list_models(limit=9, cursor=None).items
    provider.close()


def test_a_bomb_is_not_unpacked(service: OpenAIService, tmp_path: Path) -> None:
    bomb = Reply(200, gzip.compress(b" " * 10_000_000), {"content-encoding": "gzip"})
    service.faults.add(Fault(method="GET", path=".*", action=bomb, times=None))
    provider = OpenAIProvider(
        api_key=service.key, base_url=service.url, home=tmp_path, environ={}, clock=VirtualClock()
    )
    with pytest.raises(ResponseDecodeError, match="packed as 'gzip'"):
        provider.get_job("ftjob-1")
    provider.close()
    assert all(one.headers["accept-encoding"] == "identity" for one in service.requests)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="descriptors are in /proc")
def test_nothing_is_left_open(service: OpenAIService, tmp_path: Path) -> None:
    def left() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a Path would open one more

    before, threads = left(), threading.active_count()
    for fault in (Drip(0.2), DripHeaders(0.2), Hang(), Reply(500), Reply(200, b"x" * 10**6)):
        service.faults.add(Fault(method="GET", path=".*", action=fault, times=None))
        provider = OpenAIProvider(
            api_key=service.key, base_url=service.url, home=tmp_path, environ={}, timeout=0.1
        )
        with pytest.raises(FineTuneError):
            provider.get_job("ftjob-1")
        provider.close()
        service.faults.clear()
    service.stop()
    assert left() <= before
    assert threading.active_count() <= threads
