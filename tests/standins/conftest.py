"""A service of OpenAI on loopback, and OpenAI's own client of it."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from finetune_sdk.testing import VirtualClock
from tests.standins.openai import OpenAIService


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
