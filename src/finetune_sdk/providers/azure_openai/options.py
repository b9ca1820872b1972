"""What a job or a deployment at Azure alone can say."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, JsonValue

from finetune_sdk.providers._openai_wire.wandb import Integrations
from finetune_sdk.types.options import ProviderOptions

TrainingType = Literal["Standard", "GlobalStandard", "developerTier"]
Sku = Literal[
    "Standard",
    "GlobalStandard",
    "DataZoneStandard",
    "DeveloperTier",
    "ProvisionedManaged",
    "GlobalProvisionedManaged",
]


class AzureOpenAIOptions(ProviderOptions):
    """What Azure alone knows of a job.

    Attributes:
        training_type: `Standard` trains in the resource's region. `GlobalStandard` is cheaper and
            sooner; rows and weights leave the region. `developerTier` is the cheapest, leaves the
            region too, and may be interrupted. That of the profile by default.
        integrations: where the numbers go, too; at most five.
        extra_body: fields of the request that are newer than this package; they win.
    """

    provider: ClassVar[str] = "azure_openai"

    training_type: TrainingType | None = None
    integrations: Integrations | None = None
    extra_body: dict[str, JsonValue] | None = None


class AzureDeploymentOptions(ProviderOptions):
    """What Azure alone knows of a deployment.

    Attributes:
        sku: how it is served and billed. `Standard` and `GlobalStandard` by the hour and the
            token; `DeveloperTier` by the token alone, and deleted by Azure after 24 hours.
        capacity: in units of the quota: of the standard kinds, thousands of tokens a minute.
        format: whose model it is, as Azure names it.
        version: of the model; that in a base model's name, or `1` of a fine-tuned one, by default.
        source: the id in Azure of another resource that the model was trained in, in the same
            tenant.
        content_filter: the name of a content filter (`raiPolicyName`).
    """

    provider: ClassVar[str] = "azure_openai"

    sku: Sku = "GlobalStandard"
    capacity: Annotated[int, Field(ge=1)] = 50
    format: str = "OpenAI"
    version: str | None = None
    source: Annotated[str, Field(pattern=r"^/subscriptions/.+/accounts/[^/]+$")] | None = None
    content_filter: str | None = None
