"""The laws, over the Azure OpenAI providers against their stand-in: by key, and by identity."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk.providers.azure_openai.provider import AzureOpenAIProvider
from finetune_sdk.providers.azure_openai.trainer import AzureOpenAITrainer
from finetune_sdk.providers.base import FineTuneProvider
from finetune_sdk.testing import ProviderConformance, VirtualClock
from finetune_sdk.testing.conformance import JobKind
from tests.standins.azure import Azure
from tests.standins.openai import JobCourse

COURSES: Mapping[JobKind, JobCourse] = {
    "short": JobCourse(validating=5, queued=5, running=30, steps=20, checkpoints_every=5),
    "endless": JobCourse(running=1e9),
    "failing": JobCourse(
        outcome="failed", error={"code": "invalidPayload", "message": "row 3", "param": None}
    ),
}


class AzureLaws(ProviderConformance):
    model = "gpt-4.1-mini-2025-04-14"
    wait_timeout = 3600.0

    @pytest.fixture(autouse=True)
    def _azure(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
        self.clock = VirtualClock()
        with Azure(self.clock, tmp_path) as self.azure:
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(self.azure.authority.ca_file))
            yield

    def job_words(self, provider: FineTuneProvider, kind: JobKind) -> Mapping[str, Any]:
        self.azure.data.course = COURSES[kind]
        return {}

    def say_unknown_word(self, provider: FineTuneProvider, job_id: str) -> None:
        self.azure.data.say(job_id, "alien")

    def let_it_train(self, provider: FineTuneProvider, job_id: str) -> None:
        course = self.azure.data.course
        self.clock.advance(course.start + 2 * course.running / course.steps)


class TestWithAKey(AzureLaws):
    def open_provider(self, folder: Path) -> FineTuneProvider:
        data = self.azure.data
        return AzureOpenAITrainer(
            endpoint=data.endpoint, api_key=data.key, home=folder, clock=self.clock, environ={}
        )


class TestWithAnIdentity(AzureLaws):
    def open_provider(self, folder: Path) -> FineTuneProvider:
        azure = self.azure
        return AzureOpenAIProvider(
            endpoint=azure.data.endpoint,
            credential="service_principal",
            subscription_id=azure.subscription,
            resource_group=azure.group,
            account=azure.account,
            home=folder,
            clock=self.clock,
            environ=azure.environ,
        )
