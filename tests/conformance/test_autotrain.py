"""The laws, over AutoTrain on HF Jobs against the stand-in of the Hub."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk.providers.autotrain.provider import AutoTrainProvider
from finetune_sdk.providers.base import FineTuneProvider, ProviderSettings
from finetune_sdk.testing import VirtualClock
from finetune_sdk.testing.conformance import JobKind
from tests.autotrain.hubs import (
    ADAPTER,
    COURSES,
    MEASURED,
    MODEL,
    STARTED,
    record_of,
    repo_of,
    seeded,
)
from tests.conformance.hub_laws import HubLaws
from tests.standins.hub.hub import Hub
from tests.standins.hub.job import JobCourse, JobRecord
from tests.standins.hub.routes import broken
from tests.standins.openai import DropAfter, Fault

JOBS = "/api/jobs/alice"
NOT_PUSHED = "FINETUNE " + json.dumps(
    {"event": "failed", "code": "push_failed", "reason": "the Hub is down"}
)


def keeps(hub: Hub, job: JobRecord) -> None:
    """What our program does where it cannot push the model: it is kept beside the rows."""
    project = repo_of(job).partition("/")[2]
    rows = hub.repos["dataset", record_of(job)["spec"]["training_file"]["id"]]
    hub.repos.commit(rows, {f"{project}/{name}": content for name, content in ADAPTER.items()})


class TestOnJobs(HubLaws):
    model = MODEL
    wait_timeout = 3600.0

    @pytest.fixture(autouse=True)
    def _hub(self, tmp_path: Path) -> Generator[None]:
        self.clock = VirtualClock()
        with Hub(self.clock, tmp_path) as self.hub:
            seeded(self.hub)
            type(self).secrets = (self.hub.token,)
            yield

    def open_provider(self, folder: Path) -> FineTuneProvider:
        return AutoTrainProvider(
            token=self.hub.token,
            endpoint=self.hub.url,
            home=folder,
            clock=self.clock,
            environ={},
        )

    def job_words(self, provider: FineTuneProvider, kind: JobKind) -> Mapping[str, Any]:
        self.hub.jobs.course = COURSES[kind]
        return {}

    def say_unknown_word(self, provider: FineTuneProvider, job_id: str) -> None:
        self.hub.jobs.say(job_id, "ALIEN")

    def lose_answer(self, provider: FineTuneProvider) -> None:
        self.hub.faults.add(Fault(path=JOBS, action=DropAfter()))

    def refuse_create(self, provider: FineTuneProvider) -> None:
        self.hub.faults.add(Fault(path=JOBS, action=broken(400, "no")))

    def stumble(self, provider: FineTuneProvider) -> None:
        self.hub.faults.add(Fault(method="GET", path=f"{JOBS}/[^/]+", action=broken(503, "busy")))

    def settings(self, folder: Path) -> ProviderSettings:
        values = {"endpoint": self.hub.url}
        return ProviderSettings(values=values, home=folder, environ={"HF_TOKEN": self.hub.token})

    def strand(self, provider: FineTuneProvider) -> Mapping[str, Any]:
        lines = (STARTED, *MEASURED, NOT_PUSHED)
        self.hub.jobs.course = JobCourse(running=30, outcome="ERROR", lines=lines, finish=keeps)
        return {}
