"""Weights & Biases, as OpenAI's and Azure's jobs name it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from finetune_sdk.types._base import Value


class WandbProject(Value):
    """A project of Weights & Biases. Its key is registered at the provider beforehand.

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


Integrations = Annotated[tuple[WandbIntegration, ...], Field(max_length=5)]
