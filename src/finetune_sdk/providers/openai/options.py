"""What a job at OpenAI alone can say."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, JsonValue

from finetune_sdk.types._base import Value
from finetune_sdk.types.options import ProviderOptions


class WandbProject(Value):
    """A project of Weights & Biases. Its key is registered in OpenAI's dashboard beforehand.

    Attributes:
        name: of the run there; the job's id by default.
        entity: a team or a user.
        tags: at most 50, of at most 64 characters each.
    """

    project: str
    name: str | None = None
    entity: str | None = None
    tags: (
        Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(max_length=50)] | None
    ) = None


class WandbIntegration(Value):
    """Sends the job's numbers to Weights & Biases."""

    type: Literal["wandb"] = "wandb"
    wandb: WandbProject


class OpenAIOptions(ProviderOptions):
    """What OpenAI alone knows of a job.

    Attributes:
        integrations: where the numbers go, too; at most five.
        extra_body: fields of the request that are newer than this package; they win.
    """

    provider: ClassVar[str] = "openai"

    integrations: Annotated[tuple[WandbIntegration, ...], Field(max_length=5)] | None = None
    extra_body: dict[str, JsonValue] | None = None
