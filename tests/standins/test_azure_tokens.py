"""Tokens, as Microsoft's own package gets them and as both planes look at them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import openai
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ManagedIdentityCredential, WorkloadIdentityCredential

from finetune_sdk.testing import VirtualClock
from tests.standins.azure import Azure
from tests.standins.azure.clients import credential, data_client
from tests.standins.openai import Fault, Reply

AI = "https://ai.azure.com"
MANAGEMENT = "https://management.azure.com"
TOKEN = "/oauth2/v2.0/token"


@pytest.fixture
def azure(clock: VirtualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Azure]:
    with Azure(clock, tmp_path) as azure:
        for name, value in azure.environ.items():
            monkeypatch.setenv(name, value)
        yield azure


@pytest.mark.parametrize("audience", [AI, MANAGEMENT, "https://cognitiveservices.azure.com"])
def test_a_secret_gets_a_token_for_one_audience(azure: Azure, audience: str) -> None:
    with credential(azure) as secret:
        token = secret.get_token(f"{audience}/.default").token
    assert [one.text for one in azure.authority.issued] == [token]
    assert azure.authority.issued[0].kind == "client_secret"
    assert azure.authority.valid(token, audience)
    assert not azure.authority.valid(token, "https://vault.azure.net")


def test_a_wrong_secret_gets_none(azure: Azure) -> None:
    with (
        credential(azure, "another") as secret,
        pytest.raises(ClientAuthenticationError, match="AADSTS7000215"),
    ):
        secret.get_token(f"{AI}/.default")
    assert azure.authority.issued == []


def test_the_authority_may_refuse_everybody(azure: Azure) -> None:
    azure.authority.refuse = "AADSTS7000222"
    with (
        credential(azure) as secret,
        pytest.raises(ClientAuthenticationError, match="AADSTS7000222"),
    ):
        secret.get_token(f"{AI}/.default")


def test_a_workload_shows_its_file(azure: Azure) -> None:
    with WorkloadIdentityCredential(
        token_file_path=str(azure.authority.token_file), disable_instance_discovery=True
    ) as workload:
        workload.get_token(f"{AI}/.default")
    assert azure.authority.issued[0].kind == "workload"


def test_a_workload_with_the_wrong_file_gets_none(azure: Azure) -> None:
    azure.authority.token_file.write_text("something else")
    with (
        WorkloadIdentityCredential(
            token_file_path=str(azure.authority.token_file), disable_instance_discovery=True
        ) as workload,
        pytest.raises(ClientAuthenticationError, match="AADSTS70021"),
    ):
        workload.get_token(f"{AI}/.default")


@pytest.mark.parametrize("named", [False, True])
def test_a_managed_identity_gets_a_token(azure: Azure, named: bool) -> None:
    client_id = azure.authority.client_id if named else None
    with closing(ManagedIdentityCredential(client_id=client_id)) as identity:
        token = identity.get_token(f"{MANAGEMENT}/.default").token
    assert azure.authority.issued[0].kind == "managed_identity"
    assert azure.authority.valid(token, MANAGEMENT)


def test_a_machine_may_have_no_identity(azure: Azure) -> None:
    azure.authority.identity = False
    with (
        closing(ManagedIdentityCredential()) as identity,
        pytest.raises(ClientAuthenticationError, match=r"(?i)managed identity"),
    ):
        identity.get_token(f"{AI}/.default")


@pytest.mark.parametrize("audience", [AI, "https://cognitiveservices.azure.com"])
def test_the_data_plane_lets_a_token_in(azure: Azure, audience: str) -> None:
    token = azure.authority.issue(audience).text
    with data_client(azure, token) as client:
        assert client.files.list().data == []


def test_the_data_plane_wants_a_token_of_its_own(azure: Azure) -> None:
    token = azure.authority.issue(MANAGEMENT).text
    with data_client(azure, token) as client, pytest.raises(openai.AuthenticationError):
        client.files.list()


def test_a_token_ends_by_the_clock(azure: Azure, clock: VirtualClock) -> None:
    azure.authority.lifetime = 600
    token = azure.authority.issue(AI).text
    with data_client(azure, token) as client:
        clock.advance(599)
        client.files.list()
        clock.advance(1)
        with pytest.raises(openai.AuthenticationError):
            client.files.list()


def test_a_revoked_token_is_refused_and_a_new_one_is_not(azure: Azure) -> None:
    old, other = azure.authority.issue(AI).text, azure.authority.issue(AI).text
    azure.authority.revoke(old)
    assert not azure.authority.valid(old, AI)
    assert azure.authority.valid(other, AI)
    azure.authority.revoke_all()
    assert not azure.authority.valid(other, AI)
    with credential(azure) as secret:
        token = secret.get_token(f"{AI}/.default").token
    with data_client(azure, token) as client:
        client.files.list()


def test_faults_are_planned_as_elsewhere(azure: Azure) -> None:
    told = {"error": "invalid_scope", "error_description": "AADSTS70011: no such scope"}
    azure.authority.faults.add(Fault(path=TOKEN, action=Reply(400, told)))
    with (
        credential(azure) as secret,
        pytest.raises(ClientAuthenticationError, match="AADSTS70011"),
    ):
        secret.get_token(f"{AI}/.default")
    # A new one: the old one remembers for a minute that it was refused.
    with credential(azure) as secret:
        secret.get_token(f"{AI}/.default")
    assert [one.path for one in azure.authority.requests].count(TOKEN) == 2


def test_who_does_not_trust_the_authority_gets_nothing(
    azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with credential(azure) as secret, pytest.raises(ClientAuthenticationError, match="CERTIFICATE"):
        secret.get_token(f"{AI}/.default")
    assert azure.authority.requests == []


def test_nothing_is_left_after_the_end(clock: VirtualClock, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with Azure(clock, tmp_path) as azure, data_client(azure) as client:
        client.files.list()
        url = azure.data.url
    assert set(threading.enumerate()) == before
    with (
        openai.OpenAI(api_key="k", base_url=url, max_retries=0) as client,
        pytest.raises(openai.APIConnectionError),
    ):
        client.files.list()
