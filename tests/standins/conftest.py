"""The services on loopback, and their vendors' own clients of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from finetune_sdk.testing import VirtualClock
from tests.standins.azure import Azure
from tests.standins.azure.clients import Deployer, credential, management, tuned_model
from tests.standins.openai import OpenAIService

DAY = 24 * 3600


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def service(clock: VirtualClock) -> Iterator[OpenAIService]:
    with OpenAIService(clock) as service:
        yield service


@pytest.fixture
def client(service: OpenAIService) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=service.key, base_url=service.url, max_retries=0) as client:
        yield client


@pytest.fixture
def azure(clock: VirtualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Azure]:
    with Azure(clock, tmp_path) as azure:
        azure.authority.lifetime = 100 * DAY
        for name, value in azure.environ.items():
            monkeypatch.setenv(name, value)
        yield azure


@pytest.fixture
def arm(azure: Azure) -> Iterator[Deployer]:
    with credential(azure) as secret, management(azure, secret) as client:
        yield Deployer(azure, client)


@pytest.fixture
def tuned(azure: Azure) -> str:
    return tuned_model(azure)
