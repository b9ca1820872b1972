"""The words of `jobs.create` and `jobs.plan`, and the spec that they come to."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TypeVar, cast

from pydantic import ValidationError

from finetune_sdk.datasets.dataset import Source
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.providers.base import Field
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.guard import Guarded
from finetune_sdk.resources.plain import is_a, wrong
from finetune_sdk.types import (
    NOT_SENT,
    BaseMethod,
    Checkpoint,
    DatasetFile,
    HubDataset,
    Job,
    JobSpec,
    JobStatus,
    Method,
    ProviderOptions,
    Supervised,
)

T = TypeVar("T")

Rows = Source | DatasetFile | HubDataset
"""What `training_data` takes: a local file, rows, a dataset, what a provider holds already, or
one of the Hugging Face Hub."""


@dataclass(frozen=True, kw_only=True)
class JobRequest:
    """The words of `jobs.create`, documented there."""

    model: str | Job | Checkpoint
    training_data: Rows
    validation_data: Rows | None = None
    method: Method | None = None
    suffix: str | None = None
    seed: int | None = None
    metadata: Mapping[str, str] | None = None
    max_cost: float | None = None
    options: Sequence[ProviderOptions] = ()
    idempotency_key: str | None = None
    allow: Collection[str] = ()
    strict: bool = True
    resolved: bool = False
    """`model` is the provider's own name already."""

    def said(self) -> list[str]:
        """The words that differ from what holds where nothing is said."""
        nothing = JobRequest(model="", training_data=())
        return [
            f"`{one.name}`"
            for one in fields(self)
            if getattr(self, one.name) is not getattr(nothing, one.name)
            and getattr(self, one.name) != getattr(nothing, one.name)
        ]

    def fields(self) -> list[Field]:
        """The optional words that were used."""
        used: list[tuple[Field, object]] = [
            ("seed", self.seed),
            ("suffix", self.suffix),
            ("metadata", self.metadata),
            ("validation_data", self.validation_data),
        ]
        return [name for name, value in used if value is not None]


def base_model(context: Context, model: str | Job | Checkpoint, *, resolved: bool = False) -> str:
    """The provider's own name of the model to start from.

    Raises:
        ConfigurationError: a job was given that has made no model, or a job or a checkpoint of
            another place.
    """
    if isinstance(model, str):
        if not model.strip():
            raise ConfigurationError("`model` is empty; give a model's name or a finished job")
        return model if resolved else context.resolve_model(model)
    if is_a(model, Checkpoint):
        return _of_checkpoint(context, cast("Checkpoint", model))
    if is_a(model, Job):
        return _of_job(context, cast("Job", model))
    raise ConfigurationError(
        f"`model` is {model!r:.80}; it takes a name, a finished job or a checkpoint"
    )


def _of_checkpoint(context: Context, checkpoint: Checkpoint) -> str:
    provider = context.opened.name
    if checkpoint.provider != provider:
        raise ConfigurationError(
            f"the checkpoint {checkpoint.id!r} is of the provider {checkpoint.provider!r} and this "
            f"client is of {provider!r}; open a client of the profile that its job was made with"
        )
    return checkpoint.model


def _of_job(context: Context, job: Job) -> str:
    context.job_id(job)
    if job.status is not JobStatus.SUCCEEDED or not job.fine_tuned_model:
        raise ConfigurationError(
            f"the job {job.handle!r} is {job.status.value} and has made no model; "
            "wait for it with `jobs.wait`, or read it anew with `jobs.get`"
        )
    return job.fine_tuned_model


def method_of(method: object) -> Method:
    """The method that was given, or the one that needs no saying.

    Raises:
        ConfigurationError: it is no method.
    """
    if method is None:
        return Supervised()
    if not isinstance(method, BaseMethod):
        raise ConfigurationError(
            f"`method` is {method!r:.80}; it takes an object, as in `Supervised(epochs=3)`"
        )
    return cast("Method", method)


def spec_of(request: JobRequest, model: str, passed: Guarded) -> JobSpec:
    """The spec without its files: whatever is wrong with it is told before they are sent.

    Raises:
        ConfigurationError: an argument is wrong.
    """
    if not is_a(request.metadata, Mapping, type(None)):
        raise ConfigurationError("`metadata` takes a mapping of names to texts")
    try:
        spec = JobSpec(
            key=uuid.uuid4().hex if request.idempotency_key is None else request.idempotency_key,
            model=model,
            method=passed.method,
            training_file=NOT_SENT,
            suffix=_kept(request.suffix, "suffix", passed),
            seed=_kept(request.seed, "seed", passed),
            metadata={} if "metadata" in passed.dropped else dict(request.metadata or {}),
            options=passed.options,
        )
        if JobSpec.from_json(spec.to_json()) != spec:
            raise ValueError("it would come back changed")
    except ValidationError as error:
        raise wrong(error, JobSpec, "the job") from None
    except ValueError:
        # Half of a surrogate pair, most often: arguments of a shell that are not UTF-8.
        raise ConfigurationError(
            "a text of the job (`suffix`, `metadata`, `model`, `idempotency_key`, `options`) is "
            "not valid Unicode; write it as UTF-8"
        ) from None
    return spec


def _kept(value: T, name: str, passed: Guarded) -> T | None:
    return None if name in passed.dropped else value
