"""The laws, over the fake."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finetune_sdk.errors import ConnectionFailedError, InvalidRequestError
from finetune_sdk.providers.base import FineTuneProvider
from finetune_sdk.testing import FakeProvider, JobScript, ProviderConformance
from finetune_sdk.testing.conformance import JobKind
from finetune_sdk.types import Job, JobSpec

SCRIPTS: Mapping[JobKind, JobScript] = {
    "short": JobScript(queued=5, running=30, steps=10, checkpoint_every=5),
    "endless": JobScript(running=1e9),
    "failing": JobScript(queued=5, outcome="failed", fails_at_step=3),
}


class Losing(FakeProvider):
    """A fake whose next answer of a create may get lost."""

    loses = False

    def create_job(self, spec: JobSpec, /) -> Job:
        made = super().create_job(spec)
        if self.loses:
            self.loses = False
            raise ConnectionFailedError("it got lost", provider="fake", effect="unknown")
        return made


class TestFake(ProviderConformance):
    def open_provider(self, folder: Path) -> FineTuneProvider:
        return Losing()

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

    def lose_answer(self, provider: FineTuneProvider) -> None:
        assert isinstance(provider, Losing)
        provider.loses = True

    def refuse_create(self, provider: FineTuneProvider) -> None:
        assert isinstance(provider, FakeProvider)
        provider.fail_next("create_job", InvalidRequestError("no", provider="fake"))

    def stumble(self, provider: FineTuneProvider) -> None:
        assert isinstance(provider, FakeProvider)
        provider.fail_next("get_job", ConnectionFailedError("no", provider="fake"))


class TestFakeThatCosts(TestFake):
    def open_provider(self, folder: Path) -> FineTuneProvider:
        return Losing(cost=3.0)
