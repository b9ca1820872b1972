"""The OpenAI provider: what the rest of the SDK sees. Each verb is a request and its answer."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from finetune_sdk.datasets.tokens import auto_epochs, encoding_of
from finetune_sdk.home import state_folder
from finetune_sdk.prices import Price, Prices, training_cost
from finetune_sdk.prices.spent import by_tokens
from finetune_sdk.providers._openai_talk import Talk, stack
from finetune_sdk.providers._openai_talk.records import Records
from finetune_sdk.providers._openai_talk.unmarked import Unmarked
from finetune_sdk.providers._openai_talk.verbs import OpenAIVerbs
from finetune_sdk.providers._openai_wire import encode
from finetune_sdk.providers.base import (
    CanDeploy,
    CanEstimate,
    CanListModels,
    CanPreflight,
    CanVerifyWebhooks,
    Capabilities,
    ProviderSettings,
    Rows,
    read_profile,
)
from finetune_sdk.providers.openai import settings, webhooks
from finetune_sdk.providers.openai.capabilities import CAPABILITIES
from finetune_sdk.providers.openai.deployments import Deployments
from finetune_sdk.providers.openai.models import Models
from finetune_sdk.providers.openai.settings import NAME, OpenAISettings
from finetune_sdk.sunsets import Sunsets
from finetune_sdk.transport import SYSTEM_CLOCK, Clock
from finetune_sdk.types import (
    Connection,
    CostEstimate,
    Inspection,
    MethodName,
    NoEstimate,
    Page,
)

if TYPE_CHECKING:
    from finetune_sdk.types import (
        Deployment,
        DeploymentSpec,
        Job,
        JobSpec,
        Model,
        WebhookEvent,
    )


class OpenAIProvider(
    OpenAIVerbs, CanPreflight, CanListModels, CanDeploy, CanEstimate, CanVerifyWebhooks
):
    """Fine-tunes at OpenAI, or at a server that speaks its protocol.

    Args:
        api_key: a key, or a function that gives one and is asked for each request;
            `OPENAI_API_KEY` by default. It is sent to `base_url` alone, and shows up nowhere.
        base_url: of another server; `OPENAI_BASE_URL`, or OpenAI itself by default. In clear text
            (`http://`) to this machine only.
        organization: for accounts with several; `OPENAI_ORG_ID` by default.
        project: likewise; `OPENAI_PROJECT_ID` by default.
        headers: sent with each request.
        timeout: seconds for a call, its retries and the body of its answer included. Uploads have
            more, by their size.
        http_client: your own, of the HTTP library under the `openai` package (`httpx2`, or `httpx`
            below 3.0): for a proxy or a certificate. It is not closed here, and how much of an
            answer it reads is its own affair.
        webhook_secret: that webhooks are signed with; `OPENAI_WEBHOOK_SECRET` by default.
        home: the state folder; `FINETUNE_HOME` or the platform's data folder by default.
        prices: the user's own come first. The packaged ones are of OpenAI itself alone.
        sunsets: likewise, of the days on which models end.
        clock: that waiting goes by.
        environ: the environment that is read; the process's by default.
        profile: what a profile of the config says: it holds where the code says nothing.

    Raises:
        ConfigurationError: the address or the key is none.
    """

    name: ClassVar[str] = NAME
    capabilities: ClassVar[Capabilities] = CAPABILITIES
    well_known_hosts: ClassVar[frozenset[str]] = settings.HOSTS
    shares_files: ClassVar[bool] = True

    def __init__(
        self,
        *,
        api_key: str | Callable[[], str] | None = None,
        base_url: str | None = None,
        organization: str | None = None,
        project: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        http_client: object | None = None,
        webhook_secret: str | None = None,
        home: Path | str | None = None,
        prices: Prices | None = None,
        sunsets: Sunsets | None = None,
        clock: Clock = SYSTEM_CLOCK,
        environ: Mapping[str, str] | None = None,
        profile: OpenAISettings | None = None,
    ) -> None:
        environ = os.environ if environ is None else environ
        profile = profile or OpenAISettings()
        account = settings.account(profile, environ, base_url, organization, project)
        self._account, self._clock = account, clock
        secret = webhook_secret or environ.get(profile.webhook_secret_env)
        self._kept = settings.kept(headers, secret)
        self._credential = settings.credential(api_key, profile.api_key_env, environ, self._kept)
        self._talk = Talk(
            provider=NAME,
            place=account.url,
            clock=clock,
            credential=self._credential,
            open_client=self._open_client,
            http_client=http_client,
            seconds=settings.seconds(profile.timeout if timeout is None else timeout),
        )
        # Of another server the user knows more than we do; OpenAI's own numbers are not its.
        self._prices = replace(prices or Prices(), vendors=account.official)
        self._models = Models(
            talk=self._talk,
            clock=clock,
            sunsets=replace(sunsets or Sunsets(), vendors=account.official),
            official=account.official,
        )
        folder = account.folder(state_folder(home, environ))
        self._deployments = Deployments(Records(folder / "deployments"), account.url)
        self._unmarked = Unmarked(folder / "unmarked")

    @classmethod
    def open(cls, settings_: ProviderSettings, /) -> OpenAIProvider:
        return cls(
            profile=read_profile(OpenAISettings, settings_.values, provider=NAME),
            home=settings_.home,
            prices=settings_.prices,
            sunsets=settings_.sunsets,
            environ=settings_.environ,
        )

    @property
    def account(self) -> str:
        return self._account.name

    # Before a job

    def preflight_job(self, spec: JobSpec, /) -> Inspection:
        encode.check(spec)
        found = self._models.look(spec.model, known=self._credential.there)
        if self._credential.there:
            self._look_at_files(spec)
            return found
        words = "there is no key yet, so the model was not looked up; its days are from our table"
        return found.model_copy(update={"warnings": (*found.warnings, words)})

    def encoding(self, model: str, /) -> str | None:
        return encoding_of(model)

    def estimate_cost(self, spec: JobSpec, rows: Rows, /) -> CostEstimate | NoEstimate:
        if spec.method.name is MethodName.REINFORCEMENT:
            return NoEstimate(reason="it is billed by the hour, and nobody knows how many it takes")
        epochs = spec.method.epochs or auto_epochs(rows.count or 1)
        return training_cost(self._prices, NAME, spec.model, tokens=rows.tokens, epochs=epochs)

    def spent(self, job: Job, /) -> CostEstimate | NoEstimate:
        return by_tokens(self._prices, NAME, job)

    # What calls us

    def parse_webhook(self, payload: bytes, headers: Mapping[str, str], /) -> WebhookEvent:
        return webhooks.parse(self._talk.client(), self._kept.webhook, payload, headers)

    # Models

    def list_models(self, *, limit: int, cursor: str | None) -> Page[Model]:  # noqa: ARG002
        """All models on one page, as the service lists them."""
        return Page(tuple(self._models.list()))

    def get_model(self, model_id: str, /) -> Model:
        return self._models.get(model_id)

    def delete_model(self, model_id: str, /) -> None:
        self._models.delete(model_id)

    # Deployments

    def create_deployment(self, spec: DeploymentSpec, /) -> Deployment:
        if spec.job_id is None:
            # A job's model may take minutes until it is listed; any other has to be there.
            self._models.get(spec.model)
        return self._deployments.create(spec, now=self._clock.now())

    def get_deployment(self, name: str, /) -> Deployment:
        return self._deployments.get(name)

    def list_deployments(self, *, limit: int, cursor: str | None) -> Page[Deployment]:
        return self._deployments.list(limit=limit, cursor=cursor)

    def delete_deployment(self, name: str, /) -> None:
        self._deployments.delete(name)

    def cost_per_hour(self, spec: DeploymentSpec, /) -> float:  # noqa: ARG002
        """Nothing: what is billed here are the tokens of requests."""
        return 0.0

    def request_price(self, model: str, /, *, tuned: bool) -> Price | None:
        return self._prices.of(NAME, model, "tuned_input" if tuned else "input")

    def connect(self, name: str, /) -> Connection:
        record, key = self._deployments.get(name), self._credential.get(NAME)
        self._models.until_listed(record)
        headers = {**self._account.headers, **self._kept.headers}
        return Connection(self._account.url, key, record.model, headers=headers)

    # How it is done

    def _open_client(self, http_client: Any, key: Callable[[], str]) -> Any:
        account = self._account
        return stack.open_client(
            http_client,
            key,
            url=account.url,
            headers=self._kept.headers,
            organization=account.organization,
            project=account.project,
        )
