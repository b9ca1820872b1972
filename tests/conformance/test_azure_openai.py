"""The laws, over the Azure OpenAI providers against their stand-in: by key, and by identity."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk.providers.azure_openai.provider import AzureOpenAIProvider
from finetune_sdk.providers.azure_openai.settings import AzureSettings
from finetune_sdk.providers.azure_openai.trainer import AzureOpenAITrainer
from finetune_sdk.providers.base import FineTuneProvider, ProviderSettings
from finetune_sdk.testing import ProviderConformance, VirtualClock
from finetune_sdk.testing.conformance import JobKind
from finetune_sdk.types import MethodName
from tests.azure.bench import profile_of
from tests.standins.azure import Azure, azure_error
from tests.standins.openai import DropAfter, Edit, Fault, JobCourse, Reply

LOOK = "/fine_tuning/jobs/[^/]+"
COURSES: Mapping[JobKind, JobCourse] = {
    "short": JobCourse(validating=5, queued=5, running=30, steps=20, checkpoints_every=5),
    "endless": JobCourse(running=1e9),
    "failing": JobCourse(
        outcome="failed", error={"code": "invalidPayload", "message": "row 3", "param": None}
    ),
}


def alien(said: Any) -> object:
    """What Resource Manager tells, in a state that nobody knows."""
    for one in said.get("value", [said]):
        one["properties"]["provisioningState"] = "Alien"
    return said


class AzureLaws(ProviderConformance):
    model = "gpt-4.1-mini-2025-04-14"
    wait_timeout = 3600.0

    @pytest.fixture(autouse=True)
    def _azure(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
        self.clock = VirtualClock()
        with Azure(self.clock, tmp_path) as self.azure:
            type(self).secrets = (self.azure.data.key, self.azure.authority.secret)
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

    def writes(self, provider: FineTuneProvider) -> int:
        asked = (*self.azure.data.requests, *self.azure.arm.requests)
        return sum(one.method != "GET" for one in asked)

    def lose_answer(self, provider: FineTuneProvider) -> None:
        self.azure.data.faults.add(Fault(action=DropAfter()))

    def refuse_create(self, provider: FineTuneProvider) -> None:
        refusal = Reply(400, azure_error("invalidPayload", "The request is invalid."))
        self.azure.data.faults.add(Fault(action=refusal))

    def stumble(self, provider: FineTuneProvider) -> None:
        self.azure.data.faults.add(Fault(method="GET", path=LOOK, action=Reply(503)))

    def say_unknown_deployment_word(self, provider: FineTuneProvider, name: str) -> None:
        path = f"/deployments(/{name})?"
        fault = Fault(method="GET", path=path, action=Edit(alien), times=None)
        self.azure.arm.faults.add(fault)

    def method_words(self, provider: FineTuneProvider, method: MethodName) -> Mapping[str, Any]:
        if method is not MethodName.REINFORCEMENT:
            return {}
        asked = {"messages": [{"role": "user", "content": "Say 99."}], "answer": "99"}
        return {"model": "o4-mini-2025-04-16", "validation_data": [asked] * 10}


class TestWithAKey(AzureLaws):
    def open_provider(self, folder: Path) -> FineTuneProvider:
        data = self.azure.data
        return AzureOpenAITrainer(
            endpoint=data.endpoint, api_key=data.key, home=folder, clock=self.clock, environ={}
        )

    def settings(self, folder: Path) -> ProviderSettings:
        data = self.azure.data
        values, environ = {"endpoint": data.endpoint}, {"AZURE_OPENAI_API_KEY": data.key}
        return ProviderSettings(values=values, home=folder, environ=environ)


class TestWithAnIdentity(AzureLaws):
    def open_provider(self, folder: Path) -> FineTuneProvider:
        azure = self.azure
        return AzureOpenAIProvider(
            profile=AzureSettings(**profile_of(azure)),
            home=folder,
            clock=self.clock,
            environ=azure.environ,
        )

    def settings(self, folder: Path) -> ProviderSettings:
        return ProviderSettings(
            values=profile_of(self.azure), home=folder, environ=self.azure.environ
        )
