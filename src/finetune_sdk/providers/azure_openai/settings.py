"""What a profile of Azure OpenAI says, and what it comes to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.providers.azure_openai.clouds import CLOUDS, MANAGERS, CloudName
from finetune_sdk.providers.azure_openai.options import TrainingType
from finetune_sdk.transport.addresses import address
from finetune_sdk.transport.deadlines import CALL_SECONDS

NAME = "azure_openai"
"""The provider's name, as errors and jobs carry it."""

KEY_ENV, ENDPOINT_ENV = "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT"
EXAMPLE = "https://my-resource.openai.azure.com"

CredentialName = Literal[
    "default", "managed_identity", "workload", "cli", "azd", "service_principal"
]

_VARIABLE = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
_GUID = Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{1,64}$")]
_PART = Annotated[str, Field(pattern=r"^[A-Za-z0-9_()-][A-Za-z0-9_.()-]{0,89}$")]
# With a host, so that whoever reads the file asks whether it is trusted with a token.
_SCOPE = Annotated[str, Field(pattern=r"^https://[!-~]{1,200}$")]
# With its scheme, so that whoever reads the file sees an address, and asks whether it is trusted.
_ADDRESS = Annotated[str, Field(pattern=r"^https?://")]
_ROOT = "/openai/v1"


class AzureSettings(BaseModel):
    """What may stand in a profile of `provider = "azure_openai"`.

    Attributes:
        endpoint: of the resource, or of a project of it.
        api_key_env: the environment variable with the resource's key.
        credential: who asks, where no key is used; deployments always need it.
        client_id: of a managed identity or a workload that is not the machine's own.
        cloud: which of Azure's.
        scope: of the data plane's tokens; that of the cloud by default.
        management_scope: of Resource Manager's tokens; likewise.
        authority: gives tokens; that of the cloud by default.
        management_url: of Resource Manager; likewise.
        training_type: where a job trains that does not say it itself.
        uploads: files above 512 MB go in parts, which nobody has seen work on v1.
        subscription_id: of the resource. With the next two, models can be deployed.
        resource_group: likewise.
        account: likewise, the resource's own name.
        hosting_per_hour: US dollars for an hour of a Standard or GlobalStandard deployment.
        timeout: seconds for a call, its retries included; uploads have their own by size.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint: str | None = None
    api_key_env: _VARIABLE | None = None
    credential: CredentialName | None = None
    client_id: _GUID | None = None
    cloud: CloudName = "public"
    scope: _SCOPE | None = None
    management_scope: _SCOPE | None = None
    authority: _ADDRESS | None = None
    management_url: _ADDRESS | None = None
    training_type: TrainingType = "GlobalStandard"
    uploads: bool = False
    subscription_id: _GUID | None = None
    resource_group: _PART | None = None
    account: _PART | None = None
    hosting_per_hour: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    timeout: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False, strict=True)] = (
        CALL_SECONDS
    )

    @field_validator("scope")
    @classmethod
    def _of_the_data_plane(cls, scope: str | None) -> str | None:
        if scope and urlsplit(scope).hostname in MANAGERS:
            raise ValueError("this is Resource Manager's, whose tokens are for nobody else")
        return scope

    @property
    def deploys(self) -> bool:
        """It says something of where to deploy."""
        return any((self.subscription_id, self.resource_group, self.account))


def kind_of_credential(said: str) -> str:
    """The name of a credential's kind.

    Raises:
        ConfigurationError: it is none; what it is, is not shown: it may be a secret.
    """
    known = get_args(CredentialName)
    if said not in known:
        raise ConfigurationError(
            f"`credential` is a text that names no kind; it takes {', '.join(map(repr, known))}, "
            "or an object of azure-identity. A secret stands in the environment"
        )
    return said


@dataclass(frozen=True)
class Site:
    """The resource that deployments are made in.

    Attributes:
        subscription: its id.
        group: the resource group.
        account: the resource's name.
    """

    subscription: str
    group: str
    account: str

    @property
    def id(self) -> str:
        """The resource's id in Azure."""
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"
            f"/providers/Microsoft.CognitiveServices/accounts/{self.account}"
        )


def site(profile: AzureSettings) -> Site:
    """Where deployments are made.

    Raises:
        ConfigurationError: a part of it is not said.
    """
    said = {
        "subscription_id": profile.subscription_id,
        "resource_group": profile.resource_group,
        "account": profile.account,
    }
    missing = [f"`{name}`" for name, value in said.items() if not value]
    if missing:
        raise ConfigurationError(
            f"deploying needs {' and '.join(missing)}, too: the portal shows them on the page of "
            "the resource, and `az cognitiveservices account list` in a terminal. Leave out "
            "`subscription_id`, `resource_group` and `account` to train without deploying"
        )
    return Site(*(value or "" for value in said.values()))


def base_url(said: str | None, environ: Mapping[str, str]) -> str:
    """The address of the data plane: what the code or the profile says, or the environment.

    Raises:
        ConfigurationError: it is none, or that of a deployment.
    """
    given = said or environ.get(ENDPOINT_ENV)
    if not given:
        raise ConfigurationError(
            f"`endpoint` is missing: the resource's address, such as {EXAMPLE!r}, from its page "
            f"in the portal; write it in the profile, or set {ENDPOINT_ENV}"
        )
    url, _, query = given.partition("?")
    dated = query.startswith("api-version=")
    plain = address(url if dated else given, word="endpoint", example=EXAMPLE)
    root = plain.removesuffix(_ROOT).removesuffix("/openai")
    if found := re.match(r"(.+?)/openai/", f"{root}/", re.IGNORECASE):
        raise ConfigurationError(
            "`endpoint` is that of one deployment or of one kind of request, where nothing is "
            f"trained; write {found[1]!r:.200}"
        )
    if dated:
        raise ConfigurationError(
            f"`endpoint` has an `api-version`, and v1 is spoken here, which has none: write "
            f"{root!r:.200}"
        )
    return root + _ROOT


def authority(profile: AzureSettings, environ: Mapping[str, str]) -> str:
    """The address of whom tokens are from: as the profile says, the environment, or the cloud.

    Raises:
        ConfigurationError: it is none, or would get a secret in clear text.
    """
    host = environ.get("AZURE_AUTHORITY_HOST")
    if host and "://" not in host:
        # A host alone is one in the environment only: in a file it would pass as no address.
        host = f"https://{host}"
    usual = CLOUDS[profile.cloud].authority
    plain = address(profile.authority or host or usual, word="authority", example=usual)
    if not plain.lower().startswith("https://"):
        raise ConfigurationError(
            f"`authority` would get secrets in clear text; write it with `https://`, such as "
            f"{usual!r}"
        )
    return plain


def account_folder(home: Path, name: str) -> Path:
    """What is kept of an endpoint or a resource, in the state folder; it may not exist yet."""
    return home / NAME / sha256(name.lower().encode()).hexdigest()[:16]
