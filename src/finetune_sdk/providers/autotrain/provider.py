"""AutoTrain on HF Jobs: what the rest of the SDK sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from finetune_sdk.providers.autotrain import checkpoints, rescue
from finetune_sdk.providers.autotrain.capabilities import CAPABILITIES
from finetune_sdk.providers.autotrain.runners.jobs import JobsRunner
from finetune_sdk.providers.autotrain.settings import NAME, AutoTrainSettings
from finetune_sdk.providers.autotrain.verbs import AutoTrainVerbs
from finetune_sdk.providers.base import (
    CanListCheckpoints,
    CanRescue,
    Capabilities,
    ProviderSettings,
    read_profile,
)
from finetune_sdk.transport import SYSTEM_CLOCK, Clock
from finetune_sdk.types import Page

if TYPE_CHECKING:
    from finetune_sdk.types import Checkpoint, Job


class AutoTrainProvider(AutoTrainVerbs, CanListCheckpoints, CanRescue):
    """Fine-tunes on HF Jobs, by AutoTrain itself or by TRL.

    Args:
        token: a token of the Hub that may write, or a function that gives one; `HF_TOKEN`, or that
            of `hf auth login`, by default. Jobs get it as a secret, and it shows up nowhere.
        namespace: the user or the organization that pays; the token's own by default.
        endpoint: of another Hub; `HF_ENDPOINT`, or the Hugging Face Hub by default.
        engine: `autotrain`, `trl`, or `auto`, which is AutoTrain where it can, else TRL.
        hardware: of jobs that do not say it themselves.
        job_timeout: seconds after which a job is ended that does not say it itself.
        timeout: seconds for a call, its retries included. Uploads have more, by their size.
        home: the state folder; `FINETUNE_HOME` or the platform's data folder by default.
        clock: that waiting goes by.
        environ: the environment that is read; the process's by default.
        profile: what a profile of the config says: it holds where the code says nothing.

    Raises:
        ConfigurationError: a setting is wrong.
    """

    capabilities: ClassVar[Capabilities] = CAPABILITIES

    def __init__(
        self,
        *,
        token: str | Callable[[], str] | None = None,
        namespace: str | None = None,
        endpoint: str | None = None,
        engine: str | None = None,
        hardware: str | None = None,
        job_timeout: float | None = None,
        timeout: float | None = None,
        home: Path | str | None = None,
        clock: Clock = SYSTEM_CLOCK,
        environ: Mapping[str, str] | None = None,
        profile: AutoTrainSettings | None = None,
    ) -> None:
        super().__init__(
            token=token,
            profile=profile or AutoTrainSettings(),
            words={
                "namespace": namespace,
                "endpoint": endpoint,
                "engine": engine,
                "hardware": hardware,
                "job_timeout": job_timeout,
                "timeout": timeout,
            },
            home=home,
            clock=clock,
            environ=environ,
        )

    @classmethod
    def open(cls, settings: ProviderSettings, /) -> AutoTrainVerbs:
        """The provider of the profile's runner."""
        profile = read_profile(AutoTrainSettings, settings.values, provider=NAME)
        if profile.runner != "jobs":
            from finetune_sdk.providers.autotrain.on_spaces import AutoTrainSpaceProvider

            return AutoTrainSpaceProvider.open(settings)
        return cls(profile=profile, home=settings.home, environ=settings.environ)

    def _open_runner(self) -> JobsRunner:
        self._jobs = JobsRunner(self._hub, self._orders.rows)
        return self._jobs

    def list_checkpoints(
        self, job_id: str, /, *, limit: int, cursor: str | None
    ) -> Page[Checkpoint]:
        found = checkpoints.listed(self._hub, self.get_job(job_id), self._jobs.record(job_id).repo)
        start = int(cursor or 0)
        page = tuple(found[start : start + limit])
        return Page(page, str(start + limit) if start + limit < len(found) else None)

    def rescue_job(self, job_id: str, /) -> Job:
        job = self.get_job(job_id)
        if not rescue.needed(job):
            return job
        rescue.put(self._hub, self._jobs.record(job_id))
        return self.get_job(job_id)
