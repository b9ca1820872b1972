"""Where requests go and with which key: by the code, then a profile, then the environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.providers.base import read_profile
from finetune_sdk.transport.addresses import address, check_headers, host_of
from finetune_sdk.transport.credentials import Credential
from finetune_sdk.transport.deadlines import CALL_SECONDS

NAME = "openai"
"""The provider's name, as errors and jobs carry it."""

BASE_URL = "https://api.openai.com/v1"
HOSTS = frozenset({"api.openai.com", "eu.api.openai.com", "us.api.openai.com"})
"""OpenAI's own; the last two keep data in a region."""

KEY_ENV, SECRET_ENV = "OPENAI_API_KEY", "OPENAI_WEBHOOK_SECRET"

_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
_PLAIN = r"^[!-~]{1,200}$"


class OpenAISettings(BaseModel):
    """What may stand in a profile of `provider = "openai"`.

    Attributes:
        api_key_env: the environment variable with the key.
        base_url: of another server that speaks OpenAI's protocol.
        organization: for accounts with several.
        project: likewise.
        timeout: seconds for a call, its retries included; uploads have their own by size.
        webhook_secret_env: the environment variable with the secret of the webhooks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    api_key_env: Annotated[str, Field(pattern=_NAME)] = KEY_ENV
    base_url: str | None = None
    organization: Annotated[str, Field(pattern=_PLAIN)] | None = None
    project: Annotated[str, Field(pattern=_PLAIN)] | None = None
    timeout: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False, strict=True)] = (
        CALL_SECONDS
    )
    webhook_secret_env: Annotated[str, Field(pattern=_NAME)] = SECRET_ENV


@dataclass(frozen=True, kw_only=True)
class Account:
    """Where requests go, and as whom.

    Attributes:
        url: without a slash at its end.
        organization: None where nobody has said it.
        project: likewise.
    """

    url: str
    organization: str | None = None
    project: str | None = None

    @property
    def name(self) -> str:
        """The account, without its key: a new key of it must find what the old one has made."""
        return " ".join(filter(None, (self.url, self.organization, self.project)))

    def folder(self, home: Path) -> Path:
        """What is kept of the account, in the state folder; it may not exist yet."""
        return home / NAME / sha256(self.name.encode()).hexdigest()[:16]

    @property
    def headers(self) -> dict[str, str]:
        """What says organization and project in a request."""
        said = {"OpenAI-Organization": self.organization, "OpenAI-Project": self.project}
        return {name: value for name, value in said.items() if value is not None}

    @property
    def official(self) -> bool:
        """It is OpenAI itself, whose models, prices and days are known."""
        return host_of(self.url) in HOSTS


def account(
    profile: OpenAISettings,
    environ: Mapping[str, str],
    base_url: str | None,
    organization: str | None,
    project: str | None,
) -> Account:
    """The account: what the code says, then the profile, then the environment.

    A profile that names its own server keeps it: its key must not go to another one because of a
    variable that was set for something else.

    Raises:
        ConfigurationError: the address is none.
    """
    said = {"organization": organization, "project": project}
    read_profile(OpenAISettings, said, provider=NAME)
    return Account(
        url=_url(base_url or profile.base_url, environ),
        organization=organization or profile.organization or environ.get("OPENAI_ORG_ID"),
        project=project or profile.project or environ.get("OPENAI_PROJECT_ID"),
    )


@dataclass(frozen=True)
class Kept:
    """What may hold a secret, and so shows up nowhere.

    Attributes:
        headers: sent with each request.
        webhook: the secret of the webhooks.
    """

    headers: Mapping[str, str] = field(repr=False)
    webhook: str | None = field(repr=False)


def kept(headers: Mapping[str, str] | None, webhook: str | None) -> Kept:
    """Headers that can be sent, and the secret of the webhooks.

    Raises:
        ConfigurationError: a header cannot be sent; names it, and shows nothing of what is in it.
    """
    check_headers(headers or {})
    return Kept(dict(headers or {}), webhook)


def _url(said: str | None, environ: Mapping[str, str]) -> str:
    if said or not environ.get("OPENAI_BASE_URL"):
        return _address(said or BASE_URL)
    try:
        return _address(environ["OPENAI_BASE_URL"])
    except ConfigurationError as error:
        raise ConfigurationError(f"the environment variable OPENAI_BASE_URL: {error}") from None


def _address(url: str) -> str:
    return address(url, word="base_url", example=BASE_URL)


def seconds(timeout: object) -> float:
    """A timeout.

    Raises:
        ConfigurationError: it is none.
    """
    return read_profile(OpenAISettings, {"timeout": timeout}, provider=NAME).timeout


def credential(
    given: str | Callable[[], str] | None,
    variable: str,
    environ: Mapping[str, str],
    beside: Kept,
) -> Credential:
    """The key that the code gives, or else that of the environment.

    Args:
        given: by the code.
        variable: of the environment.
        environ: the environment.
        beside: what else is sent, and may be secret.

    Raises:
        ConfigurationError: it is no text that fits into a header.
    """
    missing = (
        f"there is no key; set the environment variable {variable}, or give "
        "`OpenAIProvider(api_key=...)`"
    )
    key = given or (environ.get(variable) or "").strip() or None
    source = "`api_key`" if given else f"the environment variable {variable}"
    secrets = beside.headers.values()
    return Credential(key, source=source, missing=missing, beside=secrets)
