"""Who asks at Azure: each kind of credential, what it costs in tokens, and what is told without."""

from __future__ import annotations

import asyncio
import base64
import datetime
import json
import stat
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import azure.identity
import openai
import pytest
import trustme
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from finetune_sdk import AsyncFineTuneClient, FineTuneClient
from finetune_sdk.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    FineTuneError,
    MissingDependencyError,
)
from finetune_sdk.providers.azure_openai.provider import AzureOpenAIProvider
from tests.azure.bench import HELLO, Bench, bench_of
from tests.standins.openai import Fault, Reply
from tests.submission.bench import left_open
from tests.support import eventually

AI, MANAGEMENT = "https://ai.azure.com", "https://management.azure.com"
TOKEN = "/oauth2/v2.0/token"
NAMES = ("default", "managed_identity", "workload", "cli", "azd", "service_principal")
VARIABLES = (
    *("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_AUTHORITY_HOST"),
    *("AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_TOKEN_CREDENTIALS"),
    *("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "MSI_SECRET"),
    *("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT", "AZURE_USERNAME", "AZURE_PASSWORD"),
)


@pytest.fixture
def bench(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Generator[Bench]:
    """The process has nothing of Azure's in its environment, and no command on its path."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    yield from bench_of(tmp_path, caplog, monkeypatch)


def environ_of(bench: Bench, *names: str) -> dict[str, str]:
    """Of what lets packages find this Azure, so much."""
    return {name: bench.azure.environ[name] for name in names}


def client_of(bench: Bench, credential: object, **words: Any) -> FineTuneClient:
    """A client of somebody who asks in this way."""
    profile = bench.profile(credential=credential if isinstance(credential, str) else None)
    own: dict[str, Any] = {} if isinstance(credential, str) else {"credential": credential}
    return bench.client(profile=profile, **{**own, **words})


def both_planes(client: FineTuneClient) -> None:
    assert list(client.jobs.list()) == []
    assert list(client.deployments.list()) == []


def audiences(bench: Bench) -> list[str]:
    return [token.audience for token in bench.azure.authority.issued]


def kinds(bench: Bench) -> set[str]:
    return {token.kind for token in bench.azure.authority.issued}


class Given:
    """A credential as somebody else may write it.

    Attributes:
        life: seconds that it says of its tokens, by the real clock.
        asked: the scopes, in order.
    """

    def __init__(self, bench: Bench, life: int = 3600) -> None:
        self.bench, self.life = bench, life
        self.asked: list[str] = []

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.asked += scopes
        token = self.bench.azure.authority.issue(scopes[0].removesuffix("/.default"))
        return AccessToken(token.text, int(time.time()) + self.life)


# Each kind


def test_a_service_principal_asks_by_its_secret(bench: Bench) -> None:
    both_planes(client_of(bench, "service_principal"))
    assert (kinds(bench), audiences(bench)) == ({"client_secret"}, [AI, MANAGEMENT])


def test_a_service_principal_asks_by_its_certificate(bench: Bench, tmp_path: Path) -> None:
    pem, public = _certificate(tmp_path)
    authority = bench.azure.authority
    words = {"token_type": "Bearer", "expires_in": 3600, "access_token": authority.issue(AI).text}
    authority.faults.add(Fault(method="POST", path=TOKEN, action=Reply(200, words)))
    environ = {**bench.azure.environ, "AZURE_CLIENT_CERTIFICATE_PATH": str(pem)}
    assert list(client_of(bench, "service_principal", environ=environ).jobs.list()) == []
    (asked,) = [one for one in authority.requests if one.path == TOKEN]
    form = dict(part.split("=", 1) for part in asked.body.decode().split("&"))
    head, claims, mark = form["client_assertion"].split(".")
    scheme = padding.PKCS1v15() if _part(head)["alg"] == "RS256" else PSS
    public.verify(_decoded(mark), f"{head}.{claims}".encode(), scheme, hashes.SHA256())
    assert _part(claims)["iss"] == authority.client_id
    assert "client_secret" not in form


PSS = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)


def _certificate(folder: Path) -> tuple[Path, rsa.RSAPublicKey]:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an-application")])
    day = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 7, day, day.replace(year=2036))
    made_of = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    path = folder / "application.pem"
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain) + made_of)
    return path, key.public_key()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _part(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_decoded(text))
    return found


def test_a_managed_identity_asks_its_machine(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environ_of(bench, "IDENTITY_ENDPOINT", "IDENTITY_HEADER").items():
        monkeypatch.setenv(name, value)
    both_planes(client_of(bench, "managed_identity", environ={}))
    assert (kinds(bench), audiences(bench)) == ({"managed_identity"}, [AI, MANAGEMENT])


@pytest.mark.parametrize("known", [True, False])
def test_a_managed_identity_may_be_one_of_several(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    for name, value in environ_of(bench, "IDENTITY_ENDPOINT", "IDENTITY_HEADER").items():
        monkeypatch.setenv(name, value)
    client_id = bench.azure.authority.client_id if known else "another"
    profile = bench.profile(credential="managed_identity", client_id=client_id)
    client = bench.client(profile=profile, environ={})
    if known:
        both_planes(client)
    else:
        told = str(bench.fails(AuthenticationError, lambda: list(client.jobs.list())))
        assert "say `client_id`" in told
    asked = [one for one in bench.azure.authority.requests if one.path == "/msi/token"]
    assert {one.one("client_id") for one in asked} == {client_id}


def test_a_workload_shows_its_file(bench: Bench) -> None:
    names = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_AUTHORITY_HOST")
    file = {"AZURE_FEDERATED_TOKEN_FILE": str(bench.azure.authority.token_file)}
    both_planes(client_of(bench, "workload", environ={**environ_of(bench, *names), **file}))
    assert (kinds(bench), audiences(bench)) == ({"workload"}, [AI, MANAGEMENT])


def test_the_default_goes_by_the_environment(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in bench.azure.environ.items():
        monkeypatch.setenv(name, value)
    both_planes(client_of(bench, "default"))
    assert (kinds(bench), audiences(bench)) == ({"client_secret"}, [AI, MANAGEMENT])


@pytest.mark.parametrize("command", ["az", "azd"])
def test_a_command_gives_tokens(bench: Bench, command: str) -> None:
    install(bench, command)
    both_planes(client_of(bench, {"az": "cli"}.get(command, command), environ={}))
    assert (bench.folder / "calls").read_text().split() == [AI, MANAGEMENT]


def test_the_default_goes_by_the_command_line_too(bench: Bench) -> None:
    install(bench, "az")
    both_planes(client_of(bench, "default"))
    assert (bench.folder / "calls").read_text().split() == [AI, MANAGEMENT]


def install(bench: Bench, command: str) -> None:
    """Makes a command that prints tokens as `az` and `azd` do."""
    moment = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)).replace(
        microsecond=0, tzinfo=None
    )
    lines = ["#!/bin/sh", 'case "$*" in']
    for audience in (AI, MANAGEMENT):
        token = bench.azure.authority.issue(audience).text
        told = {
            "az": {
                "accessToken": token,
                "expiresOn": str(moment),
                "expires_on": int(time.time()) + 3600,
            },
            "azd": {"token": token, "expiresOn": f"{moment.isoformat()}Z"},
        }[command]
        calls = bench.folder / "calls"
        lines.append(f"*{audience}*) echo '{json.dumps(told)}'; echo {audience} >> {calls};;")
    write_command(bench, command, "\n".join([*lines, "*) exit 3;;", "esac"]))


def write_command(bench: Bench, command: str, text: str) -> None:
    path = bench.folder / "bin" / command
    path.write_text(f"{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_any_object_with_get_token_is_a_credential(bench: Bench) -> None:
    given = Given(bench)
    both_planes(client_of(bench, given, environ={}))
    assert given.asked == [f"{AI}/.default", f"{MANAGEMENT}/.default"]


@pytest.mark.parametrize("given", [7, b"default", {"get_token": 1}, ["default"], object()])
def test_anything_else_is_none(bench: Bench, given: object) -> None:
    told = bench.fails(ConfigurationError, lambda: client_of(bench, given))
    assert f"`credential` is a {type(given).__name__}" in str(told)


@pytest.mark.parametrize("name", ["", "Default", "azure_cli", "default "])
def test_an_unknown_name_is_told_with_those_that_there_are(bench: Bench, name: str) -> None:
    told = str(bench.fails(ConfigurationError, lambda: bench.client(credential=name)))
    assert "`credential`" in told
    assert all(known in told for known in NAMES)


# With what each of them is made


class Ours(Given):
    """As those of azure-identity, which are closed by whom has made them."""

    def close(self) -> None:
        pass


class Made:
    """Notes how a class of azure-identity is called, and makes none."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def instead_of(self, name: str, bench: Bench) -> Callable[..., Given]:
        def make(*args: Any, **words: Any) -> Given:
            self.calls.append((name, args, words))
            return Ours(bench)

        return make


CLASSES = {
    "default": "DefaultAzureCredential",
    "managed_identity": "ManagedIdentityCredential",
    "workload": "WorkloadIdentityCredential",
    "cli": "AzureCliCredential",
    "azd": "AzureDeveloperCliCredential",
    "service_principal": "ClientSecretCredential",
}


@pytest.fixture
def made(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Made:
    made = Made()
    for name in (*CLASSES.values(), "CertificateCredential"):
        monkeypatch.setattr(azure.identity, name, made.instead_of(name, bench))
    return made


def settings_of(bench: Bench, made: Made, name: str, **words: Any) -> dict[str, Any]:
    """What the one class that was made was told."""
    environ: dict[str, str] = words.pop("environ", {"AZURE_CLIENT_SECRET": "x"})
    # The stand-in is of the public cloud, whatever is said here.
    words["scope"] = f"{AI}/.default"
    profile = bench.profile(credential=name, **words)
    assert list(bench.client(profile=profile, environ=environ).jobs.list()) == []
    ((kind, args, settings),) = made.calls
    assert kind == CLASSES[name]
    return {**settings, "args": args}


@pytest.mark.parametrize("name", NAMES)
def test_nobody_waits_long_for_a_token(bench: Bench, made: Made, name: str) -> None:
    settings = settings_of(bench, made, name)
    assert settings.get("process_timeout", 10) <= 10
    if name not in ("cli", "azd"):
        assert settings["connection_timeout"] <= 10
        assert settings["read_timeout"] <= 20
        assert settings["retry_total"] <= 1


@pytest.mark.parametrize("name", ["default", "workload", "service_principal"])
@pytest.mark.parametrize(
    ("cloud", "host"),
    [
        ("public", "login.microsoftonline.com"),
        ("us_government", "login.microsoftonline.us"),
        ("china", "login.chinacloudapi.cn"),
    ],
)
def test_each_cloud_has_an_authority(
    bench: Bench, made: Made, name: str, cloud: str, host: str
) -> None:
    settings = settings_of(bench, made, name, cloud=cloud)
    assert settings["authority"] == f"https://{host}"
    assert not settings.get("disable_instance_discovery")


@pytest.mark.parametrize("way", ["profile", "environment", "host alone"])
def test_a_private_cloud_has_one_that_the_public_one_does_not_know(
    bench: Bench, made: Made, way: str
) -> None:
    environ = {"AZURE_CLIENT_SECRET": "x", "AZURE_AUTHORITY_HOST": "https://login.private.example/"}
    words: dict[str, Any] = {"environ": environ}
    if way == "profile":
        words["authority"] = "https://login.private.example"
        environ["AZURE_AUTHORITY_HOST"] = "https://other.example"
    if way == "host alone":
        environ["AZURE_AUTHORITY_HOST"] = "login.private.example"
    settings = settings_of(bench, made, "service_principal", **words)
    assert settings["authority"] == "https://login.private.example"
    assert settings["disable_instance_discovery"] is True


@pytest.mark.parametrize("name", ["default", "managed_identity", "workload"])
def test_an_identity_of_several_is_passed_on(bench: Bench, made: Made, name: str) -> None:
    settings = settings_of(bench, made, name, client_id="one-of-several")
    word = {"default": "managed_identity_client_id"}.get(name, "client_id")
    assert settings[word] == "one-of-several"


def test_a_service_principal_is_read_from_the_environment(bench: Bench, made: Made) -> None:
    told = {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "secret-0"}
    assert settings_of(bench, made, "service_principal", environ=told)["args"] == (
        *("t", "c", "secret-0"),
    )


# What it costs in tokens


def test_ten_calls_cost_one_token_of_each_plane(bench: Bench) -> None:
    client = client_of(bench, "service_principal")
    for _ in range(10):
        both_planes(client)
    assert audiences(bench) == [AI, MANAGEMENT]


def test_ten_calls_of_a_command_cost_one_start(bench: Bench) -> None:
    install(bench, "az")
    client = client_of(bench, "cli", environ={})
    for _ in range(10):
        both_planes(client)
    assert (bench.folder / "calls").read_text().split() == [AI, MANAGEMENT]


def test_a_token_that_ends_soon_is_not_used_any_more(bench: Bench) -> None:
    given = Given(bench, life=60)
    client = client_of(bench, given)
    for _ in range(3):
        assert list(client.jobs.list()) == []
    assert given.asked == [f"{AI}/.default"] * 3


def test_nothing_is_asked_for_until_it_is_needed(bench: Bench) -> None:
    client_of(bench, "service_principal")
    client_of(bench, "cli")
    assert bench.azure.authority.requests == []


# A token that is refused


def of_data(client: FineTuneClient) -> Sequence[object]:
    return list(client.jobs.list())


def of_management(client: FineTuneClient) -> Sequence[object]:
    return list(client.deployments.list())


PLANES = pytest.mark.parametrize(
    ("ask", "audience"), [(of_data, AI), (of_management, MANAGEMENT)], ids=["data", "management"]
)


@PLANES
def test_a_revoked_token_is_asked_for_anew_once(bench: Bench, ask: Any, audience: str) -> None:
    client = client_of(bench, "service_principal")
    ask(client)
    for _ in range(3):
        bench.azure.authority.revoke_all()
        assert ask(client) == []
    assert audiences(bench) == [audience] * 4


@PLANES
def test_a_revoked_token_of_the_callers_own_credential_is_too(
    bench: Bench, ask: Any, audience: str
) -> None:
    given = Given(bench)
    client = client_of(bench, given)
    ask(client)
    bench.azure.authority.revoke_all()
    assert ask(client) == []
    assert audiences(bench) == [audience] * 2


@PLANES
def test_one_that_is_never_let_in_is_asked_for_twice(bench: Bench, ask: Any, audience: str) -> None:
    client = client_of(bench, "service_principal")
    refusal = Fault(
        method=None,
        path=".*",
        action=Reply(401, {"error": {"code": "401", "message": "Not you."}}),
        times=None,
    )
    for service in (bench.azure.data, bench.arm):
        service.faults.add(refusal)
    told = bench.fails(AuthenticationError, lambda: ask(client))
    assert told.status_code == 401
    assert "Not you" in str(told)
    assert audiences(bench) == [audience] * 2
    asked = bench.azure.data.requests if audience == AI else bench.arm.requests
    assert len(asked) == 2


def test_a_create_that_is_refused_for_its_token_is_paid_once(bench: Bench) -> None:
    client = client_of(bench, "service_principal")
    of_data(client)
    bench.azure.authority.revoke_all()
    rows = [{"messages": [dict(HELLO[0]), {"role": "assistant", "content": "!"}]}] * 12
    job = client.jobs.create(model="gpt-4.1-mini-2025-04-14", training_data=rows)
    assert [job.id] == list(bench.azure.data.jobs)


# A chat client outlives its token


@pytest.mark.parametrize(("life", "tokens"), [(60, 3), (3600, 1)])
def test_a_chat_client_asks_for_a_new_token_when_the_old_one_ends(
    bench: Bench, life: int, tokens: int
) -> None:
    ready = bench.ready()
    given = Given(bench, life)
    with client_of(bench, given).deployments.openai(ready) as chat:
        del given.asked[:]
        for _ in range(3):
            assert said(chat).startswith(bench.tuned)
    assert given.asked == [f"{AI}/.default"] * (tokens if life == 60 else 0)
    sent = {one.headers["authorization"] for one in bench.probes[-3:]}
    assert len(sent) == tokens


def said(chat: openai.OpenAI) -> str:
    answer = chat.chat.completions.create(
        model="recipes", messages=[{"role": "user", "content": "hello"}]
    )
    return answer.choices[0].message.content or ""


def test_so_does_an_asynchronous_one(bench: Bench) -> None:
    ready, given = bench.ready(), Given(bench, 60)

    async def go() -> None:
        async with (
            AsyncFineTuneClient(bench.provider(credential=given)) as client,
            await client.deployments.openai(ready) as chat,
        ):
            del given.asked[:]
            for _ in range(3):
                await chat.chat.completions.create(
                    model="recipes", messages=[{"role": "user", "content": "hello"}]
                )

    asyncio.run(go())
    assert given.asked == [f"{AI}/.default"] * 3
    assert len({one.headers["authorization"] for one in bench.probes[-3:]}) == 3


# What is told without a token


def told_by(bench: Bench, name: str, **words: Any) -> FineTuneError:
    """The error of both planes, which is the same and short."""
    client = client_of(bench, name, **{"environ": {}, **words})
    first = bench.fails(AuthenticationError, lambda: of_data(client))
    second = bench.fails(AuthenticationError, lambda: of_management(client))
    for one in (first, second):
        assert str(one).count("\n") < 3
        assert len(str(one)) < 700
        assert one.code == "no_token"
    return first


def test_a_whole_chain_that_fails_is_told_in_three_lines(bench: Bench) -> None:
    told = str(told_by(bench, "default"))
    for words in ("`az login`", "`azd auth login`", "managed identity", "AZURE_CLIENT_SECRET"):
        assert words in told
    assert "EnvironmentCredential" in told
    assert "AzureCliCredential" in told


MENDS = [
    ("cli", "run `az login`"),
    ("azd", "run `azd auth login`"),
    ("managed_identity", "this works on a machine in Azure that has a managed identity"),
    ("workload", "AZURE_FEDERATED_TOKEN_FILE"),
    ("service_principal", "set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"),
]


@pytest.mark.parametrize(("name", "mend"), MENDS)
def test_each_says_how_it_is_mended(bench: Bench, name: str, mend: str) -> None:
    told = str(told_by(bench, name))
    assert f"the credential {name!r}" in told
    assert mend in told


@pytest.mark.parametrize("command", ["az", "azd"])
def test_a_command_that_nobody_is_logged_in_at_says_so(bench: Bench, command: str) -> None:
    words = "ERROR: Please run 'az login' to set up an account."
    if command == "azd":
        words = '{"type":"consoleMessage","data":{"message":"ERROR: not logged in, run azd"}}'
    write_command(bench, command, f"#!/bin/sh\necho '{words}' >&2\nexit 1")
    told = str(told_by(bench, {"az": "cli"}.get(command, command)))
    assert {"az": "`az login`", "azd": "`azd auth login`"}[command] in told


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("AADSTS7000215", "Invalid client secret"),
        ("AADSTS7000222", "expired"),
        ("AADSTS700016", "application was not found"),
    ],
)
def test_what_the_authority_says_is_told(bench: Bench, code: str, words: str) -> None:
    bench.azure.authority.refuse = code
    told = str(told_by(bench, "service_principal", environ=bench.azure.environ))
    assert code in told
    assert words in told
    assert "AZURE_CLIENT_SECRET" in told


def test_a_wrong_secret_is_told_and_not_shown(bench: Bench) -> None:
    environ = {**bench.azure.environ, "AZURE_CLIENT_SECRET": "planted-wrong-secret-0"}
    told = told_by(bench, "service_principal", environ=environ)
    assert "AADSTS7000215" in str(told)
    assert "planted" not in "".join(bench.said)


def test_a_wrong_tenant_is_told(bench: Bench) -> None:
    environ = {**bench.azure.environ, "AZURE_TENANT_ID": "00000000-0000-4000-8000-000000000000"}
    told = str(told_by(bench, "service_principal", environ=environ))
    assert "AZURE_TENANT_ID" in told


def test_a_certificate_that_is_not_there_is_told(bench: Bench, tmp_path: Path) -> None:
    environ = {**bench.azure.environ, "AZURE_CLIENT_CERTIFICATE_PATH": str(tmp_path / "none.pem")}
    client = client_of(bench, "service_principal", environ=environ)
    told = bench.fails(AuthenticationError, lambda: of_data(client))
    assert "none.pem" in str(told)


@pytest.mark.parametrize("error", [RuntimeError("the vault is shut"), ValueError("no"), OSError()])
def test_an_own_credential_that_fails_is_told(bench: Bench, error: Exception) -> None:
    class Failing:
        def get_token(self, *_: str, **__: object) -> AccessToken:
            raise error

    client = client_of(bench, Failing())
    for ask in (of_data, of_management):
        told = str(bench.fails(AuthenticationError, lambda ask=ask: ask(client)))  # type: ignore[misc]
        assert "look at the credential that was handed to the provider" in told
        assert (str(error) or "OSError") in told


def test_a_bad_choice_in_the_environment_is_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "everything")
    client = client_of(bench, "default")
    told = str(bench.fails(AuthenticationError, lambda: of_data(client)))
    assert "AZURE_TOKEN_CREDENTIALS" in told
    assert "\n" not in told


def test_an_authority_that_does_not_answer_is_no_wrong_secret(bench: Bench) -> None:
    environ = {**bench.azure.environ, "AZURE_AUTHORITY_HOST": "https://127.0.0.1:9"}
    client = client_of(bench, "service_principal", environ=environ)
    for ask in (of_data, of_management):
        told = bench.fails(ConnectionFailedError, lambda ask=ask: ask(client))  # type: ignore[misc]
        assert "`authority`" in str(told)
        assert told.effect == "none"


def test_an_authority_that_nobody_trusts_gets_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """SEC-05."""
    other = tmp_path / "others.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    client = client_of(bench, "service_principal")
    told = bench.fails(ConnectionFailedError, lambda: of_data(client))
    assert "certificate" in str(told).lower()
    assert bench.azure.authority.requests == []
    assert bench.azure.data.requests == []


@pytest.mark.parametrize("url", ["http://login.example", "http://127.0.0.1:1", "ftp://x", "HTTP:x"])
def test_no_secret_goes_to_an_authority_in_clear_text(bench: Bench, url: str) -> None:
    """SEC-05."""
    environ = {**bench.azure.environ, "AZURE_AUTHORITY_HOST": url}
    told = bench.fails(ConfigurationError, lambda: bench.client(environ=environ))
    assert "`authority`" in str(told)


def test_nor_to_one_that_the_profile_names(bench: Bench) -> None:
    """SEC-05."""
    profile = bench.profile(authority="http://127.0.0.1:1")
    told = bench.fails(ConfigurationError, lambda: bench.client(profile=profile))
    assert "`authority`" in str(told)


# Without the package


@pytest.mark.parametrize("given", [False, True])
def test_without_the_package_the_extra_is_named(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, given: bool
) -> None:
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    client = client_of(bench, Given(bench) if given else "service_principal")
    told = bench.fails(MissingDependencyError, lambda: of_data(client))
    assert "finetune-anywhere[azure]" in str(told)


def test_without_the_package_a_key_is_enough(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("azure.identity", "azure.core", "azure.mgmt.cognitiveservices"):
        monkeypatch.setitem(sys.modules, name, None)
    client = client_of(bench, "service_principal", api_key=bench.azure.data.key)
    assert of_data(client) == []


# Where tokens are for


@pytest.mark.parametrize(
    ("cloud", "scope"),
    [
        ("public", "https://ai.azure.com/.default"),
        ("us_government", "https://cognitiveservices.azure.us/.default"),
        ("china", "https://cognitiveservices.azure.cn/.default"),
    ],
)
def test_each_cloud_has_a_scope(bench: Bench, cloud: str, scope: str) -> None:
    given = Given(bench)
    profile = bench.profile(credential=None, cloud=cloud)
    client = bench.client(profile=profile, credential=given)
    try:
        of_data(client)
    except AuthenticationError:
        assert cloud != "public"  # The stand-in is in the public cloud.
    assert set(given.asked) == {scope}


@pytest.mark.parametrize(
    ("cloud", "host", "scope"),
    [
        ("public", "management.azure.com", "https://management.azure.com/.default"),
        (
            "us_government",
            "management.usgovcloudapi.net",
            "https://management.core.usgovcloudapi.net/.default",
        ),
        (
            "china",
            "management.chinacloudapi.cn",
            "https://management.chinacloudapi.cn/.default",
        ),
    ],
)
def test_each_cloud_has_a_manager(bench: Bench, cloud: str, host: str, scope: str) -> None:
    given, urls = Given(bench), list[str]()
    profile = bench.profile(credential=None, management_url=None, cloud=cloud)
    client = bench.client(
        profile=profile, credential=given, management_transport=Transport(bench, urls)
    )
    assert of_management(client) == []
    assert given.asked == [scope]
    assert [url.split("/")[:3] for url in urls] == [["https:", "", host]]


class Transport:
    """Of azure-core: notes where a request goes, and lets the stand-in answer."""

    def __init__(self, bench: Bench, urls: list[str]) -> None:
        self.bench, self.urls = bench, urls

    def __enter__(self) -> Transport:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass

    def send(self, request: Any, **_: Any) -> Any:
        from azure.core.pipeline.transport import RequestsTransport

        self.urls.append(request.url)
        arm = self.bench.arm
        token = self.bench.azure.authority.issue(MANAGEMENT).text
        request.url = f"{arm.url}/{request.url.split('/', 3)[3]}"
        request.headers["Authorization"] = f"Bearer {token}"
        with RequestsTransport() as transport:
            return transport.send(request)


def test_scopes_can_be_said(bench: Bench) -> None:
    given = Given(bench)
    words = {"scope": "https://cognitiveservices.azure.com/.default"}
    words["management_scope"] = "https://management.core.windows.net/.default"
    profile = bench.profile(credential=None, **words)
    both_planes(bench.client(profile=profile, credential=given))
    assert given.asked == list(words.values())


# Whose word counts


KEYS = {"AZURE_OPENAI_API_KEY": "key-of-the-usual-variable", "MINE": "key-of-another-variable"}


def asked_with(bench: Bench, **words: Any) -> str:
    """What the data plane was asked with, whether it was let in or not."""
    client = bench.client(**words)
    with suppress(AuthenticationError):
        of_data(client)
    found = bench.azure.data.requests[0].headers["authorization"].removeprefix("Bearer ")
    return "token" if found.endswith(".standin") else found


@pytest.mark.parametrize(
    ("words", "said", "expected"),
    [
        ({"api_key": "key-of-the-code"}, {"api_key_env": "MINE"}, "key-of-the-code"),
        ({"api_key": lambda: "key-of-a-function"}, {}, "key-of-a-function"),
        ({}, {"api_key_env": "MINE"}, "key-of-another-variable"),
        ({}, {}, "token"),
        ({}, {"credential": None}, "key-of-the-usual-variable"),
        ({"credential": "service_principal"}, {"credential": "cli"}, "token"),
    ],
)
def test_a_key_of_the_code_comes_before_that_of_the_profile_before_a_credential(
    bench: Bench, words: dict[str, Any], said: dict[str, Any], expected: str
) -> None:
    environ = {**bench.azure.environ, **KEYS}
    found = asked_with(bench, profile=bench.profile(**said), environ=environ, **words)
    assert found == expected


def test_a_key_that_is_named_and_not_there_is_told(bench: Bench) -> None:
    client = bench.client(profile=bench.profile(api_key_env="MINE"))
    told = str(bench.fails(AuthenticationError, lambda: of_data(client)))
    assert "MINE" in told
    assert "no `credential`" not in told  # There is one, and it is not what was asked for.
    assert bench.azure.data.requests == []


def test_nothing_at_all_names_the_ways_on(bench: Bench) -> None:
    client = bench.client(profile=bench.profile(credential=None), environ={})
    told = str(bench.fails(AuthenticationError, lambda: of_data(client)))
    for words in ("AZURE_OPENAI_API_KEY", '`credential = "default"`', "`az login`"):
        assert words in told
    told = str(bench.fails(AuthenticationError, lambda: of_management(client)))
    assert "takes no API key" in told


def test_a_key_trains_and_an_identity_deploys(bench: Bench) -> None:
    both_planes(bench.client(api_key=bench.azure.data.key))
    assert audiences(bench) == [MANAGEMENT]


# What is left behind


def test_closing_a_client_hangs_up_on_the_authority(bench: Bench) -> None:
    provider = AzureOpenAIProvider(
        profile=bench.profile(), home=bench.home, clock=bench.clock, environ=bench.azure.environ
    )
    before = left_open()
    for _ in range(2):  # What is closed opens anew.
        with FineTuneClient(provider, home=bench.home) as client:
            both_planes(client)
        eventually(lambda: left_open() == before)
    assert audiences(bench) == [AI, MANAGEMENT] * 2


def test_an_own_credential_is_not_closed(bench: Bench) -> None:
    closed: list[bool] = []

    class Closing(Given):
        def close(self) -> None:
            closed.append(True)

    given = Closing(bench)
    client = client_of(bench, given)
    both_planes(client)
    client.close()
    assert closed == []


def test_one_error_of_the_package_is_as_good_as_another(bench: Bench) -> None:
    class Refusing:
        def get_token(self, *_: str, **__: object) -> AccessToken:
            raise ClientAuthenticationError("Authentication failed: AADSTS50076: MFA is needed.")

    client = client_of(bench, Refusing())
    assert "AADSTS50076" in str(bench.fails(AuthenticationError, lambda: of_management(client)))
