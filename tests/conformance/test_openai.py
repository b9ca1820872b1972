"""The laws, over the OpenAI provider against its stand-in."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Generator, Mapping
from hashlib import sha256
from hmac import new as mac
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk.providers.base import FineTuneProvider, ProviderSettings
from finetune_sdk.providers.openai.provider import OpenAIProvider
from finetune_sdk.testing import ProviderConformance, VirtualClock
from finetune_sdk.testing.conformance import JobKind
from finetune_sdk.types import MethodName
from tests.standins.openai import DropAfter, Fault, JobCourse, OpenAIService, Reply

CANARY = "sk-canarycanarycanarycanary"
SIGNED_WITH = base64.b64encode(b"a secret of the webhooks").decode()
LOOK = "/fine_tuning/jobs/[^/]+"
COURSES: Mapping[JobKind, JobCourse] = {
    "short": JobCourse(validating=5, queued=5, running=30, steps=20, checkpoints_every=5),
    "endless": JobCourse(running=1e9),
    "failing": JobCourse(
        outcome="failed", error={"code": "invalid_training_file", "message": "row 3", "param": None}
    ),
}


class TestOpenAI(ProviderConformance):
    model = "gpt-4.1-mini-2025-04-14"
    secrets = (CANARY, SIGNED_WITH)
    wait_timeout = 3600.0

    @pytest.fixture(autouse=True)
    def _service(self) -> Generator[None]:
        self.clock = VirtualClock()
        with OpenAIService(self.clock, key=CANARY) as self.service:
            yield

    def open_provider(self, folder: Path) -> FineTuneProvider:
        return OpenAIProvider(
            api_key=CANARY,
            base_url=self.service.url,
            webhook_secret=f"whsec_{SIGNED_WITH}",
            home=folder,
            clock=self.clock,
            environ={},
        )

    def job_words(self, provider: FineTuneProvider, kind: JobKind) -> Mapping[str, Any]:
        self.service.course = COURSES[kind]
        return {}

    def say_unknown_word(self, provider: FineTuneProvider, job_id: str) -> None:
        self.service.say(job_id, "alien")

    def writes(self, provider: FineTuneProvider) -> int:
        return sum(one.method != "GET" for one in self.service.requests)

    def lose_answer(self, provider: FineTuneProvider) -> None:
        self.service.faults.add(Fault(action=DropAfter()))

    def refuse_create(self, provider: FineTuneProvider) -> None:
        self.service.faults.add(Fault(action=Reply(400)))

    def stumble(self, provider: FineTuneProvider) -> None:
        self.service.faults.add(Fault(method="GET", path=LOOK, action=Reply(503)))

    def method_words(self, provider: FineTuneProvider, method: MethodName) -> Mapping[str, Any]:
        reasons = method is MethodName.REINFORCEMENT
        return {"model": "o4-mini-2025-04-16"} if reasons else {}

    def settings(self, folder: Path) -> ProviderSettings:
        values = {"base_url": self.service.url}
        return ProviderSettings(values=values, home=folder, environ={"OPENAI_API_KEY": CANARY})

    def sign_webhook(
        self, provider: FineTuneProvider, job_id: str
    ) -> tuple[bytes, Mapping[str, str]]:
        said = {"id": "evt_1", "type": "fine_tuning.job.succeeded", "data": {"id": job_id}}
        body, moment = json.dumps(said).encode(), str(int(time.time()))
        mark = mac(base64.b64decode(SIGNED_WITH), f"evt_1.{moment}.".encode() + body, sha256)
        return body, {
            "webhook-id": "evt_1",
            "webhook-timestamp": moment,
            "webhook-signature": f"v1,{base64.b64encode(mark.digest()).decode()}",
        }
