"""What the laws stand on: how a subclass opens its provider, and short words for jobs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal, NoReturn

import pytest

from finetune_sdk.client import FineTuneClient
from finetune_sdk.datasets import load
from finetune_sdk.providers.base import (
    CanManageDatasets,
    CanPrepare,
    FineTuneProvider,
    ProviderSettings,
)
from finetune_sdk.testing.conformance import guard
from finetune_sdk.testing.conformance.card import Card
from finetune_sdk.testing.conformance.law import Law, not_asked, not_shown
from finetune_sdk.types import NOT_SENT, Job, JobSpec, MethodName, ProviderOptions, Supervised

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
WORDS: Mapping[str, Any] = {
    "seed": 7,
    "suffix": "tried",
    "metadata": {"team": "a"},
    "validation_data": ROWS[:2],
}
"""The words of `jobs.create` that a provider need not take."""

NOBODY = "ftjob-nobody-knows"
"""An id, or a name, of nothing that is there."""


class ConformanceBench(ABC):
    """The part of `ProviderConformance` that is no law; documented there."""

    model: ClassVar[str] = "base-model"
    secrets: ClassVar[tuple[str, ...]] = ()
    wait_timeout: ClassVar[float] = 60.0

    running: Law | None = None
    held: Law | None = None
    passed_by: BaseException | None = None
    card: Card | None = None

    # What a subclass says

    @abstractmethod
    def open_provider(self, folder: Path) -> FineTuneProvider:
        """A new provider against a new stand-in; `folder` is empty and its own."""

    @abstractmethod
    def job_words(self, provider: FineTuneProvider, kind: JobKind) -> Mapping[str, Any]:
        """Further words for `jobs.create` that make a job short, endless or failing."""

    # What it may say, where its stand-in can

    def cannot(self, what: str) -> NoReturn:
        """Says that the stand-in cannot do this, so that the law is told as not shown."""
        not_shown(f"this stand-in cannot {what}")

    def say_unknown_word(
        self,
        provider: FineTuneProvider,  # noqa: ARG002 - for those who override it
        job_id: str,  # noqa: ARG002
    ) -> None:
        """Makes the service say a status that nobody knows."""
        self.cannot("say an unknown word")

    def let_it_train(self, provider: FineTuneProvider, job_id: str) -> None:  # noqa: B027
        """Lets time pass until a job can be paused, where a service needs a first step for that."""

    def writes(self, provider: FineTuneProvider) -> int | None:  # noqa: ARG002
        """How many requests that make or change something have reached the service; None: unknown.

        With it the laws of refusals see that nothing was sent, and not only that nothing is there.
        """
        return None

    def lose_answer(self, provider: FineTuneProvider) -> None:  # noqa: ARG002
        """Lets the next create reach the service and do its work, and its answer get lost."""
        self.cannot("lose an answer")

    def refuse_create(self, provider: FineTuneProvider) -> None:  # noqa: ARG002
        """Lets the service refuse the next create for good, such as by a status of 400."""
        self.cannot("refuse a create")

    def stumble(self, provider: FineTuneProvider) -> None:  # noqa: ARG002
        """Lets the next look at a job fail in a way that passes, such as by a status of 503."""
        self.cannot("fail for a moment")

    def method_words(
        self,
        provider: FineTuneProvider,  # noqa: ARG002
        method: MethodName,  # noqa: ARG002
    ) -> Mapping[str, Any] | None:
        """Further words for a job of this method, such as its `model`; None: the stand-in cannot.

        A method and rows for it are there already; what is said here comes before them.
        """
        return {}

    def settings(self, folder: Path) -> ProviderSettings:  # noqa: ARG002
        """What opens the provider of `open_provider(folder)` anew: a profile's words, environment.

        It finds the same jobs. Its `home` is that of the state.
        """
        self.cannot("be opened by a profile")

    def deploy_words(self, provider: FineTuneProvider) -> Mapping[str, Any]:  # noqa: ARG002
        """Further words for `deployments.create`."""
        return {}

    def say_unknown_deployment_word(
        self,
        provider: FineTuneProvider,  # noqa: ARG002
        name: str,  # noqa: ARG002
    ) -> None:
        """Makes the service say a state of a deployment that nobody knows."""
        self.cannot("say an unknown word of a deployment")

    def sign_webhook(
        self,
        provider: FineTuneProvider,  # noqa: ARG002
        job_id: str,  # noqa: ARG002
    ) -> tuple[bytes, Mapping[str, str]]:
        """A body and headers by which the service says now that the job has succeeded."""
        self.cannot("sign a webhook")

    def open_loader(self, folder: Path) -> FineTuneProvider:
        """A new provider that can load `loadable_model`, for `tokenize_rows`."""
        return self.open_provider(folder)

    def loadable_model(self, folder: Path) -> str:  # noqa: ARG002
        """A base model that the provider of `open_loader` can look into."""
        return self.model

    def leave_behind(self, provider: FineTuneProvider) -> None:  # noqa: B027
        """Makes something that `list_leftovers` tells."""

    def strand(self, provider: FineTuneProvider) -> Mapping[str, Any]:  # noqa: ARG002
        """Words for a job that trains, and whose model does not get to its place by itself."""
        self.cannot("strand a model")

    # Help

    @pytest.fixture(autouse=True)
    def _finetune_guard(self, request: pytest.FixtureRequest) -> None:
        guard.register(request.config)

    def _provider(self, folder: Path) -> FineTuneProvider:
        """The provider, where it has what the law asks for."""
        return self._able(self.open_provider(folder))

    def _able(self, provider: FineTuneProvider) -> FineTuneProvider:
        self.card = Card.of(provider)
        for mixin in self.running.needs if self.running else ():
            if not isinstance(provider, mixin):
                provider.close()
                not_asked(f"the provider lacks {mixin.__name__}")
        return provider

    @contextmanager
    def _client(self, folder: Path) -> Generator[FineTuneClient]:
        # A journal of its own: that of another run knows the same keys.
        with FineTuneClient(self._provider(folder), home=folder / "journal") as client:
            yield client

    @contextmanager
    def _loader(self, folder: Path) -> Generator[FineTuneClient]:
        provider = self._able(self.open_loader(folder))
        with FineTuneClient(provider, home=folder / "journal") as client:
            yield client

    def _create(self, client: FineTuneClient, kind: JobKind) -> Job:
        return self._create_with(client, self.job_words(client.provider, kind))

    def _create_with(self, client: FineTuneClient, words: Mapping[str, Any], **more: Any) -> Job:
        told: Mapping[str, Any] = {
            "model": self.model,
            "training_data": ROWS,
            **words,
            **more,
        }
        return client.jobs.create(**told)

    def _wait(self, client: FineTuneClient, job: Job) -> Job:
        return client.jobs.wait(job, timeout=self.wait_timeout, progress=False)

    def _succeeded(self, client: FineTuneClient) -> Job:
        return self._wait(client, self._create(client, "short"))

    def _unsent(self, provider: FineTuneProvider, words: Mapping[str, Any]) -> JobSpec:
        """What the provider itself is told of a job whose file is not uploaded yet."""
        return JobSpec(
            key="not-made",
            call="call-of-not-made",
            model=words.get("model", self.model),
            method=words.get("method", Supervised()),
            training_file=NOT_SENT,
            metadata=dict(words.get("metadata", {})),
            options=own_options(provider.capabilities.options, words),
        )

    def _spec(self, provider: FineTuneProvider, words: Mapping[str, Any], key: str) -> JobSpec:
        """What the provider itself is told of a job, its file uploaded and ready."""
        file = provider.upload_dataset(load(ROWS), key=key)
        told = {"key": key, "call": f"call-of-{key}", "training_file": file}
        spec = self._unsent(provider, words).model_copy(update=told)
        if isinstance(provider, CanPrepare):
            provider.prepare_job(spec)
        return spec

    @contextmanager
    def _nothing_is_made(self, client: FineTuneClient) -> Generator[None]:
        before = self._there(client)
        yield
        assert self._there(client) == before

    def _there(self, client: FineTuneClient) -> tuple[object, ...]:
        kept = isinstance(client.provider, CanManageDatasets)
        files = [file.id for file in client.datasets.list()] if kept else []
        jobs = [job.id for job in client.jobs.list()]
        return jobs, files, self.writes(client.provider)


def own_options(kind: type[ProviderOptions] | None, words: Mapping[str, Any]) -> dict[str, Any]:
    """Those among the words of a verb that are for this provider, as the provider gets them."""
    own = [one for one in words.get("options", ()) if kind is not None and isinstance(one, kind)]
    return own[0].model_dump(mode="json", exclude_unset=True) if own else {}
