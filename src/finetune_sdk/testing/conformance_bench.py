"""What the laws stand on: how a subclass opens its provider, and short words for jobs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from finetune_sdk.client import FineTuneClient
from finetune_sdk.providers.base import FineTuneProvider
from finetune_sdk.types import Job

JobKind = Literal["short", "endless", "failing"]

ROWS: Sequence[Mapping[str, object]] = tuple(
    {
        "messages": [
            {"role": "user", "content": f"Say {number}."},
            {"role": "assistant", "content": str(number)},
        ]
    }
    for number in range(12)
)


class ConformanceBench(ABC):
    """The part of `ProviderConformance` that is no law; documented there."""

    model: ClassVar[str] = "base-model"
    secrets: ClassVar[tuple[str, ...]] = ()
    wait_timeout: ClassVar[float] = 60.0

    @abstractmethod
    def open_provider(self, folder: Path) -> FineTuneProvider:
        """A new provider against a new stand-in; `folder` is empty and its own."""

    @abstractmethod
    def job_words(self, provider: FineTuneProvider, kind: JobKind) -> Mapping[str, Any]:
        """Further words for `jobs.create` that make a job short, endless or failing."""

    def say_unknown_word(
        self,
        provider: FineTuneProvider,  # noqa: ARG002 - for those who override it
        job_id: str,  # noqa: ARG002
    ) -> None:
        """Makes the service say a status that nobody knows."""
        pytest.skip("this stand-in cannot say an unknown word")

    def let_it_train(self, provider: FineTuneProvider, job_id: str) -> None:  # noqa: B027
        """Lets time pass until a job can be paused, where a service needs a first step for that."""

    # Help

    @contextmanager
    def _client(self, folder: Path) -> Generator[FineTuneClient]:
        with FineTuneClient(self.open_provider(folder)) as client:
            yield client

    def _create(self, client: FineTuneClient, kind: JobKind) -> Job:
        return self._create_with(client, self.job_words(client.provider, kind))

    def _create_with(self, client: FineTuneClient, words: Mapping[str, Any], **more: Any) -> Job:
        return client.jobs.create(model=self.model, training_data=ROWS, **{**words, **more})

    def _wait(self, client: FineTuneClient, job: Job) -> Job:
        return client.jobs.wait(job, timeout=self.wait_timeout, progress=False)

    def _need(self, client: FineTuneClient, mixin: type[object]) -> None:
        if not isinstance(client.provider, mixin):
            pytest.skip(f"the provider lacks {mixin.__name__}")
