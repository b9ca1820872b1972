"""Secrets at Azure: planted everywhere they can be given, and looked for everywhere.

The ids in the docstrings are those of the list of faults.
"""

from __future__ import annotations

import copy
import logging
import pickle
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from azure.core.credentials import AccessToken

from finetune_sdk import FineTuneClient
from finetune_sdk.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    FineTuneError,
)
from finetune_sdk.providers.azure_openai.identity import Identity
from finetune_sdk.providers.azure_openai.provider import AzureOpenAIProvider
from finetune_sdk.providers.azure_openai.settings import AzureSettings
from finetune_sdk.testing import VirtualClock
from tests.azure.bench import HELLO, ROWS, profile_of
from tests.openai.test_secrets import ECHOES, FAULTS, HEADER, KEY, LOGGERS, MARK, PAST, Listener
from tests.standins.azure import Azure, azure_error
from tests.standins.openai import Action, Fault, Reply
from tests.support import Heard

MODEL = "gpt-4.1-mini-2025-04-14"
JOBS, TOKEN = "/fine_tuning/jobs", "/oauth2/v2.0/token"
OPAQUE = f"{MARK}-of-a-token-0123456789"
SECRET = f"{MARK}~of.the.client~0123456789"
VENDORS = ("azure", "azure.identity", "azure.core", "msal", "urllib3", "requests", *LOGGERS[:-1])


class Given:
    """A credential whose token has the shape of none that anybody knows."""

    def get_token(self, *_: str, **__: object) -> AccessToken:
        return AccessToken(OPAQUE, int(time.time()) + 3600)


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Azure]:
    with Azure(VirtualClock(), tmp_path) as azure:
        azure.data.key = KEY
        azure.authority.lifetime = 10**8
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(azure.authority.ca_file))
        yield azure


def secrets_of(azure: Azure) -> list[str]:
    tokens = [token.text for token in azure.authority.issued]
    return [MARK, azure.authority.secret, azure.authority.identity_header, *tokens]


@pytest.fixture(autouse=True)
def _everything_is_logged(  # pyright: ignore[reportUnusedFunction]
    azure: Azure, caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    for name in ("", *VENDORS, "finetune_sdk"):
        caplog.set_level(logging.DEBUG, name)
    with Heard() as heard:
        yield
    log = "\n".join(heard.lines)
    assert not any(secret in log for secret in secrets_of(azure))


def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """The vendors' own loggers tell what was answered to them; what we tell is looked at."""
    for name in ("", *VENDORS):
        caplog.set_level(logging.CRITICAL, name)


Open = Callable[..., FineTuneClient]


@pytest.fixture
def opened(azure: Azure, tmp_path: Path) -> Iterator[Open]:
    made: list[FineTuneClient] = []

    def open_(**more: Any) -> FineTuneClient:
        words: dict[str, Any] = {
            "profile": AzureSettings(**{**profile_of(azure), **more.pop("said", {})}),
            "headers": {"X-Secret": HEADER},
            "environ": azure.environ,
            **more,
        }
        home = tmp_path / "home"
        made.append(
            FineTuneClient(AzureOpenAIProvider(home=home, clock=azure.clock, **words), home=home)
        )
        return made[-1]

    yield open_
    for client in made:
        client.close()


WAYS: dict[str, dict[str, Any]] = {"key": {"api_key": KEY}, "identity": {}}
BOTH = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


def told(caught: BaseException) -> str:
    """All that an error shows, to people and to programs."""
    shown = [str(caught), repr(caught), str(vars(caught)), str(caught.args)]
    shown += traceback.format_exception(caught)
    with_locals = traceback.TracebackException.from_exception(caught, capture_locals=True)
    shown += [line for line in with_locals.format() if "tests/azure" not in line]
    packed = pickle.dumps(caught)
    twin: BaseException = pickle.loads(packed)  # noqa: S301 - made a line above
    return "\n".join([*shown, repr(packed), str(twin), str(vars(twin)), repr(copy.copy(caught))])


def fails(azure: Azure, ask: Callable[[], object]) -> FineTuneError:
    """The error of a call, in which no secret shows."""
    with pytest.raises(FineTuneError) as caught:
        ask()
    found = told(caught.value)
    assert not any(secret in found for secret in secrets_of(azure))
    return caught.value


# What holds a secret shows none


@BOTH
def test_nothing_that_holds_a_secret_shows_it(opened: Open, azure: Azure, way: Any) -> None:
    """SEC-03."""
    client = opened(**way)
    list(client.jobs.list())
    list(client.deployments.list())
    held: list[Any] = [client, client.provider]
    for one in (client.provider, vars(client.provider)["_identity"]):
        held += [one, vars(one), *vars(one).values()]
    hosting: Any = vars(client.provider)["_hosting"]
    held += [hosting, hosting.manager, vars(hosting.manager)]
    shown = "".join(repr(one) + str(one) for one in held)
    assert not any(secret in shown for secret in secrets_of(azure))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_what_holds_a_secret_is_not_copied(
    opened: Open, azure: Azure, copied: Callable[[object], object]
) -> None:
    """SEC-03."""
    client = opened()
    list(client.deployments.list())
    for one in (client.provider, vars(client.provider)["_identity"], Identity(Given())):
        with pytest.raises(TypeError) as caught:
            copied(one)
        assert not any(secret in str(caught.value) for secret in secrets_of(azure))


@BOTH
def test_a_connection_shows_no_secret(opened: Open, azure: Azure, way: Any) -> None:
    connection: Any = getattr(opened(**way).provider, "connect")("recipes")  # noqa: B009 - of a mix-in
    assert not any(secret in repr(connection) for secret in secrets_of(azure))
    assert connection.api_key == (KEY if way else azure.authority.issued[0].text)


# On the way of everything


def test_nothing_shows_on_the_way_of_a_job(
    opened: Open, azure: Azure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """SEC-01: the fixture reads the whole log."""
    client = opened()
    job = client.jobs.create(model=MODEL, training_data=ROWS)
    job = client.jobs.wait(job, progress=False, on_event=print)
    made = client.deployments.wait(client.deployments.create(job, name="recipes"))
    client.deployments.chat(made, HELLO)
    shown = [job, made, *client.jobs.events(job), *client.models.list(), *client.datasets.list()]
    shown += [*client.deployments.list(), *client.jobs.checkpoints(job)]
    said = "".join(one.to_json() for one in shown) + "".join(capsys.readouterr())
    files = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert files
    for secret in secrets_of(azure):
        assert secret not in said
        assert not any(secret.encode() in path.read_bytes() for path in files)
    assert {one.headers["x-secret"] for one in azure.data.requests if JOBS in one.path} == {HEADER}


def test_each_plane_gets_what_is_its_own(opened: Open, azure: Azure) -> None:
    client = opened(api_key=KEY)
    list(client.jobs.list())
    list(client.deployments.list())
    (token,) = azure.authority.issued
    assert [one.headers["authorization"] for one in azure.data.requests] == [f"Bearer {KEY}"]
    assert {one.bearer for one in azure.arm.requests} == {token.text}
    assert not any(HEADER in str(one.headers) for one in azure.arm.requests)
    assert not any(KEY in str(one) for one in azure.authority.requests)


def planes(client: FineTuneClient) -> list[Callable[[], object]]:
    """A read and a change of each."""
    return [
        lambda: client.jobs.get("ftjob-1"),
        lambda: client.models.get(MODEL),
        lambda: client.datasets.upload(ROWS),
        lambda: client.jobs.create(model=MODEL, training_data=ROWS),
        lambda: client.deployments.get("recipes"),
        lambda: client.deployments.create(MODEL, name="recipes"),
    ]


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
def test_no_error_shows_a_secret(opened: Open, azure: Azure, fault: Action) -> None:
    """SEC-01."""
    for service in (azure.data, azure.arm):
        service.faults.add(Fault(method=None, path=".*", action=fault, times=None))
    for ask in planes(opened()):
        fails(azure, ask)


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
def test_no_error_of_the_authority_shows_a_secret(
    opened: Open, azure: Azure, fault: Action
) -> None:
    """SEC-01."""
    azure.authority.faults.add(Fault(method=None, path=".*", action=fault, times=None))
    client = opened()
    for ask in (planes(client)[0], planes(client)[4]):
        assert isinstance(fails(azure, ask), (AuthenticationError, ConnectionFailedError))


# Servers that repeat what was sent


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
@pytest.mark.parametrize("echo", ECHOES)
def test_a_key_that_is_repeated_is_not_told(
    opened: Open, azure: Azure, status: int, echo: str, caplog: pytest.LogCaptureFixture
) -> None:
    """SEC-02."""
    quiet(caplog)
    azure.data.faults.add(Fault(method=None, path=".*", action=ECHOES[echo](status), times=None))
    client = opened(api_key=KEY)
    fails(azure, lambda: client.jobs.get("ftjob-1"))
    fails(azure, lambda: client.jobs.create(model=MODEL, training_data=ROWS))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
def test_a_token_that_the_data_plane_repeats_is_not_told(
    opened: Open, azure: Azure, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """SEC-02."""
    quiet(caplog)
    reply = Reply(status, azure_error("c", f"no {OPAQUE}"))
    azure.data.faults.add(Fault(method=None, path=".*", action=reply, times=None))
    client = opened(credential=Given(), said={"credential": None})
    assert "no [redacted]" in str(fails(azure, lambda: client.jobs.get("ftjob-1")))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500])
def test_a_token_that_resource_manager_repeats_is_not_told(
    opened: Open, azure: Azure, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """SEC-02."""
    quiet(caplog)
    token = azure.authority.issue("https://management.azure.com").text
    reply = Reply(status, azure_error(f"x {token}", f"Bearer {token} is not for you."))
    azure.arm.faults.add(Fault(method=None, path=".*", action=reply, times=None))
    client = opened()
    found = str(fails(azure, lambda: client.deployments.get("recipes")))
    assert status == 404 or "[redacted]" in found  # It is just not there, then.
    fails(azure, lambda: client.deployments.create(MODEL, name="recipes"))


@pytest.mark.parametrize("words", ["Invalid client secret {}.", "{}", "what was sent is '{}'"])
def test_a_secret_that_the_authority_repeats_is_not_told(
    opened: Open, azure: Azure, caplog: pytest.LogCaptureFixture, words: str
) -> None:
    """SEC-02."""
    quiet(caplog)
    told_ = {
        "error": "invalid_client",
        "error_description": f"AADSTS7000215: {words.format(SECRET)}",
    }
    azure.authority.faults.add(
        Fault(method="POST", path=TOKEN, action=Reply(401, told_), times=None)
    )
    client = opened(environ={**azure.environ, "AZURE_CLIENT_SECRET": SECRET})
    for ask in (lambda: client.jobs.get("ftjob-1"), lambda: client.deployments.get("recipes")):
        found = str(fails(azure, ask))
        assert "AADSTS7000215" in found
        assert "[redacted]" in found


def test_an_own_credential_that_tells_its_token_is_not_told(
    opened: Open, azure: Azure, caplog: pytest.LogCaptureFixture
) -> None:
    quiet(caplog)
    token = azure.authority.issue("https://ai.azure.com").text

    class Talking:
        def get_token(self, *_: str, **__: object) -> AccessToken:
            raise RuntimeError(f"no renewal of Bearer {token}")

    client = opened(credential=Talking(), said={"credential": None})
    for ask in (lambda: client.jobs.get("ftjob-1"), lambda: client.deployments.get("recipes")):
        assert "no renewal of " in str(fails(azure, ask))


@pytest.mark.parametrize("token", [f"{MARK} x", f"{MARK}\n", f"{MARK}\u00e9", ""])
def test_a_token_that_fits_no_header_is_not_shown(opened: Open, azure: Azure, token: str) -> None:
    class Odd:
        def get_token(self, *_: str, **__: object) -> AccessToken:
            return AccessToken(token, int(time.time()) + 3600)

    client = opened(credential=Odd(), said={"credential": None})
    fails(azure, lambda: client.jobs.get("ftjob-1"))
    fails(azure, lambda: client.deployments.get("recipes"))


def test_the_command_tells_no_key(azure: Azure, tmp_path: Path) -> None:
    """SEC-02: what a user sees, and what stands in a log of CI."""
    azure.data.faults.add(Fault(method="GET", path=".*", action=ECHOES["message"](401), times=None))
    environ = {
        "AZURE_OPENAI_API_KEY": KEY,
        "AZURE_OPENAI_ENDPOINT": azure.data.endpoint,
        "FINETUNE_HOME": str(tmp_path / "home"),
        "OPENAI_LOG": "debug",
        "PATH": "/usr/bin:/bin",
    }
    command = str(Path(sys.executable).parent / "finetune")
    done = subprocess.run(
        [command, "--profile", "azure_openai", "jobs", "list"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode != 0
    assert "[redacted]" in done.stderr
    assert MARK not in done.stdout + done.stderr


def test_the_command_tells_a_whole_chain_in_a_few_lines(azure: Azure, tmp_path: Path) -> None:
    environ = {
        **azure.environ,
        "AZURE_CLIENT_SECRET": SECRET,
        "AZURE_OPENAI_ENDPOINT": azure.data.endpoint,
        "FINETUNE_HOME": str(tmp_path / "home"),
        "PATH": "/usr/bin:/bin",
    }
    (tmp_path / "finetune.toml").write_text(
        '[profiles.eu]\nprovider = "azure_openai"\ncredential = "service_principal"\n'
    )
    command = str(Path(sys.executable).parent / "finetune")
    done = subprocess.run(
        [command, "--profile", "eu", "jobs", "list"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode != 0
    assert "AADSTS7000215" in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 3
    assert MARK not in done.stdout + done.stderr


# What is refused, without being shown


@pytest.mark.parametrize("key", ["endpoint", "authority", "management_url"])
@pytest.mark.parametrize(
    "url",
    [
        f"https://user:{MARK}@x.example",
        f"https://{MARK}@x.example",
        f"https://user:pa/{MARK}@x.example",
        f"https://x.example?key={MARK}",
        f"https://x.example#{MARK}",
        f"https://x.example:{MARK}",
        f"https:///{MARK}",
        f"https://[{MARK}",
        f"https://a b{MARK}",
    ],
)
def test_an_address_with_a_secret_is_refused_and_not_shown(
    opened: Open, key: str, url: str
) -> None:
    """SEC-01."""
    with pytest.raises(ConfigurationError, match=f"`{key}`") as caught:
        opened(said={key: url})
    shown = [str(caught.value), *traceback.format_exception(caught.value)]
    assert MARK not in "".join(line for line in shown if "tests/azure" not in line)


@pytest.mark.parametrize("key", [f"{MARK}\n", f"{MARK} x", f"{MARK}\u00e9", f"{MARK}\r\nX: 1"])
def test_a_key_that_fits_no_header_is_refused_and_not_shown(
    opened: Open, azure: Azure, key: str
) -> None:
    with pytest.raises(ConfigurationError, match="copy it anew") as caught:
        opened(api_key=key)
    assert MARK not in str(caught.value) + repr(caught.value)
    client = opened(api_key=lambda: key)
    assert isinstance(fails(azure, lambda: client.jobs.get("ftjob-1")), ConfigurationError)


def test_a_header_that_cannot_be_sent_is_refused_and_not_shown(opened: Open) -> None:
    with pytest.raises(ConfigurationError, match="`headers` has 'X-Secret'") as caught:
        opened(headers={"X-Secret": f"{MARK}\n"})
    assert MARK not in str(caught.value)


def test_a_proxy_with_a_password_shows_nowhere(
    opened: Open, azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SEC-01: nobody listens there."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        for one in (name, name.lower()):
            monkeypatch.setenv(one, f"http://user:{MARK}@127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    client = opened(said={"timeout": 2.0})
    for ask in (lambda: client.jobs.get("ftjob-1"), lambda: client.deployments.get("recipes")):
        fails(azure, ask)
    client = opened(api_key=KEY, endpoint="https://127.0.0.1:9", timeout=2)
    fails(azure, lambda: client.jobs.get("ftjob-1"))


# In clear text, or to a stranger


@pytest.fixture
def listening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Listener]]:
    """Servers of this machine; one authority is trusted, as by the system."""
    trusted, other = trustme.CA(), trustme.CA()
    pem = tmp_path / "authorities.pem"
    trusted.cert_pem.write_to_path(str(pem))
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(name, str(pem))
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


KINDS = ["good", "self-signed", "expired", "of another host"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_certificate_that_is_none_gets_no_key(
    opened: Open, azure: Azure, listening: Callable[[str], Listener], kind: str
) -> None:
    """SEC-05."""
    server = listening(kind)
    client = opened(api_key=KEY, endpoint=server.url.removesuffix("/v1"))
    found = fails(azure, lambda: client.jobs.get("ftjob-1"))
    if kind == "good":
        assert KEY.encode() in server.received[0]
        return
    assert isinstance(found, ConnectionFailedError)
    assert "certificate" in str(found).lower()
    assert server.received == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_certificate_that_is_none_gets_no_token(
    opened: Open, azure: Azure, listening: Callable[[str], Listener], kind: str
) -> None:
    """SEC-05: Resource Manager's token may do anything."""
    server = listening(kind)
    said = {"management_url": server.url.removesuffix("/v1"), "credential": None}
    client = opened(credential=Given(), said=said)
    found = fails(azure, lambda: client.deployments.get("recipes"))
    if kind == "good":
        assert OPAQUE.encode() in server.received[0]
        return
    assert isinstance(found, ConnectionFailedError)
    assert "certificate" in str(found).lower()
    assert server.received == []
