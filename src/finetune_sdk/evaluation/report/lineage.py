"""Where a fine-tuned model came from, as far as it is known."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import JsonValue

from finetune_sdk.evaluation.report import words
from finetune_sdk.types.comparison import Comparison
from finetune_sdk.types.dataset import DatasetFile
from finetune_sdk.types.export import MIGRATED_FROM
from finetune_sdk.types.job import Job
from finetune_sdk.types.method import Method
from finetune_sdk.types.names import base_model

Facts = list[tuple[str, str]]


def lineage(comparison: Comparison) -> Facts:
    """Facts in their order, each with its name; what is not known is left out."""
    return [(name, value) for name, value in _facts(comparison) if value]


def _facts(comparison: Comparison) -> Iterator[tuple[str, str | None]]:
    tuned, job = words.tuned(comparison), comparison.job
    yield "base model", base(comparison)
    yield "provider", comparison.provider
    yield "deployment", tuned.deployment
    if job is None:
        yield "model", tuned.model
    else:
        yield from _job(job)
    yield "rows for examples and overlap", _count(comparison.training_rows)


def told(comparison: Comparison) -> tuple[str, ...]:
    """What whoever gets the model should know, of the comparison and of the training."""
    job = comparison.job
    return (*comparison.warnings, *(job.warnings if job else ()))


def base(comparison: Comparison) -> str | None:
    """The base model: the job's own, or what the candidate `base` serves."""
    if comparison.job is not None:
        return base_model(comparison.job.model)
    return next((one.model for one in comparison.candidates if one.kind == "base"), None)


def hyperparameters(method: Method) -> Facts:
    """Those in effect, by the name that a recipe gives them."""
    dumped = method.model_dump(mode="json", exclude_none=True, exclude={"type"})
    return [(name, _value(value)) for name, value in dumped.items() if value not in ([], {})]


def _job(job: Job) -> Iterator[tuple[str, str | None]]:
    yield "job", job.handle
    yield "migrated from", job.metadata.get(MIGRATED_FROM)
    yield "trained from", job.model if base_model(job.model) != job.model else None
    yield "fine-tuned model", job.fine_tuned_model
    yield "training rows", _rows(job.training_file)
    yield "validation rows", _rows(job.validation_file)
    if job.method is not None:
        yield "method", job.method.name.value
        yield from hyperparameters(job.method)
    yield "seed", None if job.seed is None else str(job.seed)
    yield "trained tokens", _count(job.trained_tokens)
    yield "created", words.when(job.created_at) if job.created_at else None
    yield "started", words.when(job.started_at) if job.started_at else None
    yield "finished", words.when(job.finished_at) if job.finished_at else None
    yield from job.settings.items()


def _rows(file: DatasetFile | None) -> str | None:
    if file is None:
        return None
    told = [
        file.name or file.id,
        f"{file.rows:,} rows" if file.rows is not None else None,
        f"SHA-256 {file.digest}" if file.digest else None,
    ]
    return ", ".join(part for part in told if part)


def _count(value: int | None) -> str | None:
    return None if value is None else f"{value:,}"


def _value(value: JsonValue) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    # Passes are a fraction with us; three of them are 3 for people.
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_value(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(_value(one) for one in value)
    return str(value)
