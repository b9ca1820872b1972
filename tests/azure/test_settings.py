"""What a profile of Azure OpenAI may say, and which hosts a file may name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk import FineTuneClient
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.providers.azure_openai.provider import AzureOpenAIProvider
from finetune_sdk.providers.azure_openai.settings import AzureSettings
from finetune_sdk.providers.azure_openai.trainer import AzureOpenAITrainer

HOST = "https://my-resource.openai.azure.com"
V1 = f"{HOST}/openai/v1"
PROJECT = "https://my-account.services.ai.azure.com/api/projects/p"
SITE = {"subscription_id": "s", "resource_group": "g", "account": "a"}
MARK = "planted0canary"


@pytest.fixture(autouse=True)
def _nothing_around(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    for name in ("AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY", "AZURE_AUTHORITY_HOST"):
        monkeypatch.delenv(name, raising=False)


def url_of(folder: Path, endpoint: str | None, environ: Mapping[str, str] | None = None) -> str:
    provider = AzureOpenAITrainer(
        endpoint=endpoint, api_key="k" * 32, home=folder, environ=environ or {}
    )
    with FineTuneClient(provider, home=folder):
        return provider.account


# The endpoint

FORMS = {
    HOST: V1,
    f"{HOST}/": V1,
    f"{HOST}/openai": V1,
    f"{HOST}/openai/": V1,
    f"{HOST}/openai/v1": V1,
    f"{HOST}/openai/v1/": V1,
    f" {HOST}/openai/v1/ ": V1,
    "https://my-account.services.ai.azure.com": (
        "https://my-account.services.ai.azure.com/openai/v1"
    ),
    "https://my-account.services.ai.azure.com/openai/v1/": (
        "https://my-account.services.ai.azure.com/openai/v1"
    ),
    PROJECT: f"{PROJECT}/openai/v1",
    f"{PROJECT}/": f"{PROJECT}/openai/v1",
    f"{PROJECT}/openai/v1/": f"{PROJECT}/openai/v1",
    "https://models.example.com": "https://models.example.com/openai/v1",
    "https://gateway.example.com:8443/models/openai/v1": (
        "https://gateway.example.com:8443/models/openai/v1"
    ),
    "https://my-resource.openai.azure.us": "https://my-resource.openai.azure.us/openai/v1",
    "http://127.0.0.1:9": "http://127.0.0.1:9/openai/v1",
}


@pytest.mark.parametrize("endpoint", FORMS)
def test_an_endpoint_is_written_in_many_ways(tmp_path: Path, endpoint: str) -> None:
    assert url_of(tmp_path, endpoint) == FORMS[endpoint]


def test_the_environment_has_it_where_nobody_says_it(tmp_path: Path) -> None:
    environ = {"AZURE_OPENAI_ENDPOINT": HOST}
    assert url_of(tmp_path, None, environ) == V1
    assert url_of(tmp_path, PROJECT, environ) == f"{PROJECT}/openai/v1"


OF_ONE_DEPLOYMENT = {
    f"{HOST}/openai/deployments/recipes": HOST,
    f"{HOST}/openai/deployments/recipes/": HOST,
    f"{HOST}/openai/deployments/recipes/chat/completions": HOST,
    # As the portal shows it.
    f"{HOST}/openai/deployments/recipes/chat/completions?api-version=2025-01-01-preview": HOST,
    f"{HOST}/OpenAI/deployments/recipes/": HOST,
    f"{PROJECT}/openai/deployments/recipes": PROJECT,
    f"{HOST}/openai/v1/chat/completions": HOST,
    f"{HOST}/openai/responses?api-version=2025-04-01-preview": HOST,
    "http://127.0.0.1:9/openai/deployments/recipes": "http://127.0.0.1:9",
}


@pytest.mark.parametrize("endpoint", OF_ONE_DEPLOYMENT)
def test_that_of_a_deployment_is_told_with_the_right_one(tmp_path: Path, endpoint: str) -> None:
    with pytest.raises(ConfigurationError, match="nothing is trained") as caught:
        url_of(tmp_path, endpoint)
    assert str(caught.value).endswith(f"write {OF_ONE_DEPLOYMENT[endpoint]!r}")
    assert url_of(tmp_path, OF_ONE_DEPLOYMENT[endpoint])


@pytest.mark.parametrize(
    "endpoint",
    [
        f"{HOST}?api-version=2024-10-21",
        f"{HOST}/?api-version=2024-10-21",
        f"{HOST}/openai?api-version=preview",
        f"{HOST}/openai/v1/?api-version=v1",
    ],
)
def test_a_version_in_it_is_told_with_the_right_one(tmp_path: Path, endpoint: str) -> None:
    with pytest.raises(ConfigurationError, match="`api-version`") as caught:
        url_of(tmp_path, endpoint)
    assert str(caught.value).endswith(f"write {HOST!r}")


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        ("http://my-resource.openai.azure.com", "in clear text"),
        ("HTTP://10.0.0.1", "in clear text"),
        (f"https://user:{MARK}@my-resource.openai.azure.com", "a user name"),
        (f"https://{MARK}@my-resource.openai.azure.com", "a user name"),
        (f"https://user:{MARK}@x.example?api-version=2024-10-21", "a user name"),
        (f"{HOST}?api-key={MARK}", "a query"),
        (f"{HOST}#{MARK}", "a fragment"),
        (f"https://my resource.{MARK}.azure.com", "a blank"),
        (f"https://my-resource.{MARK}.azure.com\n/x", "a line end"),
        ("https://my-resourcé.openai.azure.com", "an accent"),
        ("my-resource.openai.azure.com", "write it as"),
        ("my-resource", "write it as"),
        (f"ftp://{MARK}.example", "write it as"),
        ("https://", "write it as"),
        ("https://x:port/", "write it as"),
        ("   ", "write it as"),
    ],
)
def test_what_is_no_endpoint_is_told_and_not_shown(
    tmp_path: Path, endpoint: str, words: str
) -> None:
    for where in ({"endpoint": endpoint}, {"endpoint": None}):
        environ = {"AZURE_OPENAI_ENDPOINT": endpoint}
        with pytest.raises(ConfigurationError, match="`endpoint`") as caught:
            url_of(tmp_path, where["endpoint"], environ)
        assert words in str(caught.value)
        assert MARK not in str(caught.value)


@pytest.mark.parametrize("endpoint", [None, ""])
def test_without_one_both_ways_to_say_it_are_named(tmp_path: Path, endpoint: str | None) -> None:
    with pytest.raises(ConfigurationError, match="`endpoint` is missing") as caught:
        url_of(tmp_path, endpoint)
    assert "AZURE_OPENAI_ENDPOINT" in str(caught.value)
    assert HOST in str(caught.value)


# A profile in a file


def open_profile(folder: Path, **said: object) -> FineTuneClient:
    """The client of a project whose file says this of its one profile."""
    words = {"endpoint": "http://127.0.0.1:9", **said}
    lines = [f"{name} = {_toml(value)}" for name, value in words.items() if value is not None]
    path = folder / "finetune.toml"
    path.write_text("\n".join(["[profiles.azure-eu]", 'provider = "azure_openai"', *lines]) + "\n")
    return FineTuneClient("azure-eu", config=path)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def refused(folder: Path, **said: object) -> str:
    with pytest.raises(ConfigurationError) as caught:
        open_profile(folder, **said)
    return str(caught.value)


def test_a_profile_that_says_everything_is_opened(tmp_path: Path) -> None:
    said = {
        "api_key_env": "MINE",
        "credential": "managed_identity",
        "client_id": "11111111-2222-3333-4444-555555555555",
        "cloud": "us_government",
        "scope": "https://cognitiveservices.azure.us/.default",
        "management_scope": "https://management.core.usgovcloudapi.net/.default",
        "authority": "https://login.microsoftonline.us",
        "management_url": "https://management.usgovcloudapi.net",
        "training_type": "Standard",
        "uploads": True,
        "hosting_per_hour": 2.5,
        "timeout": 60,
        **SITE,
    }
    with open_profile(tmp_path, **said) as client:
        assert isinstance(client.provider, AzureOpenAIProvider)


def test_one_without_a_subscription_trains(tmp_path: Path) -> None:
    with open_profile(tmp_path) as client:
        assert type(client.provider) is AzureOpenAITrainer


@pytest.mark.parametrize("left_out", SITE)
def test_half_a_resource_is_told_with_the_ways_on(tmp_path: Path, left_out: str) -> None:
    told = refused(tmp_path, **{name: said for name, said in SITE.items() if name != left_out})
    assert f"deploying needs `{left_out}`, too" in told
    assert "az cognitiveservices account list" in told


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("api_version", "2024-10-21", "`api_version`"),
        ("tenant_id", "t", "`tenant_id`"),
        ("deployment", "d", "`deployment`"),
        ("cloud", "germany", "'public', 'us_government' or 'china'"),
        ("credential", "environment", "'service_principal'"),
        ("training_type", "globalstandard", "'GlobalStandard'"),
        ("training_type", 1, "'GlobalStandard'"),
        ("timeout", 0, "`timeout`"),
        ("timeout", "30", "`timeout`"),
        ("hosting_per_hour", -1, "`hosting_per_hour`"),
        ("subscription_id", "../../x", "`subscription_id`"),
        ("resource_group", "a/b", "`resource_group`"),
        ("account", "", "`account`"),
        ("account", "a?b", "`account`"),
        ("client_id", "a b", "`client_id`"),
        ("scope", "everything", "`scope`"),
        ("scope", "api://my-gateway/.default", "`scope`"),  # It names no host to be trusted.
        # The data plane would get tokens that may do anything.
        ("scope", "https://management.azure.com/.default", "Resource Manager's"),
        ("scope", "https://management.azure.com//.default", "Resource Manager's"),
        ("scope", "https://MANAGEMENT.azure.com/user_impersonation", "Resource Manager's"),
        ("scope", "https://management.core.windows.net//.default", "Resource Manager's"),
        ("scope", "https://management.core.usgovcloudapi.net/.default", "Resource Manager's"),
        ("scope", "https://management.chinacloudapi.cn/.default", "Resource Manager's"),
        ("uploads", "perhaps", "`uploads`"),
    ],
)
def test_what_a_profile_does_not_take_is_named(
    tmp_path: Path, key: str, value: object, words: str
) -> None:
    told = refused(tmp_path, **{**SITE, key: value})
    assert words in told
    assert "`endpoint`" in told  # All that it takes is listed.


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("api_key", "0123456789abcdef0123456789abcdef"),
        ("client_secret", "Abc8Q~0123456789abcdef"),
        ("api_key_env", "0123456789abcdef0123456789abcdef!"),
        ("credential", "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.c2lnbmF0dXJl"),
    ],
)
def test_a_file_holds_no_secret(tmp_path: Path, key: str, value: str) -> None:
    told = refused(tmp_path, **{key: value})
    assert f"`profiles.azure-eu.{key}`" in told
    assert value not in told


# Whom a file may name


def test_a_resource_is_trusted_by_its_exact_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SEC-04."""
    told = refused(tmp_path, endpoint=HOST)
    assert "finetune trust my-resource.openai.azure.com" in told
    for other in ("openai.azure.com", "other.openai.azure.com", "*.openai.azure.com"):
        with monkeypatch.context() as patch:
            patch.setenv("FINETUNE_TRUSTED_HOSTS", other)
            refused(tmp_path, endpoint=HOST)
    monkeypatch.setenv("FINETUNE_TRUSTED_HOSTS", "my-resource.openai.azure.com")
    with open_profile(tmp_path, endpoint=HOST) as client:
        assert isinstance(client.provider, AzureOpenAITrainer)


@pytest.mark.parametrize(
    ("authority", "management"),
    [
        ("https://login.microsoftonline.com", "https://management.azure.com"),
        ("https://login.microsoftonline.us/", "https://management.usgovcloudapi.net/"),
        ("https://login.chinacloudapi.cn", "https://management.chinacloudapi.cn"),
        ("https://Login.MicrosoftOnline.com", "https://MANAGEMENT.azure.com"),
    ],
)
def test_microsofts_own_hosts_need_no_trust(
    tmp_path: Path, authority: str, management: str
) -> None:
    said: dict[str, Any] = {"authority": authority, "management_url": management}
    with open_profile(tmp_path, credential="cli", **said, **SITE) as client:
        assert isinstance(client.provider, AzureOpenAIProvider)


@pytest.mark.parametrize(
    "scope",
    [
        "https://ai.azure.com/.default",
        "https://cognitiveservices.azure.com/.default",
        "https://cognitiveservices.azure.us/.default",
    ],
)
def test_the_scopes_of_microsofts_own_documents_need_none(tmp_path: Path, scope: str) -> None:
    with open_profile(tmp_path, credential="cli", scope=scope) as client:
        assert isinstance(client.provider, AzureOpenAITrainer)


STRANGERS = [
    "https://evil.example",
    "https://management.azure.com.evil.example",
    "https://login.microsoftonline.com@evil.example",
    "https://evil.example/login.microsoftonline.com",
    "https://evil.example?login.microsoftonline.com",
    " https://evil.example",
    "http://evil.example",
    "//evil.example",
    "evil.example",
    "evil.example/login.microsoftonline.com",
    "login.microsoftonline.com.evil.example:443",
]


@pytest.mark.parametrize("key", ["endpoint", "authority", "management_url"])
@pytest.mark.parametrize("address", STRANGERS)
def test_no_key_and_no_token_goes_to_a_host_of_a_files_choice(
    tmp_path: Path, key: str, address: str
) -> None:
    """SEC-04: `authority` gets secrets, `management_url` gets tokens that may do anything."""
    told = refused(tmp_path, credential="service_principal", **SITE, **{key: address})
    assert f"`{key}`" in told


def test_a_trusted_one_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINETUNE_TRUSTED_HOSTS", "login.stack.example,management.stack.example")
    said: dict[str, Any] = {
        "authority": "https://login.stack.example",
        "management_url": "https://management.stack.example",
    }
    with open_profile(tmp_path, credential="cli", **said, **SITE) as client:
        assert isinstance(client.provider, AzureOpenAIProvider)


def test_what_code_and_environment_name_needs_no_trust(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert url_of(tmp_path, HOST) == V1
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", HOST)
    with open_profile(tmp_path, endpoint=None) as client:
        assert isinstance(client.provider, AzureOpenAITrainer)
        assert client.provider.account == V1


@pytest.mark.parametrize("key", ["management_url", "authority"])
@pytest.mark.parametrize("address", ["http://10.0.0.1", "https://u:p@x.example", "https://x y"])
def test_code_cannot_say_what_is_no_address(tmp_path: Path, key: str, address: str) -> None:
    profile = AzureSettings.model_validate({"credential": "cli", **SITE, key: address})
    with pytest.raises(ConfigurationError, match=f"`{key}`"):
        AzureOpenAIProvider(endpoint=HOST, profile=profile, home=tmp_path, environ={})
