"""An account at the stand-in with one finished job, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from finetune_sdk import FineTuneClient, Job, Supervised
from finetune_sdk.providers.openai.provider import OpenAIProvider
from finetune_sdk.testing import VirtualClock
from tests.standins.openai import JobCourse, OpenAIService

KEY = "sk-canarycanarycanarycanary"
MODEL = "gpt-4.1-mini-2025-04-14"
ROWS = [
    {
        "messages": [
            {"role": "user", "content": f"Say {number}."},
            {"role": "assistant", "content": str(number)},
        ]
    }
    for number in range(12)
]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def service(clock: VirtualClock) -> Iterator[OpenAIService]:
    with OpenAIService(clock, key=KEY) as service:
        service.course = JobCourse(
            validating=1, queued=1, running=20, steps=10, checkpoints_every=5
        )
        yield service


@pytest.fixture
def client(service: OpenAIService, clock: VirtualClock, tmp_path: Path) -> Iterator[FineTuneClient]:
    provider = OpenAIProvider(
        api_key=KEY, base_url=service.url, home=tmp_path / "home", clock=clock, environ={}
    )
    with FineTuneClient(provider, home=tmp_path / "home") as client:
        yield client


def finished(client: FineTuneClient, *, suffix: str = "recipes") -> Job:
    """A job that has succeeded, with validation rows and an own word."""
    made = client.jobs.create(
        model=MODEL,
        training_data=ROWS,
        validation_data=ROWS[:3],
        method=Supervised(epochs=3),
        suffix=suffix,
        seed=7,
        metadata={"team": "blue"},
    )
    return client.jobs.wait(made, progress=False)
