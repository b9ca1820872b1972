"""Secrets: planted everywhere they can be given, and looked for everywhere they could show.

The ids in the docstrings are those of the list of faults.
"""

from __future__ import annotations

import copy
import logging
import pickle
import socket
import ssl
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
import trustme

from finetune_sdk import FineTuneClient
from finetune_sdk.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    FineTuneError,
    ProviderError,
)
from finetune_sdk.providers.openai.provider import OpenAIProvider
from finetune_sdk.testing import VirtualClock
from finetune_sdk.transport.credentials import Credential
from tests.standins.openai import (
    Action,
    Edit,
    Fault,
    Hang,
    JobCourse,
    OpenAIService,
    Redirect,
    Refuse,
    Reply,
    error,
)
from tests.support import Heard

MARK = "CANARY"
"""It stands in every secret of these tests, and none of them has the shape of a vendor's key."""

KEY = f"{MARK}-of-the-key-0123456789"
HEADER = f"{MARK}-of-a-header-0123456789"
WEBHOOK = f"whsec_{MARK}0of0the0webhooks0"
LOGGERS = ("openai", "httpx2", "httpcore2", "httpx", "httpcore", "finetune_sdk")
MODEL = "gpt-4.1-mini-2025-04-14"
JOBS = "/fine_tuning/jobs"
ROWS = [
    {
        "messages": [
            {"role": "user", "content": f"Say {number}."},
            {"role": "assistant", "content": str(number)},
        ]
    }
    for number in range(12)
]


@pytest.fixture(autouse=True)
def _everything_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:  # pyright: ignore[reportUnusedFunction]
    for name in ("", *LOGGERS):
        caplog.set_level(logging.DEBUG, name)
    with Heard() as heard:
        yield
    assert not [line for line in (*heard.lines, *heard.records) if MARK in line]


def test_what_is_logged_is_heard() -> None:
    with Heard() as heard:
        logging.getLogger("openai").debug("a canary of its own")
    assert "a canary of its own" in heard.lines


@pytest.fixture
def service() -> Iterator[OpenAIService]:
    with OpenAIService(VirtualClock(), key=KEY) as service:
        yield service


@pytest.fixture
def opened(service: OpenAIService, tmp_path: Path) -> Iterator[Callable[..., FineTuneClient]]:
    made: list[FineTuneClient] = []

    def open_(**more: Any) -> FineTuneClient:
        words: dict[str, Any] = {
            "api_key": KEY,
            "base_url": service.url,
            "headers": {"X-Secret": HEADER},
            "webhook_secret": WEBHOOK,
            "environ": {},
            **more,
        }
        provider = OpenAIProvider(home=tmp_path, clock=service.clock, **words)
        made.append(FineTuneClient(provider, home=tmp_path))
        return made[-1]

    yield open_
    for client in made:
        client.close()


Open = Callable[..., FineTuneClient]


def told(caught: BaseException) -> str:
    """All that an error shows, to people and to programs."""
    shown = [str(caught), repr(caught), str(vars(caught)), str(caught.args)]
    shown += traceback.format_exception(caught)
    with_locals = traceback.TracebackException.from_exception(caught, capture_locals=True)
    shown += [line for line in with_locals.format() if "tests/openai" not in line]
    packed = pickle.dumps(caught)
    twin: BaseException = pickle.loads(packed)  # noqa: S301 - made a line above
    return "\n".join([*shown, repr(packed), str(twin), str(vars(twin)), repr(copy.copy(caught))])


def fails(ask: Callable[[], object]) -> FineTuneError:
    """The error of a call, in which no secret shows."""
    with pytest.raises(FineTuneError) as caught:
        ask()
    assert MARK not in told(caught.value)
    return caught.value


# What holds a secret shows none


def test_nothing_that_holds_a_key_shows_it(opened: Open) -> None:
    """SEC-03."""
    client = opened()
    list(client.jobs.list())
    provider: Any = client.provider
    inner = cast("dict[str, Any]", vars(provider))
    held: list[Any] = [client, provider, client.jobs, *inner.values()]
    held += [vars(client), inner, vars(vars(client)["_context"])]
    assert not any(MARK in repr(one) + str(one) for one in held)
    assert MARK not in repr(provider.connect) + repr(Credential(KEY, source="x", missing="x"))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_what_holds_a_key_is_not_copied(opened: Open, copied: Callable[[object], object]) -> None:
    """SEC-03."""
    client = opened()
    for one in (client.provider, Credential(KEY, source="x", missing="x")):
        with pytest.raises(TypeError) as caught:
            copied(one)
        assert MARK not in str(caught.value)


def test_a_client_takes_no_key_into_a_pickle(opened: Open) -> None:
    """SEC-03."""
    for copied in (copy.deepcopy, pickle.dumps):
        with pytest.raises(Exception, match="provider") as caught:
            copied(opened())
        assert MARK not in str(caught.value)


def test_a_connection_shows_no_key(opened: Open) -> None:
    client = opened()
    client.deployments.create(MODEL, name="recipes")
    connection = getattr(client.provider, "connect")("recipes")  # noqa: B009 - of a mix-in
    assert MARK not in repr(connection)
    assert connection.api_key == KEY


def test_a_key_of_the_environment_shows_nowhere(
    service: OpenAIService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SEC-01."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", service.url)
    monkeypatch.setenv("OPENAI_WEBHOOK_SECRET", WEBHOOK)
    with FineTuneClient("openai") as client:
        assert list(client.jobs.list()) == []
        context: Any = vars(client)["_context"]
        shown = [repr(client), *(str(vars(one)) for one in (client, client.provider, context))]
        fails(lambda: client.jobs.get("ftjob-nobody"))
    assert MARK not in "".join(shown)


# On the way of everything


def test_nothing_shows_on_the_way_of_a_job(opened: Open, service: OpenAIService) -> None:
    """SEC-01: the fixture reads the whole log."""
    client = opened()
    service.course = JobCourse(steps=3)
    job = client.jobs.wait(
        client.jobs.create(model=MODEL, training_data=ROWS), progress=False, on_event=print
    )
    made = client.deployments.create(job, name="recipes")
    client.deployments.chat(made, [{"role": "user", "content": "hello"}])
    shown = [job, *client.jobs.events(job), *client.jobs.metrics(job), *client.models.list()]
    shown += [*client.datasets.list(), *client.jobs.checkpoints(job), made]
    assert not any(MARK in one.to_json() for one in shown)
    assert {one.headers["x-secret"] for one in service.requests if "jobs" in one.path} == {HEADER}
    assert all(KEY in one.headers["authorization"] for one in service.requests)


def test_nothing_shows_in_the_state_folder(opened: Open, tmp_path: Path) -> None:
    client = opened()
    client.jobs.create(model=MODEL, training_data=ROWS)
    client.deployments.create(MODEL, name="recipes")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not any(MARK.encode() in path.read_bytes() for path in files)


FAULTS: list[Action] = [
    *[Reply(status) for status in (400, 401, 403, 404, 409, 418, 422, 429, 500, 503)],
    *[Reply(200, body) for body in (b"", b"<html>", b"null", b"[]", b"{}", b"\xff")],
    *[Refuse(), Redirect("https://user:pass@evil.example/v1")],
]


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
def test_no_error_shows_a_secret(opened: Open, service: OpenAIService, fault: Action) -> None:
    """SEC-01."""
    service.faults.add(Fault(method=None, path=".*", action=fault, times=None))
    client = opened()
    fails(lambda: client.jobs.get("ftjob-1"))
    fails(lambda: client.models.get(MODEL))
    fails(lambda: client.jobs.create(model=MODEL, training_data=ROWS))
    fails(lambda: client.datasets.upload(ROWS))


def test_no_timeout_shows_a_secret(opened: Open, service: OpenAIService) -> None:
    service.faults.add(Fault(method=None, path=".*", action=Hang(), times=None))
    client = opened(timeout=0.05)
    assert "none in time" in str(fails(lambda: client.jobs.get("ftjob-1")))


def test_nobody_listening_shows_no_secret(opened: Open) -> None:
    client = opened(base_url="http://127.0.0.1:1/v1")
    assert isinstance(fails(lambda: client.jobs.get("ftjob-1")), ConnectionFailedError)


# Servers that repeat what was sent

ECHOES: dict[str, Callable[[int], Action]] = {
    "message": lambda status: Reply(status, error(status, f"Incorrect API key: {KEY}.")),
    "code": lambda status: Reply(status, error(status, "no", code=KEY)),
    "param": lambda status: Reply(status, error(status, "no", param=f"Bearer {KEY}")),
    "type": lambda status: Reply(status, error(status, "no", kind=KEY)),
    "html": lambda status: Reply(status, f"<pre>Authorization: Bearer {KEY}</pre>".encode()),
    "header": lambda status: Reply(status, error(status, "no"), {"x-request-id": f"{KEY}-1"}),
    "again and again": lambda status: Reply(status, error(status, KEY * 1000)),
}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
@pytest.mark.parametrize("echo", ECHOES)
def test_a_key_that_is_repeated_is_not_told(
    opened: Open,
    service: OpenAIService,
    status: int,
    echo: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """SEC-02."""
    if echo == "header":
        # The vendor's own loggers tell the headers of answers; what we tell is looked at.
        caplog.set_level(logging.INFO)
        for name in LOGGERS[:-1]:
            caplog.set_level(logging.INFO, name)
    service.faults.add(Fault(method=None, path=".*", action=ECHOES[echo](status), times=None))
    client = opened()
    found = fails(lambda: client.jobs.get("ftjob-1"))
    assert isinstance(found, ProviderError)
    # Only a refused request names its field.
    assert echo == "param" or "[redacted]" in str(vars(found)) + str(found)
    fails(lambda: client.jobs.create(model=MODEL, training_data=ROWS))


def test_a_header_that_is_repeated_is_not_told(opened: Open, service: OpenAIService) -> None:
    """SEC-02."""
    said = error(400, f"headers: x-secret={HEADER}")
    service.faults.add(Fault(method="GET", path=".*", action=Reply(400, said), times=None))
    client = opened()
    assert "x-secret=[redacted]" in str(fails(lambda: client.jobs.get("ftjob-1")))


def test_a_key_that_is_written_with_escapes_is_not_told(
    opened: Open, service: OpenAIService
) -> None:
    """SEC-02."""
    client = opened()
    job = client.jobs.create(model=MODEL, training_data=ROWS)
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in KEY)
    said = f'{{"error": {{"message": "no {escaped}", "code": "{escaped}"}}}}'.encode()
    service.faults.add(Fault(method="GET", path=".*", action=Reply(400, said)))
    assert "no [redacted]" in str(fails(lambda: client.jobs.get(job)))
    body = f'{{"id": "{job.id}", "status": "{escaped}", "debug": "{escaped}"}}'.encode()
    service.faults.add(Fault(method="GET", path=".*", action=Reply(200, body), times=None))
    found = client.jobs.get(job)
    assert MARK not in found.to_json()
    assert found.raw_status == "[redacted]"


def test_a_key_in_a_good_answer_is_not_told(opened: Open, service: OpenAIService) -> None:
    """SEC-02."""
    client = opened()
    job = client.jobs.create(model=MODEL, training_data=ROWS)

    def echo(said: Any) -> Any:
        return {**said, "status": f"x {KEY}", "debug": {"key": [KEY]}, "metadata": {"k": KEY}}

    service.faults.add(Fault(method="GET", path=".*", action=Edit(echo), times=None))
    found = client.jobs.get(job)
    assert MARK not in found.to_json()
    assert found.raw["debug"] == {"key": ["[redacted]"]}


def test_every_key_of_a_function_is_hidden(opened: Open, service: OpenAIService) -> None:
    """SEC-02."""
    keys = [f"{MARK}-number-{number}-of-several" for number in range(3)]
    coming = iter(keys)
    said = error(400, " ".join(keys))
    service.faults.add(Fault(method="GET", path=".*", action=Reply(400, said), times=None))
    client = opened(api_key=lambda: next(coming))
    for _ in keys[1:]:
        with pytest.raises(FineTuneError):
            client.jobs.get("ftjob-1")
    assert "[redacted] [redacted] [redacted]" in str(fails(lambda: client.jobs.get("ftjob-1")))


def test_a_function_that_fails_does_not_tell_the_key(opened: Open) -> None:
    def vault() -> str:
        raise RuntimeError(f"no renewal of sk-{'a1' * 12}")

    client = opened(api_key=vault)
    found = fails(lambda: client.jobs.get("ftjob-1"))
    assert isinstance(found, AuthenticationError)
    assert "no renewal of [redacted]" in str(found)


def test_a_word_that_stands_for_a_key_is_no_secret(opened: Open, service: OpenAIService) -> None:
    """Servers that ask for no key are given any word, which may stand in any answer."""
    service.key = "o"
    assert [model.id for model in opened(api_key="o").models.list()][:1] == ["gpt-4.1-2025-04-14"]


def test_the_command_tells_no_key(service: OpenAIService, tmp_path: Path) -> None:
    """SEC-02: what a user sees, and what stands in a log of CI."""
    service.faults.add(Fault(method="GET", path=".*", action=ECHOES["message"](401), times=None))
    environ = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": service.url, "PATH": "/usr/bin:/bin"}
    command = [str(Path(sys.executable).parent / "finetune"), "--profile", "openai", "jobs", "list"]
    done = subprocess.run(
        command,
        env={**environ, "FINETUNE_HOME": str(tmp_path), "OPENAI_LOG": "debug"},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode != 0
    assert "[redacted]" in done.stderr
    assert MARK not in done.stdout + done.stderr


# What is refused, without being shown


@pytest.mark.parametrize(
    "url",
    [
        f"https://user:{MARK}@api.example/v1",
        f"https://{MARK}@api.example/v1",
        f"https://{MARK}:x@api.example/v1",
        f"https://user:pa/{MARK}@api.example/v1",
        f"http://user:{MARK}@127.0.0.1:1/v1",
        f"https://api.example/v1?key={MARK}",
        f"https://api.example/v1#{MARK}",
        f"https://user:a#{MARK}@api.example",
        f"https://user:a?{MARK}@api.example",
        f"https://api.example:{MARK}/v1",
        f"//user:{MARK}@api.example/v1",
        f"user:{MARK}@api.example",
        f"ftp://api.example/{MARK}",
        f"https:///{MARK}",
        f"https://[{MARK}/v1",
        f"https://a b{MARK}/v1",
        f"https://api.example\\@{MARK}/v1",
    ],
)
@pytest.mark.parametrize("way", ["code", "environment"])
def test_an_address_with_a_secret_is_refused_and_not_shown(
    opened: Open, url: str, way: str
) -> None:
    """SEC-01."""
    words = {"base_url": url}
    if way == "environment":
        words = {"base_url": "", "environ": {"OPENAI_BASE_URL": url}}  # type: ignore[dict-item]
    with pytest.raises(ConfigurationError, match="`base_url`") as caught:
        opened(**words)
    shown = [str(caught.value), *traceback.format_exception(caught.value)]
    assert MARK not in "".join(line for line in shown if "tests/openai" not in line)


@pytest.mark.parametrize(
    "key", [f"{MARK}\n", f"{MARK} x", f"{MARK}\u00e9", f"{MARK}\x00", f"{MARK}\r\nX-Evil: 1"]
)
def test_a_key_that_fits_no_header_is_refused_and_not_shown(opened: Open, key: str) -> None:
    with pytest.raises(ConfigurationError, match="copy it anew") as caught:
        opened(api_key=key)
    assert MARK not in str(caught.value) + repr(caught.value)
    client = opened(api_key=lambda: key)
    assert isinstance(fails(lambda: client.jobs.get("ftjob-1")), ConfigurationError)


def test_a_key_of_the_environment_may_have_a_line_end(opened: Open) -> None:
    client = opened(api_key=None, environ={"OPENAI_API_KEY": f" {KEY}\n"})
    assert list(client.jobs.list()) == []


@pytest.mark.parametrize("value", [f"{MARK}\n", f" {MARK}", f"{MARK}\u00e9", f"{MARK}\r\nX: 1"])
def test_a_header_that_cannot_be_sent_is_refused_and_not_shown(opened: Open, value: str) -> None:
    with pytest.raises(ConfigurationError, match="`headers` has 'X-Secret'") as caught:
        opened(headers={"X-Secret": value})
    assert MARK not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a b", "a:b", "\u00e9", "a\n"])
def test_a_name_of_a_header_that_is_none_is_refused(opened: Open, name: str) -> None:
    with pytest.raises(ConfigurationError, match="`headers` has"):
        opened(headers={name: "x"})


@pytest.mark.parametrize("value", ["", "x", "a b\tc", "Bearer abc"])
def test_any_other_header_is_sent(opened: Open, service: OpenAIService, value: str) -> None:
    list(opened(headers={"X-Other": value}).jobs.list())
    assert service.requests[-1].headers["x-other"] == value


@pytest.mark.parametrize("port", ["1", None])
def test_a_proxy_with_a_password_shows_nowhere(
    opened: Open, service: OpenAIService, monkeypatch: pytest.MonkeyPatch, port: str | None
) -> None:
    """SEC-01: nobody listens there, or somebody does who is no proxy."""
    at = port or service.url.rpartition(":")[2].partition("/")[0]
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://user:{MARK}@127.0.0.1:{at}")
        monkeypatch.setenv(name.lower(), f"http://user:{MARK}@127.0.0.1:{at}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    for url in (service.url, "https://127.0.0.1:9/v1"):
        client = opened(base_url=url, timeout=2)
        fails(lambda client=client: client.jobs.get("ftjob-1"))  # type: ignore[misc]
        assert MARK not in str(vars(client.provider))


# In clear text, or to a stranger


@pytest.mark.parametrize(
    "url",
    [
        *["http://api.openai.com/v1", "http://api.example/v1", "HTTP://api.example/v1"],
        *["http://10.0.0.1/v1", "http://0.0.0.0/v1", "http://192.168.0.1:8000", "http://[::2]/v1"],
        *["http://localhost.evil.example/v1", "http://127.0.0.1.evil.example/v1"],
        *["http://2130706433/v1", "http://127.1/v1", "http://0x7f000001/v1", " http://x.example "],
    ],
)
def test_no_key_goes_to_another_machine_in_clear_text(opened: Open, url: str) -> None:
    """SEC-05."""
    with pytest.raises(ConfigurationError, match="clear text"):
        opened(base_url=url)


@pytest.mark.parametrize(
    "url",
    [
        *["http://127.0.0.1:1/v1", "http://127.0.0.2:1/v1", "http://localhost:1", "http://[::1]:1"],
        *["https://api.example/v1/", "HTTPS://API.EXAMPLE/v1", "https://10.0.0.1:8443/v1"],
    ],
)
def test_to_this_machine_or_encrypted_it_goes(opened: Open, url: str) -> None:
    opened(base_url=url)


class Listener:
    """A server with a certificate, which keeps what it was told behind the handshake."""

    def __init__(self, certificate: trustme.LeafCert) -> None:
        self.received: list[bytes] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        cast("Any", certificate).configure_cert(context)
        self._socket = context.wrap_socket(
            socket.create_server(("127.0.0.1", 0)), server_side=True, do_handshake_on_connect=False
        )
        self.url = f"https://localhost:{self._socket.getsockname()[1]}/v1"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                connection.settimeout(5)
                connection.do_handshake()
                self.received.append(connection.recv(65536))
                connection.sendall(b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}")

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


PAST = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def listening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Listener]]:
    """Servers of this machine; one authority is trusted, as by the system."""
    trusted, other = trustme.CA(), trustme.CA()
    pem = tmp_path / "authorities.pem"
    trusted.cert_pem.write_to_path(str(pem))
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    kinds: dict[str, Callable[[], trustme.LeafCert]] = {
        "good": lambda: trusted.issue_cert("localhost"),
        "self-signed": lambda: other.issue_cert("localhost"),
        "expired": lambda: trusted.issue_cert("localhost", not_before=PAST, not_after=PAST),
        "of another host": lambda: trusted.issue_cert("api.example"),
    }
    made: list[Listener] = []

    def listen(kind: str) -> Listener:
        made.append(Listener(kinds[kind]()))
        return made[-1]

    yield listen
    for one in made:
        one.close()


def test_a_good_certificate_is_talked_to(
    opened: Open, listening: Callable[[str], Listener]
) -> None:
    """SEC-05, from the other side: what is refused is refused for its certificate."""
    server = listening("good")
    with pytest.raises(ProviderError, match="answered 404"):
        opened(base_url=server.url).jobs.get("ftjob-1")
    assert KEY.encode() in server.received[0]


@pytest.mark.parametrize("kind", ["self-signed", "expired", "of another host"])
def test_a_certificate_that_is_none_gets_no_key(
    opened: Open, listening: Callable[[str], Listener], kind: str
) -> None:
    """SEC-05."""
    server = listening(kind)
    client = opened(base_url=server.url)
    found = fails(lambda: client.jobs.get("ftjob-1"))
    assert isinstance(found, ConnectionFailedError)
    assert "certificate" in str(found).lower()
    with pytest.raises(ConnectionFailedError):
        client.jobs.create(model=MODEL, training_data=ROWS)
    assert server.received == []
