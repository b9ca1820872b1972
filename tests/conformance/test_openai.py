"""The laws, over the OpenAI provider against its stand-in."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk.providers.base import FineTuneProvider
from finetune_sdk.providers.openai.provider import OpenAIProvider
from finetune_sdk.testing import ProviderConformance, VirtualClock
from finetune_sdk.testing.conformance import JobKind
from tests.standins.openai import JobCourse, OpenAIService

CANARY = "sk-canarycanarycanarycanary"
COURSES: Mapping[JobKind, JobCourse] = {
    "short": JobCourse(validating=5, queued=5, running=30, steps=20, checkpoints_every=5),
    "endless": JobCourse(running=1e9),
    "failing": JobCourse(
        outcome="failed", error={"code": "invalid_training_file", "message": "row 3", "param": None}
    ),
}


class TestOpenAI(ProviderConformance):
    model = "gpt-4.1-mini-2025-04-14"
    secrets = (CANARY,)
    wait_timeout = 3600.0

    @pytest.fixture(autouse=True)
    def _service(self) -> Generator[None]:
        self.clock = VirtualClock()
        with OpenAIService(self.clock, key=CANARY) as self.service:
            yield

    def open_provider(self, folder: Path) -> FineTuneProvider:
        return OpenAIProvider(
            api_key=CANARY, base_url=self.service.url, home=folder, clock=self.clock, environ={}
        )

    def job_words(self, provider: FineTuneProvider, kind: JobKind) -> Mapping[str, Any]:
        self.service.course = COURSES[kind]
        return {}

    def say_unknown_word(self, provider: FineTuneProvider, job_id: str) -> None:
        self.service.say(job_id, "alien")
