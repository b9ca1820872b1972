"""Their hyperparameters and graders -> ours."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import TypeAdapter, ValidationError

from finetune_sdk.providers._openai_wire.values import Table, table, text
from finetune_sdk.types import DPO, Method, Reinforcement, Supervised

_NAMES: Mapping[str, Mapping[str, str]] = {
    "supervised": {
        "n_epochs": "epochs",
        "batch_size": "batch_size",
        "learning_rate_multiplier": "learning_rate_multiplier",
    },
    "dpo": {
        "n_epochs": "epochs",
        "batch_size": "batch_size",
        "learning_rate_multiplier": "learning_rate_multiplier",
        "beta": "beta",
    },
    "reinforcement": {
        "n_epochs": "epochs",
        "batch_size": "batch_size",
        "learning_rate_multiplier": "learning_rate_multiplier",
        "reasoning_effort": "reasoning_effort",
        "compute_multiplier": "compute_multiplier",
        "eval_interval": "eval_interval",
        "eval_samples": "eval_samples",
    },
}

_method: TypeAdapter[Supervised | DPO | Reinforcement] = TypeAdapter(
    Supervised | DPO | Reinforcement
)
_SUPERVISED = Supervised()


def method_of(job: Table) -> Method | None:
    """The method of a job; None where it is one that we do not know, or cannot be read."""
    said = table(job.get("method"))
    kind = text(said.get("type")) or "supervised"
    names = _NAMES.get(kind)
    if names is None:
        return None
    inner = table(said.get(kind))
    given = table(inner.get("hyperparameters")) or table(job.get("hyperparameters"))
    fields = {ours: given[theirs] for theirs, ours in names.items() if _set(given.get(theirs))}
    if kind == "supervised" and not fields:
        return _SUPERVISED
    if kind == "reinforcement":
        fields["grader"] = inner.get("grader")
    try:
        return _method.validate_python({"type": kind, **fields})
    except ValidationError:
        return None


def _set(value: object) -> bool:
    return value is not None and value != "auto"
