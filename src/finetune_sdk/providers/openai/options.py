"""What a job at OpenAI alone can say."""

from __future__ import annotations

from typing import ClassVar

from pydantic import JsonValue

from finetune_sdk.providers._openai_wire.wandb import Integrations, WandbIntegration, WandbProject
from finetune_sdk.types.options import ProviderOptions

__all__ = ["OpenAIOptions", "WandbIntegration", "WandbProject"]


class OpenAIOptions(ProviderOptions):
    """What OpenAI alone knows of a job.

    Attributes:
        integrations: where the numbers go, too; at most five.
        extra_body: fields of the request that are newer than this package; they win.
    """

    provider: ClassVar[str] = "openai"

    integrations: Integrations | None = None
    extra_body: dict[str, JsonValue] | None = None
