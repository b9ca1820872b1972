"""Rows to learn from and to measure on, and an account at the stand-in that has learned them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import pytest

from finetune_sdk import FineTuneClient, Job, Supervised
from finetune_sdk.providers.openai.provider import OpenAIProvider
from finetune_sdk.testing import VirtualClock
from tests.standins.openai import JobCourse, OpenAIService

KEY = "sk-canarycanarycanarycanary"
MODEL = "gpt-4.1-mini-2025-04-14"
WORDS = [f"word{number}" for number in range(80)]


def row(number: int) -> dict[str, object]:
    """Asks for a word in capitals."""
    return {
        "messages": [
            {"role": "system", "content": "Shout."},
            {"role": "user", "content": f"the {WORDS[number]} of number {number}"},
            {"role": "assistant", "content": WORDS[number].upper()},
        ]
    }


LEARNED = [row(number) for number in range(40)]
TESTS = [row(number) for number in range(40, 80)]


def last(messages: Sequence[object]) -> str:
    return str(cast("dict[str, object]", messages[-1])["content"])


def shout(messages: Sequence[object]) -> str:
    """The right answer."""
    return last(messages).split()[1].upper()


def half(messages: Sequence[object]) -> str:
    """The right answer to every second question."""
    return shout(messages) if int(last(messages).split()[-1]) % 2 else "What?"


def says(model: str, messages: Sequence[object]) -> str:
    """A base model that knows nothing, and half of it with examples; a tuned one that knows all."""
    if model.startswith("ft:"):
        return shout(messages)
    return half(messages) if len(messages) > 2 else "What?"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def service(clock: VirtualClock) -> Iterator[OpenAIService]:
    with OpenAIService(clock, key=KEY) as service:
        service.course = JobCourse(validating=1, queued=1, running=20, steps=10)
        service.says = says
        yield service


@pytest.fixture
def client(service: OpenAIService, clock: VirtualClock, tmp_path: Path) -> Iterator[FineTuneClient]:
    provider = OpenAIProvider(
        api_key=KEY, base_url=service.url, home=tmp_path / "home", clock=clock, environ={}
    )
    with FineTuneClient(provider, home=tmp_path / "home") as client:
        yield client


@pytest.fixture
def job(client: FineTuneClient) -> Job:
    """A job that has learned."""
    made = client.jobs.create(
        model=MODEL, training_data=LEARNED, method=Supervised(epochs=3), suffix="shouts"
    )
    return client.jobs.wait(made, progress=False)
