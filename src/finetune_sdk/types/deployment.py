"""A deployment: a model that answers requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field, JsonValue, computed_field

from finetune_sdk.types._base import Document, Value
from finetune_sdk.types.job import JobError


class DeploymentStatus(StrEnum):
    """Where a deployment stands. A word that nobody knows is UNKNOWN."""

    PENDING = "pending"
    CREATING = "creating"
    READY = "ready"
    UPDATING = "updating"
    PAUSED = "paused"
    FAILED = "failed"
    DELETING = "deleting"
    DELETED = "deleted"
    UNKNOWN = "unknown"


DeploymentName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


class DeploymentSpec(Document):
    """What a provider is told to serve.

    Attributes:
        model: a `fine_tuned_model`, or the provider's own name of a base model.
        job_id: the job that made the model, where it was one.
        expires_at: when `reap` may delete it, in UTC; None is never. A provider keeps it in its
            record and tells it in `Deployment.expires_at`.
    """

    name: DeploymentName
    model: str
    job_id: str | None = None
    options: dict[str, JsonValue] = Field(default_factory=dict)
    expires_at: AwareDatetime | None = None

    def serves_the_same(self, other: DeploymentSpec) -> bool:
        """Whether all but `expires_at` is the same."""
        return self.model_copy(update={"expires_at": other.expires_at}) == other


class Deployment(Document):
    """A deployment as a provider told it, at one moment.

    Attributes:
        id: what a request names as its model.
        name: the caller's name for it.
        expires_at: when `reap` may delete it; None is never. Until somebody reaps, it goes on.
        cost_per_hour: US dollars billed per hour while it exists; 0 is free, None is not known.
        settings: what the provider chose by itself and why, by name.
    """

    id: str
    name: str
    provider: str
    profile: str | None = None
    status: DeploymentStatus
    raw_status: str | None = None
    model: str
    job_id: str | None = None
    url: str | None = None
    created_at: datetime | None = None
    expires_at: AwareDatetime | None = None
    cost_per_hour: float | None = None
    error: JobError | None = None
    warnings: tuple[str, ...] = ()
    settings: dict[str, str] = Field(default_factory=dict)
    raw: dict[str, JsonValue] = Field(default_factory=dict)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def handle(self) -> str:
        """The string that finds this deployment again from any process: `profile:name`."""
        return f"{self.profile or self.provider}:{self.name}"


@dataclass(frozen=True, slots=True)
class Connection:
    """How to talk to a deployment: an OpenAI-compatible server.

    Attributes:
        base_url: up to and with `/v1`.
        model: what a request names.
        transport: a transport of the HTTP library under the `openai` package (`httpx2`, or `httpx`
            below 3.0) to use instead of the network; None is the network.
        headers: sent with each request, such as the organization's.
        renew: gives the key of the moment, where keys end by themselves; None where they do not.
        refused: is called when that key was refused, before the next one is asked for.
        at_once: questions that it answers at a time, where more only wait; None is many.
    """

    base_url: str
    api_key: str = field(repr=False)
    model: str
    transport: object | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    renew: Callable[[], str] | None = field(default=None, repr=False)
    refused: Callable[[], object] | None = field(default=None, repr=False)
    at_once: int | None = None


class ChatReply(Value):
    """What a deployment answered.

    Attributes:
        content: the assistant's text; empty when it only called tools.
        finish_reason: the server's own word: `stop`, `length`, `tool_calls`.
        tool_calls: as the server sent them.
        prompt_tokens: tokens read, where the server counted.
        completion_tokens: tokens written, where the server counted.
    """

    content: str
    model: str
    finish_reason: str | None = None
    tool_calls: tuple[dict[str, JsonValue], ...] = ()
    prompt_tokens: int | None = None
    completion_tokens: int | None = None

    def __str__(self) -> str:
        return self.content
