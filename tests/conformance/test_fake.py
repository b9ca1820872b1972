"""The laws, over the fake."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk.errors import ConnectionFailedError, InvalidRequestError
from finetune_sdk.providers.base import FineTuneProvider
from finetune_sdk.testing import FakeProvider, JobScript, ProviderConformance
from finetune_sdk.testing.conformance import JobKind

SCRIPTS: Mapping[JobKind, JobScript] = {
    "short": JobScript(queued=5, running=30, steps=10, checkpoint_every=5),
    "endless": JobScript(running=1e9),
    "failing": JobScript(queued=5, outcome="failed", fails_at_step=3),
}


class TestFake(ProviderConformance):
    def open_provider(self, folder: Path) -> FineTuneProvider:
        return FakeProvider()

    def job_words(self, provider: FineTuneProvider, kind: JobKind) -> Mapping[str, Any]:
        assert isinstance(provider, FakeProvider)
        provider.enqueue(SCRIPTS[kind])
        return {}

    def say_unknown_word(self, provider: FineTuneProvider, job_id: str) -> None:
        assert isinstance(provider, FakeProvider)
        provider.say(job_id, "alien")

    def writes(self, provider: FineTuneProvider) -> int:
        assert isinstance(provider, FakeProvider)
        made = ("upload_dataset", "create_job", "create_deployment")
        return sum(call.name in made for call in provider.calls)

    def refuse_create(self, provider: FineTuneProvider) -> None:
        assert isinstance(provider, FakeProvider)
        provider.fail_next("create_job", InvalidRequestError("no", provider="fake"))

    def stumble(self, provider: FineTuneProvider) -> None:
        assert isinstance(provider, FakeProvider)
        provider.fail_next("get_job", ConnectionFailedError("no", provider="fake"))


class TestFakeThatCosts(TestFake):
    def open_provider(self, folder: Path) -> FineTuneProvider:
        return FakeProvider(cost=3.0)


def test_a_law_is_not_overridden_without_a_reason() -> None:
    with pytest.raises(TypeError, match="reasoned xfail"):

        class Cheat(TestFake):  # pyright: ignore[reportUnusedClass]
            def test_closing_twice_is_allowed(self, tmp_path: Path) -> None:
                pass
