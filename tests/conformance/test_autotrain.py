"""The laws, over AutoTrain on HF Jobs against the stand-in of the Hub."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk.providers.autotrain.provider import AutoTrainProvider
from finetune_sdk.providers.base import FineTuneProvider
from finetune_sdk.testing import ProviderConformance, VirtualClock
from finetune_sdk.testing.conformance import JobKind
from tests.autotrain.hubs import COURSES, MODEL, seeded
from tests.standins.hub.hub import Hub


class TestOnJobs(ProviderConformance):
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
