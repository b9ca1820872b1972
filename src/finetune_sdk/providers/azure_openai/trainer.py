"""Training at Azure OpenAI: what the rest of the SDK sees of its data plane."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from finetune_sdk.datasets.tokens import encoding_of
from finetune_sdk.errors import InvalidRequestError
from finetune_sdk.home import state_folder
from finetune_sdk.prices import Prices, training_cost
from finetune_sdk.prices.spent import by_tokens
from finetune_sdk.providers._openai_talk import Talk, finding, stack
from finetune_sdk.providers._openai_talk.unmarked import Unmarked
from finetune_sdk.providers._openai_talk.verbs import OpenAIVerbs
from finetune_sdk.providers._openai_wire.jobs import job_of
from finetune_sdk.providers.azure_openai import copying, limits, readback, settings
from finetune_sdk.providers.azure_openai.capabilities import TRAINING
from finetune_sdk.providers.azure_openai.clouds import CLOUDS, HOSTS
from finetune_sdk.providers.azure_openai.identity import Asking, Identity
from finetune_sdk.providers.azure_openai.models import Models
from finetune_sdk.providers.azure_openai.settings import KEY_ENV, NAME, AzureSettings
from finetune_sdk.providers.base import (
    CanEstimate,
    CanListModels,
    CanPreflight,
    Capabilities,
    ProviderSettings,
    Rows,
    read_profile,
)
from finetune_sdk.sunsets import Sunsets
from finetune_sdk.transport import SYSTEM_CLOCK, Clock
from finetune_sdk.transport.addresses import check_headers
from finetune_sdk.transport.credentials import Credential
from finetune_sdk.types import CostEstimate, Inspection, Job, MethodName, NoEstimate, Page

if TYPE_CHECKING:
    from datetime import datetime

    from finetune_sdk.providers._openai_wire.values import Table
    from finetune_sdk.types import Checkpoint, JobSpec, Model


@dataclass(frozen=True)
class _Kept:
    """What may hold a secret, and so shows up nowhere."""

    headers: Mapping[str, str]

    def __repr__(self) -> str:
        return "<headers>"


class AzureOpenAITrainer(OpenAIVerbs, CanPreflight, CanListModels, CanEstimate):
    """Fine-tunes at Azure OpenAI; `AzureOpenAIProvider` deploys what comes out, too.

    Args:
        endpoint: of the resource, such as `https://my-resource.openai.azure.com`, or of a project
            of it; `AZURE_OPENAI_ENDPOINT` by default.
        api_key: the resource's key, or a function that gives one; `AZURE_OPENAI_API_KEY` by
            default. It is sent to the endpoint alone, and shows up nowhere.
        credential: who asks where there is no key: a name, as in the profile, or an object of
            azure-identity with `get_token`, which is asked for tokens of both planes.
        training_type: where a job trains that does not say it itself.
        headers: sent with each request of the data plane.
        timeout: seconds for a call, its retries and the body of its answer included. Uploads have
            more, by their size.
        http_client: your own, of the HTTP library under the `openai` package, for the data plane.
        home: the state folder; `FINETUNE_HOME` or the platform's data folder by default.
        prices: the user's own come first.
        sunsets: likewise, of the days on which models end.
        clock: that waiting goes by.
        environ: the environment that is read; the process's by default. `DefaultAzureCredential`
            reads that of the process.
        profile: what a profile of the config says: it holds where the code says nothing.

    Raises:
        ConfigurationError: the endpoint, the key or the credential is none.
    """

    name: ClassVar[str] = NAME
    capabilities: ClassVar[Capabilities] = TRAINING
    well_known_hosts: ClassVar[frozenset[str]] = HOSTS

    def __init__(
        self,
        *,
        endpoint: str | None = None,
        api_key: str | Callable[[], str] | None = None,
        credential: object | None = None,
        training_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        http_client: object | None = None,
        home: Path | str | None = None,
        prices: Prices | None = None,
        sunsets: Sunsets | None = None,
        clock: Clock = SYSTEM_CLOCK,
        environ: Mapping[str, str] | None = None,
        profile: AzureSettings | None = None,
    ) -> None:
        environ = os.environ if environ is None else environ
        said = {"training_type": training_type, "timeout": timeout}
        if isinstance(credential, str):
            said["credential"] = settings.kind_of_credential(credential)
        self._profile = with_words(profile or AzureSettings(), said)
        self._url = settings.base_url(endpoint or self._profile.endpoint, environ)
        check_headers(headers or {})
        self._kept, self._clock = _Kept(dict(headers or {})), clock
        self._cloud = CLOUDS[self._profile.cloud]
        self._identity = self._identity_of(credential, environ)
        self._credential = self._key(api_key, environ)
        self._home = state_folder(home, environ)
        self._unmarked = Unmarked(settings.account_folder(self._home, self._url) / "unmarked")
        self._whole = None if self._profile.uploads else limits.WHOLE_FILE
        self._prices = prices or Prices()
        self._talk = Talk(
            provider=NAME,
            place=self._url,
            clock=clock,
            credential=self._credential,
            open_client=self._open_client,
            http_client=http_client,
            seconds=self._profile.timeout,
            word="endpoint",
        )
        self._models = Models(talk=self._talk, sunsets=sunsets or Sunsets())

    @classmethod
    def open(cls, settings_: ProviderSettings, /) -> AzureOpenAITrainer:
        return cls(
            profile=read_profile(AzureSettings, settings_.values, provider=NAME),
            home=settings_.home,
            prices=settings_.prices,
            sunsets=settings_.sunsets,
            environ=settings_.environ,
        )

    @property
    def account(self) -> str:
        return self._url

    # Before a job

    def preflight_job(self, spec: JobSpec, /) -> Inspection:
        limits.check(spec)
        words = list(
            limits.warnings(spec, self._profile.training_type, self._profile.hosting_per_hour)
        )
        if not self._credential.there:
            words.append("there is no key and no `credential` yet, so Azure was not asked")
            return Inspection(warnings=tuple(words))
        last_day, told = self._models.ends(spec.model, self._clock.now())
        self._look_at_files(spec)
        return Inspection(shutdown_date=last_day, warnings=(*told, *words))

    def encoding(self, model: str, /) -> str | None:
        return encoding_of(model)

    def estimate_cost(self, spec: JobSpec, rows: Rows, /) -> CostEstimate | NoEstimate:
        if spec.method.name is MethodName.REINFORCEMENT:
            return NoEstimate(reason="it is billed by the hour, and nobody knows how many it takes")
        if spec.method.epochs is None:
            return NoEstimate(reason="Azure chooses the passes where `epochs` is not said")
        return training_cost(
            self._prices, NAME, spec.model, tokens=rows.tokens, epochs=spec.method.epochs
        )

    def spent(self, job: Job, /) -> CostEstimate | NoEstimate:
        return by_tokens(self._prices, NAME, job)

    # Jobs

    def create_job(self, spec: JobSpec, /) -> Job:
        try:
            job = super().create_job(spec)
        except InvalidRequestError as error:
            kind = limits.chosen(spec, self._profile.training_type)
            raise readback.understood(error, spec, kind) from None
        return self._read_back(job, spec)

    def find_jobs(
        self, key: str, /, *, spec: JobSpec | None = None, since: datetime | None = None
    ) -> list[Job]:
        # Nobody has seen yet whether Azure gives metadata back, so all jobs count as unmarked.
        found = finding.find(self._talk, key, spec, since, unmarked=True)
        found = found or finding.find_by_files(self._talk, key, spec)
        return [self._read_back(job, spec) for job in found] if spec else found

    def copy_checkpoint(
        self, checkpoint: Checkpoint, /, *, destination: str, region: str
    ) -> copying.CheckpointCopy:
        """Copies a checkpoint to another resource of the same tenant; a preview of Azure's.

        The resource that it is in needs a managed identity with a role at the other one, which has
        to have made a fine-tuning job before. What is copied is in no list there: deploy it by the
        copy's `model`.

        Args:
            checkpoint: of a job of this resource.
            destination: the id in Azure of the other resource.
            region: of the other resource.

        Raises:
            ConfigurationError: the destination is no resource.
            ProviderError: it was refused.
        """
        return copying.start(self._talk, checkpoint, destination, region)

    def get_checkpoint_copy(self, checkpoint: Checkpoint, /) -> copying.CheckpointCopy:
        """A copy as it stands.

        Raises:
            NotFoundError: there is none.
        """
        return copying.look(self._talk, checkpoint)

    # Models

    def list_models(self, *, limit: int, cursor: str | None) -> Page[Model]:  # noqa: ARG002
        """All models on one page, as the service lists them."""
        return Page(tuple(self._models.all()))

    def get_model(self, model_id: str, /) -> Model:
        return self._models.get(model_id)

    def delete_model(self, model_id: str, /) -> None:
        self._models.delete(model_id)

    def close(self) -> None:
        super().close()
        if self._identity is not None:
            self._identity.close()

    # How it is done

    def _body(self, spec: JobSpec, *, marked: bool) -> dict[str, object]:
        return limits.body(spec, self._profile.training_type, marked=marked)

    def _read_back(self, job: Job, spec: JobSpec) -> Job:
        words = readback.passed_over(job, spec)
        return job.model_copy(update={"warnings": (*job.warnings, *words)})

    def _read_job(self, found: Table) -> Job | None:
        job = job_of(found, provider=NAME)
        return job and readback.explained(job)

    @property
    def _hourly(self) -> float:
        said = self._profile.hosting_per_hour
        return limits.HOSTING_PER_HOUR if said is None else said

    def _identity_of(self, given: object | None, environ: Mapping[str, str]) -> Identity | None:
        if given is not None and not isinstance(given, str):
            return Identity(given)
        name = self._profile.credential
        if name is None:
            return None
        return Identity(
            Asking(
                name=name,
                client_id=self._profile.client_id,
                authority=settings.authority(self._profile, environ),
                environ=environ,
            )
        )

    def _key(self, given: str | Callable[[], str] | None, environ: Mapping[str, str]) -> Credential:
        """What the data plane is asked with: a key that is said, the identity, a key that is there.

        An identity that is said wins over a key that just stands in the environment.
        """
        variable = self._profile.api_key_env
        key = given or ((environ.get(variable) or "").strip() if variable else None) or None
        identity, scope = self._identity, self._profile.scope or self._cloud.scope
        beside = self._kept.headers.values()
        if key is None and variable is None and identity is not None:
            return Credential(
                lambda: identity.token(scope),
                source=f"the credential {identity.name!r}",
                missing="",
                beside=beside,
                renew=identity.renew,
            )
        return Credential(
            key or (environ.get(variable or KEY_ENV) or "").strip() or None,
            source="`api_key`" if given else f"the environment variable {variable or KEY_ENV}",
            missing=_MISSING if variable is None else _NAMED.format(variable),
            beside=beside,
        )

    def _open_client(self, http_client: Any, key: Callable[[], str]) -> Any:
        return stack.open_client(http_client, key, url=self._url, headers=self._kept.headers)


_MISSING = (
    f"there is no key and no `credential`; set the environment variable {KEY_ENV} to the "
    'resource\'s key, or write `credential = "default"` in the profile to go by `az login` or by a '
    "managed identity"
)
_NAMED = (
    "the environment variable {}, which `api_key_env` names, is not set; set it to the resource's "
    "key, or leave `api_key_env` out to go by a `credential`"
)


def with_words(profile: AzureSettings, said: Mapping[str, object]) -> AzureSettings:
    given = {name: value for name, value in said.items() if value is not None}
    return read_profile(AzureSettings, {**profile.model_dump(), **given}, provider=NAME)
