"""The laws, over AutoTrain on Spaces: started from here, and by an AutoTrain app."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk.providers.autotrain import AutoTrainOptions
from finetune_sdk.providers.autotrain.on_spaces import AutoTrainSpaceProvider
from finetune_sdk.providers.base import FineTuneProvider, ProviderSettings
from finetune_sdk.testing.conformance import JobKind
from tests.autotrain.spaces import HARDWARE, MODEL, SPACES, opened
from tests.conformance.hub_laws import HubLaws
from tests.standins.autotrain_app import AutoTrainApp
from tests.standins.hub import Account
from tests.standins.hub.routes import broken
from tests.standins.hub.space import SpaceCourse
from tests.standins.openai import DropAfter, Fault

COURSES: Mapping[JobKind, SpaceCourse] = {
    "short": SpaceCourse(
        building=10,
        running=60,
        lines=tuple(
            f"INFO     | 2026-01-01 00:01:{number:02d} | autotrain.trainers.common:on_log:367 - "
            f"{{'loss': {5 - number / 10}, 'learning_rate': 0.0001, 'epoch': {number / 10}}}"
            for number in range(1, 11)
        ),
    ),
    "endless": SpaceCourse(building=10, running=1e9),
    "failing": SpaceCourse(
        building=10,
        running=60,
        outcome="failed",
        lines=("train has failed due to an exception", "ValueError: row 3"),
    ),
}


class SpaceLaws(HubLaws):
    model = MODEL
    secrets = ("hf_" + "kLm" * 12,)
    wait_timeout = 86_400.0
    by_app = False
    spends = f"{SPACES}/hardware"

    @pytest.fixture(autouse=True)
    def _hub(self, tmp_path: Path) -> Generator[None]:
        with ExitStack() as stack:
            self.bench = stack.enter_context(opened(tmp_path))
            self.hub = self.bench.hub
            self.bench.hub.accounts[self.secrets[0]] = Account("alice")
            self.words: Mapping[str, Any] = {"runner": "space"}
            if self.by_app:
                app = stack.enter_context(AutoTrainApp(self.bench.hub))
                self.words = {"runner": "server", "server_url": app.url}
            yield

    def open_provider(self, folder: Path) -> FineTuneProvider:
        hub = self.bench.hub
        return AutoTrainSpaceProvider(
            token=self.secrets[0],
            endpoint=hub.url,
            home=folder,
            clock=self.bench.clock,
            environ={},
            **self.words,
        )

    def job_words(self, provider: FineTuneProvider, kind: JobKind) -> Mapping[str, Any]:
        self.bench.hub.spaces.course = COURSES[kind]
        return {"options": [AutoTrainOptions(hardware=HARDWARE, timeout=30 * 86_400)]}

    def say_unknown_word(self, provider: FineTuneProvider, job_id: str) -> None:
        self.bench.hub.spaces[f"alice/{job_id}"].say("ALIEN")

    def lose_answer(self, provider: FineTuneProvider) -> None:
        self.hub.faults.add(Fault(path=self.spends, action=DropAfter()))

    def refuse_create(self, provider: FineTuneProvider) -> None:
        self.hub.faults.add(Fault(path=self.spends, action=broken(400, "no")))

    def stumble(self, provider: FineTuneProvider) -> None:
        fault = Fault(method="GET", path=SPACES, action=broken(503, "busy"))
        self.hub.faults.add(fault)

    def settings(self, folder: Path) -> ProviderSettings:
        values = {"endpoint": self.hub.url, **self.words}
        return ProviderSettings(values=values, home=folder, environ={"HF_TOKEN": self.secrets[0]})


class TestSpace(SpaceLaws):
    pass


class TestServer(SpaceLaws):
    by_app = True
