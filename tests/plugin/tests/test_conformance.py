"""The laws that every provider keeps, over this one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from finetune_inkwell.provider import InkwellProvider
from finetune_sdk.providers.base import FineTuneProvider, ProviderSettings
from finetune_sdk.testing import ProviderConformance, VirtualClock
from standin import KEY, FaultError, Inkwell


class TestInkwell(ProviderConformance):
    model = "quill-7b"
    secrets = (KEY,)

    @pytest.fixture(autouse=True)
    def _service(self) -> Iterator[None]:
        with Inkwell(VirtualClock()) as self.service:
            yield

    def open_provider(self, folder: Path) -> FineTuneProvider:
        return InkwellProvider(api_key=KEY, base_url=self.service.url, clock=self.service.clock)

    def job_words(self, provider: FineTuneProvider, kind: str) -> Mapping[str, Any]:
        self.service.course = kind
        return {}

    def say_unknown_word(self, provider: FineTuneProvider, job_id: str) -> None:
        self.service.studies[job_id].word = "shimmering"

    def writes(self, provider: FineTuneProvider) -> int:
        return sum(not one.startswith("GET") for one in self.service.asked)

    def lose_answer(self, provider: FineTuneProvider) -> None:
        self.service.lose = True

    def refuse_create(self, provider: FineTuneProvider) -> None:
        self.service.faults["POST /v1/studies"] = FaultError(422, "no_such_base", "no such base")

    def stumble(self, provider: FineTuneProvider) -> None:
        self.service.faults["GET /v1/studies/"] = FaultError(503, "spilled", "try again")

    def settings(self, folder: Path) -> ProviderSettings:
        return ProviderSettings(
            values={"base_url": self.service.url}, home=folder, environ={"INKWELL_API_KEY": KEY}
        )
