"""AutoTrain on Spaces: what the rest of the SDK sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from finetune_sdk.providers.autotrain import settings
from finetune_sdk.providers.autotrain.capabilities import ON_SPACES
from finetune_sdk.providers.autotrain.runners.server import ServerRunner
from finetune_sdk.providers.autotrain.runners.space import SpaceRunner
from finetune_sdk.providers.autotrain.settings import NAME, AutoTrainSettings
from finetune_sdk.providers.autotrain.verbs import AutoTrainVerbs
from finetune_sdk.providers.base import CanPrepare, Capabilities, ProviderSettings, read_profile
from finetune_sdk.transport import SYSTEM_CLOCK, Clock

if TYPE_CHECKING:
    from finetune_sdk.types import JobSpec


class AutoTrainSpaceProvider(AutoTrainVerbs, CanPrepare):
    """Fine-tunes by AutoTrain on a Space for each job, started from here or by an AutoTrain app.

    Args:
        runner: `space`, or `server`, which asks the app at `server_url`.
        server_url: of an AutoTrain app; it gets the token.
        http_client: your own, of the HTTP library under `huggingface_hub`, for the app: for a
            proxy or a certificate. It is not closed here.

    The other arguments are those of `AutoTrainProvider`; the engine is AutoTrain's own.

    Raises:
        ConfigurationError: a setting is wrong, or the app's address is missing.
    """

    capabilities: ClassVar[Capabilities] = ON_SPACES

    def __init__(
        self,
        *,
        runner: str | None = None,
        server_url: str | None = None,
        token: str | Callable[[], str] | None = None,
        namespace: str | None = None,
        endpoint: str | None = None,
        hardware: str | None = None,
        job_timeout: float | None = None,
        timeout: float | None = None,
        http_client: object | None = None,
        home: Path | str | None = None,
        clock: Clock = SYSTEM_CLOCK,
        environ: Mapping[str, str] | None = None,
        profile: AutoTrainSettings | None = None,
    ) -> None:
        self._http_client = http_client
        super().__init__(
            token=token,
            profile=profile or AutoTrainSettings(runner="space"),
            words={
                "runner": runner,
                "server_url": server_url,
                "namespace": namespace,
                "endpoint": endpoint,
                "hardware": hardware,
                "job_timeout": job_timeout,
                "timeout": timeout,
            },
            home=home,
            clock=clock,
            environ=environ,
        )

    @classmethod
    def open(cls, settings_: ProviderSettings, /) -> AutoTrainSpaceProvider:
        profile = read_profile(AutoTrainSettings, settings_.values, provider=NAME)
        return cls(profile=profile, home=settings_.home, environ=settings_.environ)

    def prepare_job(self, spec: JobSpec, /) -> None:
        """Makes the Space, with all that it needs but the hardware that is paid for."""
        self._spaces.prepare(self._ordered(spec))

    def _open_runner(self) -> SpaceRunner:
        self._spaces = self._runner_of(self._profile)
        return self._spaces

    def _runner_of(self, profile: AutoTrainSettings) -> SpaceRunner:
        if profile.runner != "server":
            return SpaceRunner(self._hub)
        return ServerRunner(
            self._hub,
            url=settings.server(profile),
            folder=self._folder / "projects",
            seconds=profile.timeout,
            http_client=self._http_client,
        )
