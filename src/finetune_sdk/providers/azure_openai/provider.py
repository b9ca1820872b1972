"""Azure OpenAI with deployments: what needs a subscription and a credential."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from finetune_sdk.errors import AuthenticationError
from finetune_sdk.prices import Price, Prices
from finetune_sdk.providers._openai_talk.records import Records
from finetune_sdk.providers.azure_openai import settings
from finetune_sdk.providers.azure_openai.capabilities import CAPABILITIES
from finetune_sdk.providers.azure_openai.clients import Clients
from finetune_sdk.providers.azure_openai.hosting import Hosting
from finetune_sdk.providers.azure_openai.identity import Identity
from finetune_sdk.providers.azure_openai.manager import Manager
from finetune_sdk.providers.azure_openai.settings import NAME, AzureSettings
from finetune_sdk.providers.azure_openai.trainer import AzureOpenAITrainer, with_words
from finetune_sdk.providers.base import CanDeploy, Capabilities, ProviderSettings, read_profile
from finetune_sdk.sunsets import Sunsets
from finetune_sdk.transport import SYSTEM_CLOCK, Clock
from finetune_sdk.transport.addresses import address
from finetune_sdk.types import Connection, Page

if TYPE_CHECKING:
    from finetune_sdk.types import Deployment, DeploymentSpec


class AzureOpenAIProvider(AzureOpenAITrainer, CanDeploy):
    """Fine-tunes at Azure OpenAI, and deploys what comes out through Azure Resource Manager.

    Args:
        subscription_id: of the resource.
        resource_group: likewise.
        account: the resource's own name.
        management_transport: your own, of azure-core, for Resource Manager.

    The other arguments are those of `AzureOpenAITrainer`, which trains without these. Resource
    Manager takes no key: deploying needs a `credential`.

    Raises:
        ConfigurationError: one of the three is missing.
    """

    capabilities: ClassVar[Capabilities] = CAPABILITIES

    def __init__(
        self,
        *,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        account: str | None = None,
        endpoint: str | None = None,
        api_key: str | Callable[[], str] | None = None,
        credential: object | None = None,
        training_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        http_client: object | None = None,
        management_transport: object | None = None,
        home: Path | str | None = None,
        prices: Prices | None = None,
        sunsets: Sunsets | None = None,
        clock: Clock = SYSTEM_CLOCK,
        environ: Mapping[str, str] | None = None,
        profile: AzureSettings | None = None,
    ) -> None:
        said = {
            "subscription_id": subscription_id,
            "resource_group": resource_group,
            "account": account,
        }
        super().__init__(
            endpoint=endpoint,
            api_key=api_key,
            credential=credential,
            training_type=training_type,
            headers=headers,
            timeout=timeout,
            http_client=http_client,
            home=home,
            prices=prices,
            sunsets=sunsets,
            clock=clock,
            environ=environ,
            profile=with_words(profile or AzureSettings(), said),
        )
        self._site = settings.site(self._profile)
        self._transport = management_transport
        self._hosting = self._hosting_of(self._identity) if self._identity else None

    @classmethod
    def open(cls, settings_: ProviderSettings, /) -> AzureOpenAITrainer:
        """One that deploys where the profile says where to; else one that trains."""
        profile = read_profile(AzureSettings, settings_.values, provider=NAME)
        return super().open(settings_) if profile.deploys else AzureOpenAITrainer.open(settings_)

    def create_deployment(self, spec: DeploymentSpec, /) -> Deployment:
        return self._deploying().create(spec)

    def get_deployment(self, name: str, /) -> Deployment:
        return self._deploying().get(name)

    def list_deployments(self, *, limit: int, cursor: str | None) -> Page[Deployment]:  # noqa: ARG002
        """All of the resource on one page, whoever made them."""
        return Page(self._deploying().list())

    def delete_deployment(self, name: str, /) -> None:
        self._deploying().delete(name)

    def cost_per_hour(self, spec: DeploymentSpec, /) -> float | None:
        return self._deploying().cost(spec)

    def request_price(self, model: str, /, *, tuned: bool) -> Price | None:
        return self._prices.of(NAME, model, "tuned_input" if tuned else "input")

    def connect(self, name: str, /) -> Connection:
        key = self._credential
        return Connection(
            self._url,
            key.get(NAME),
            name,
            headers=self._kept.headers,
            renew=lambda: key.get(NAME),
            refused=key.renew,
        )

    def close(self) -> None:
        super().close()
        if self._hosting is not None:
            self._hosting.manager.close()

    def _deploying(self) -> Hosting:
        if self._hosting is None:
            raise AuthenticationError(
                f"{NAME}: deployments go through Azure Resource Manager, which takes no API key; "
                'write `credential = "default"` in the profile to go by `az login` or by a managed '
                "identity, or hand `credential=` to the provider",
                provider=NAME,
            )
        return self._hosting

    def _hosting_of(self, identity: Identity) -> Hosting:
        place = address(
            self._profile.management_url or self._cloud.management,
            word="management_url",
            example="https://management.azure.com",
        )
        # Of the resource, by whatever endpoint it is reached.
        folder = settings.account_folder(self._home, self._site.id)
        clients = Clients(
            identity=identity,
            subscription=self._site.subscription,
            place=place,
            scope=self._profile.management_scope or self._cloud.management_scope,
            transport=self._transport,
        )
        manager = Manager(
            site=self._site,
            identity=identity,
            clients=clients,
            place=place,
            clock=self._clock,
            seconds=self._profile.timeout,
            folder=folder,
        )
        return Hosting(
            manager=manager,
            records=Records(folder / "deployments"),
            talk=self._talk,
            clock=self._clock,
            url=self._url,
            hourly=self._hourly,
        )
