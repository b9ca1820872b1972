"""What creating a job would do, without doing it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from finetune_sdk.types._base import Document, Value
from finetune_sdk.types.cost import CostEstimate
from finetune_sdk.types.dataset import (
    ConversionReport,
    DatasetFile,
    DatasetReport,
    RowFormat,
    TokenReport,
)
from finetune_sdk.types.method import Method


class Span(Value):
    """From `low` to `high`."""

    low: float
    high: float


class Inspection(Value):
    """What a provider finds out about a job beforehand, without making it.

    Attributes:
        training: the tokens of the training data.
        validation: those of the validation data.
        epochs: passes that the job would make.
        seconds: how long the training would take.
        shutdown_date: when the base model stops answering, and with it what is made of it.
        settings: what the provider would choose by itself and why, by name.
        warnings: what the caller should know.
    """

    training: TokenReport | None = None
    validation: TokenReport | None = None
    epochs: float | None = None
    seconds: Span | None = None
    shutdown_date: date | None = None
    settings: dict[str, str] = Field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class LocalRows(Value):
    """Rows on this machine that a plan was made for.

    Attributes:
        type: tells them apart from a `DatasetFile`.
        path: the file; None for rows in memory, which the client that planned remembers.
        name: for people.
        format: what the rows look like, where the caller has said so.
        digest: SHA-256, in hexadecimal, of the file's bytes, or of the rows in memory as JSON
            lines. Where it has changed, the plan is void.
    """

    type: Literal["local"] = "local"
    path: str | None = None
    name: str
    format: RowFormat | None = None
    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class PlannedJob(Document):
    """A job as it was planned: `jobs.create` makes it, once.

    Attributes:
        owner: the profile, or the provider, that it was planned for.
        key: the idempotency key; creating the same plan twice gives one job.
        model: the provider's own name of the base model.
        allow: codes of findings that the caller has decided to live with.
    """

    owner: str
    key: str
    model: str
    method: Method
    training_data: LocalRows | DatasetFile
    validation_data: LocalRows | DatasetFile | None = None
    suffix: str | None = None
    seed: int | None = None
    metadata: dict[str, str] = Field(default_factory=dict)
    max_cost: float | None = None
    options: dict[str, JsonValue] = Field(default_factory=dict)
    allow: tuple[str, ...] = ()
    strict: bool = True


class Plan(Document):
    """What creating a job would do, cost and risk. Nothing was made for it, and nothing sent.

    Attributes:
        spec: what `jobs.create` takes to do it.
        provider: where it would run.
        training: the check of the training data; None where the provider holds it already.
        validation: the check of the validation data.
        conversion: how the training data would be rewritten for the provider; None where it goes
            as it is.
        tokens: of the training data; None where nobody here can count them.
        validation_tokens: of the validation data.
        epochs: passes; None where the provider decides and does not say.
        epochs_source: who decided them, in words.
        cost: of the training, in US dollars; None where it cannot be told.
        no_cost: why it cannot.
        seconds: how long the training would take, once it runs.
        shutdown_date: when the base model stops answering, and with it what is made of it.
        settings: what the provider would choose by itself and why, by name: memory, precision.
        warnings: what the caller should know.
    """

    spec: PlannedJob
    provider: str
    training: DatasetReport | None = None
    validation: DatasetReport | None = None
    conversion: ConversionReport | None = None
    tokens: TokenReport | None = None
    validation_tokens: TokenReport | None = None
    epochs: float | None = None
    epochs_source: str | None = None
    cost: CostEstimate | None = None
    no_cost: str | None = None
    seconds: Span | None = None
    shutdown_date: date | None = None
    settings: dict[str, str] = Field(default_factory=dict)
    warnings: tuple[str, ...] = ()
