"""The way of a create: guard, check, cost limit, upload, and then the step that spends."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

from pydantic import ValidationError

from finetune_sdk import datasets
from finetune_sdk.datasets import Dataset
from finetune_sdk.errors import ConfigurationError, CostLimitError, DatasetValidationError
from finetune_sdk.providers.base import CanEstimate, Field
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.defaults import with_defaults
from finetune_sdk.resources.guard import Guarded, guard
from finetune_sdk.resources.plain import is_a, wrong
from finetune_sdk.resources.rules import row_rules
from finetune_sdk.types import (
    BaseMethod,
    Checkpoint,
    DatasetFile,
    Job,
    JobSpec,
    JobStatus,
    Method,
    ProviderOptions,
    Supervised,
)

T = TypeVar("T")

_NOT_YET = DatasetFile(id="not-sent-yet")

Rows = str | os.PathLike[str] | Dataset | DatasetFile | Iterable[Mapping[str, object]]
"""What `training_data` takes: a local file, rows, a dataset, or what a provider holds already."""


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
    strict: bool = True

    def fields(self) -> list[Field]:
        """The optional words that were used."""
        used: list[tuple[Field, object]] = [
            ("seed", self.seed),
            ("suffix", self.suffix),
            ("metadata", self.metadata),
            ("validation_data", self.validation_data),
        ]
        return [name for name, value in used if value is not None]


def submit(context: Context, request: JobRequest) -> Job:
    """Makes the job; nothing is sent before everything that can be known is checked."""
    method = with_defaults(context, _method(request.method))
    passed = guard(context, method, request.options, request.fields(), strict=request.strict)
    model = base_model(context, request.model)
    training = _rows(request.training_data, passed, validation=False)
    validation = None
    if request.validation_data is not None and "validation_data" not in passed.dropped:
        validation = _rows(request.validation_data, passed, validation=True)
    _hold_against_limit(context, request, model, training, passed)
    draft = _draft(request, model, passed)
    spec = draft.model_copy(
        update={
            "training_file": _upload(context, training, draft.key),
            "validation_file": validation and _upload(context, validation, draft.key),
        }
    )
    job = context.call(lambda: context.provider.create_job(spec), effect="unknown")
    warnings = (*passed.warnings, *job.warnings)
    return context.stamp(job.model_copy(update={"warnings": warnings}))


def base_model(context: Context, model: str | Job | Checkpoint) -> str:
    """The provider's own name of the model to start from.

    Raises:
        ConfigurationError: a job was given that has made no model, or a job or a checkpoint of
            another place.
    """
    if isinstance(model, str):
        if not model.strip():
            raise ConfigurationError("`model` is empty; give a model's name or a finished job")
        return context.resolve_model(model)
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


def _method(method: object) -> Method:
    if method is None:
        return Supervised()
    if not isinstance(method, BaseMethod):
        raise ConfigurationError(
            f"`method` is {method!r:.80}; it takes an object, as in `Supervised(epochs=3)`"
        )
    return cast("Method", method)


def _draft(request: JobRequest, model: str, passed: Guarded) -> JobSpec:
    """The spec without its files: whatever is wrong with it is told before they are sent."""
    if not is_a(request.metadata, Mapping, type(None)):
        raise ConfigurationError("`metadata` takes a mapping of names to texts")
    try:
        spec = JobSpec(
            key=uuid.uuid4().hex if request.idempotency_key is None else request.idempotency_key,
            model=model,
            method=passed.method,
            training_file=_NOT_YET,
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


def _rows(source: Rows, passed: Guarded, *, validation: bool) -> Dataset | DatasetFile:
    if isinstance(source, DatasetFile):
        return source
    dataset = datasets.load(source)
    rules = row_rules(passed.method.name, passed.support, validation=validation)
    report = datasets.check(dataset, rules=rules)
    if not report.ok:
        raise DatasetValidationError(report)
    passed.warnings.extend(str(f) for f in report.findings[:10])
    return dataset


def _upload(context: Context, rows: Dataset | DatasetFile, key: str) -> DatasetFile:
    if isinstance(rows, DatasetFile):
        return rows
    return context.call(lambda: context.provider.upload_dataset(rows, key=key))


def _hold_against_limit(
    context: Context,
    request: JobRequest,
    model: str,
    training: Dataset | DatasetFile,
    passed: Guarded,
) -> None:
    limit = request.max_cost
    if limit is None:
        return
    if not (is_a(limit, int, float) and limit >= 0):
        raise ConfigurationError(f"`max_cost` is {limit!r}; it is in US dollars, 0 or more")
    provider = context.provider
    rows = training.rows if isinstance(training, DatasetFile) else len(training)
    estimate = None
    if isinstance(provider, CanEstimate) and rows is not None:
        estimate = context.call(
            lambda: provider.estimate_cost(
                model=model, training_rows=rows, method=passed.method.name
            )
        )
    if estimate is None:
        raise CostLimitError(
            f"{context.owner!r} has no estimate for {model!r}, so `max_cost` cannot be held; "
            "leave it out to create the job without a limit"
        )
    if estimate.high > limit:
        raise CostLimitError(
            f"the job may cost up to {estimate.high:.2f} US dollars (estimate: "
            f"{estimate.source}), over `max_cost` {limit:.2f}; nothing was sent"
        )


def _kept(value: T, name: str, passed: Guarded) -> T | None:
    return None if name in passed.dropped else value
