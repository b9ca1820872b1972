"""The services that bill for jobs, and in what they differ: a test runs at each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pytest

from finetune_sdk.providers._openai_talk.verbs import OpenAIVerbs
from finetune_sdk.providers.azure_openai.trainer import AzureOpenAITrainer
from finetune_sdk.providers.openai.provider import OpenAIProvider
from tests.standins.azure import AzureService
from tests.standins.azure.service import CODES
from tests.standins.openai import Action, OpenAIService, Reply
from tests.standins.openai.wire import Refusal

Kind = Literal["openai", "azure"]
KINDS: tuple[Kind, ...] = ("openai", "azure")

OPENAI = pytest.mark.parametrize("bench", ["openai"], indirect=True)
"""For a test whose reason Azure does not have; the test says which."""
AZURE = pytest.mark.parametrize("bench", ["azure"], indirect=True)
"""The other way round."""


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """A service, and who speaks to it with a key.

    Attributes:
        name: of the provider.
        service: its stand-in.
        provider: takes the words of a profile.
        address: the word for where it is.
        key: the environment variable with the key.
        job: the pattern of its jobs' ids.
        more: what its creates have beside those of OpenAI.
    """

    name: str
    service: type[OpenAIService]
    provider: Callable[..., OpenAIVerbs]
    address: str
    key: str
    job: str
    more: Mapping[str, Any] = field(default_factory=dict[str, Any])


VENDORS: Mapping[Kind, Vendor] = {
    "openai": Vendor(
        name="openai",
        service=OpenAIService,
        provider=OpenAIProvider,
        address="base_url",
        key="OPENAI_API_KEY",
        job="ftjob-[0-9]+",
    ),
    "azure": Vendor(
        name="azure_openai",
        service=AzureService,
        provider=AzureOpenAITrainer,
        address="endpoint",
        key="AZURE_OPENAI_API_KEY",
        job="ftjob-[0-9a-f]+",
        more={"trainingType": "GlobalStandard"},
    ),
}


def refusal(service: OpenAIService, status: int, message: str, **more: Any) -> Reply:
    """An error, as the service itself words it."""
    if isinstance(service, AzureService) and status not in CODES:
        more = {"code": str(status), **more}
    return Reply(status, service.refused(Refusal(status, message, **more)).json())


def worded(service: OpenAIService, action: Action) -> Action:
    """The action; a reply that says nothing of its own says it as the service does."""
    if not isinstance(action, Reply) or action.body is not None:
        return action
    said = refusal(service, action.status, f"Injected {action.status}.")
    return replace(action, body=said.body)
