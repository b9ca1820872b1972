"""Azure's addresses, by cloud. The names are those of the `azure` command line, in our letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

CloudName = Literal["public", "us_government", "china"]


@dataclass(frozen=True)
class Cloud:
    """Where one of Azure's clouds is.

    The addresses are those of azure-identity 1.27 (`AzureAuthorityHosts`) and azure-mgmt-core 1.6
    (`get_arm_endpoints`), read on 2026-11-26.

    Attributes:
        authority: gives tokens.
        management: Azure Resource Manager.
        management_scope: of its tokens.
        scope: of the data plane's tokens. For the public cloud Microsoft's samples of 2026 name
            `https://ai.azure.com/.default`, and the API's own document
            `https://cognitiveservices.azure.com/.default`; both are said to be taken.
    """

    authority: str
    management: str
    management_scope: str
    scope: str


CLOUDS: Mapping[CloudName, Cloud] = {
    "public": Cloud(
        "https://login.microsoftonline.com",
        "https://management.azure.com",
        "https://management.azure.com/.default",
        "https://ai.azure.com/.default",
    ),
    "us_government": Cloud(
        "https://login.microsoftonline.us",
        "https://management.usgovcloudapi.net",
        "https://management.core.usgovcloudapi.net/.default",
        "https://cognitiveservices.azure.us/.default",
    ),
    "china": Cloud(
        "https://login.chinacloudapi.cn",
        "https://management.chinacloudapi.cn",
        "https://management.chinacloudapi.cn/.default",
        "https://cognitiveservices.azure.cn/.default",
    ),
}

MANAGERS = frozenset(
    urlsplit(address).netloc
    for cloud in CLOUDS.values()
    for address in (cloud.management, cloud.management_scope)
) | {"management.core.windows.net"}
"""Resource Manager's, also by the name that its tokens had before."""

HOSTS = (
    MANAGERS
    | {urlsplit(url).netloc for one in CLOUDS.values() for url in (one.authority, one.scope)}
    | {"cognitiveservices.azure.com"}
)
"""Microsoft's own. A resource has a host of its own, which is trusted by its exact name."""
