"""The client: opens one provider, hangs the resources on it, closes it."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from finetune_sdk.providers.base import FineTuneProvider
from finetune_sdk.resources.datasets import Datasets
from finetune_sdk.resources.deployments import Deployments
from finetune_sdk.resources.evaluations import Evaluations
from finetune_sdk.resources.jobs import Jobs
from finetune_sdk.resources.models import Models
from finetune_sdk.resources.opening import open_context


class FineTuneClient:
    """Fine-tunes at one provider. Safe to share between threads; opens anew after a fork.

    Attributes:
        datasets: rows to learn from.
        jobs: fine-tuning jobs.
        deployments: models that answer.
        models: what can be tuned, and what was.
        evaluations: whether it was worth it.
    """

    def __init__(
        self,
        profile_or_provider: str | FineTuneProvider | None = None,
        *,
        config: str | Path | None = None,
        home: str | Path | None = None,
    ) -> None:
        """Opens a provider.

        Args:
            profile_or_provider: a profile of `finetune.toml`, a provider's name, or a provider
                made in code. None is `$FINETUNE_PROFILE`, then the file's default profile.
            config: the file to read instead of the one that would be found.
            home: the folder for state instead of `$FINETUNE_HOME` or the platform's.

        Raises:
            ConfigurationError: there is no such profile, or something in the file is wrong.
        """
        self._context = open_context(profile_or_provider, config=config, home=home)
        self.datasets = Datasets(self._context)
        self.jobs = Jobs(self._context)
        self.deployments = Deployments(self._context)
        self.models = Models(self._context)
        self.evaluations = Evaluations(self._context)

    @property
    def provider(self) -> FineTuneProvider:
        """The provider itself: the way out to what we do not cover."""
        return self._context.provider

    @property
    def profile(self) -> str:
        """The name in front of this client's handles: the profile's, or the provider's."""
        return self._context.owner

    def close(self) -> None:
        """Lets go of connections. Jobs and deployments go on. Twice is allowed."""
        self._context.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.profile!r}>"
