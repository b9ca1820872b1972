"""Resource Manager's deployments -> ours, and back. Pure, no I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

from pydantic import JsonValue

from finetune_sdk.providers._openai_wire.values import Table, deep, table, text, whole
from finetune_sdk.providers.azure_openai.options import AzureDeploymentOptions
from finetune_sdk.providers.azure_openai.settings import NAME
from finetune_sdk.types import Deployment, DeploymentSpec, DeploymentStatus, JobError
from finetune_sdk.types.names import base_model

JOB, EXPIRES = "finetune_sdk_job", "finetune_sdk_expires"
"""Our tags: the job that made the model, and when the deployment has outlived its use."""

STATUSES: Mapping[str, DeploymentStatus] = {
    "accepted": DeploymentStatus.CREATING,
    "creating": DeploymentStatus.CREATING,
    "deleting": DeploymentStatus.DELETING,
    "moving": DeploymentStatus.UPDATING,
    "updating": DeploymentStatus.UPDATING,
    "failed": DeploymentStatus.FAILED,
    "canceled": DeploymentStatus.FAILED,
    "cancelled": DeploymentStatus.FAILED,
    "disabled": DeploymentStatus.PAUSED,
    "succeeded": DeploymentStatus.READY,
}

_HOURLY = frozenset({"standard", "globalstandard", "datazonestandard"})
_BY_TOKEN = frozenset({"developertier", "developer"})
_DATED = re.compile(r"(?P<name>.+)-(?P<version>\d{4}-\d{2}-\d{2})")


def body(spec: DeploymentSpec) -> dict[str, object]:
    """The body of a PUT."""
    options = AzureDeploymentOptions.model_validate(spec.options)
    name, version = _model(spec.model)
    model = {"format": options.format, "name": name, "version": options.version or version}
    properties: dict[str, object] = {
        "model": {**model, **({"source": options.source} if options.source else {})}
    }
    if options.content_filter:
        properties["raiPolicyName"] = options.content_filter
    expires = spec.expires_at.astimezone(UTC).isoformat() if spec.expires_at else None
    tags = {name: said for name, said in ((JOB, spec.job_id), (EXPIRES, expires)) if said}
    sku = {"name": options.sku, "capacity": options.capacity}
    return {"sku": sku, "properties": properties, **({"tags": tags} if tags else {})}


def deployment_of(found: Table, *, url: str, hourly: float) -> Deployment | None:
    """A deployment; None where it has no name.

    Args:
        found: what Resource Manager says.
        url: where it answers.
        hourly: US dollars for an hour of a fine-tuned model's.
    """
    name = text(found.get("name"))
    if name is None:
        return None
    properties, tags = table(found.get("properties")), table(found.get("tags"))
    status, word = status_of(properties.get("provisioningState"))
    model, sku = model_of(properties), table(found.get("sku"))
    return Deployment(
        id=name,
        name=name,
        provider=NAME,
        status=status,
        raw_status=word,
        model=model,
        job_id=text(tags.get(JOB)),
        url=url,
        created_at=when(table(found.get("systemData")).get("createdAt")),
        expires_at=when(tags.get(EXPIRES)),
        cost_per_hour=cost(model, text(sku.get("name")) or "", hourly),
        raw=_rest(found),
    )


def is_going(found: Table) -> bool:
    """It is being deleted already."""
    word = table(found.get("properties")).get("provisioningState")
    return status_of(word)[0] is DeploymentStatus.DELETING


def wanted_model(body: Table) -> str:
    """The model of a body, as it is read back."""
    return model_of(table(body.get("properties")))


def changed_at(found: Deployment) -> datetime | None:
    """When it was made or changed last."""
    said = table(found.raw.get("systemData"))
    return when(said.get("lastModifiedAt")) or found.created_at


def status_of(value: object) -> tuple[DeploymentStatus, str]:
    """Where a deployment stands, and the word that says so."""
    word = value if isinstance(value, str) else repr(value)
    return STATUSES.get(word.strip().lower(), DeploymentStatus.UNKNOWN), word[:80]


def cost(model: str, sku: str, hourly: float) -> float | None:
    """US dollars for each hour that it exists; None where nobody can say.

    A fine-tuned model is billed for being there; a base model by its tokens alone, on the kinds
    that are not provisioned.
    """
    kind = sku.lower()
    if kind in _BY_TOKEN:
        return 0.0
    if kind not in _HOURLY:
        return None
    return hourly if is_tuned(model) else 0.0


def is_tuned(model: str) -> bool:
    """It is a fine-tuned model, or a checkpoint of one."""
    return model.startswith("ftchkpt-") or base_model(model) != model


def failure_of(operation: Table) -> JobError | None:
    """Why an operation has failed; None where it does not say. The status of its answer is 200."""
    error = table(operation.get("error"))
    code, words = text(error.get("code")), text(error.get("message"))
    if code is None and words is None:
        return None
    details = [text(table(one).get("message")) for one in _list(error.get("details"))]
    told = "; ".join(filter(None, [words, *details]))
    return JobError(code=code, message=told or code or "")


def model_of(properties: Table) -> str:
    """The model that is served, as callers name it."""
    said = table(properties.get("model"))
    name, version = text(said.get("name")) or "", text(said.get("version")) or ""
    dated = re.fullmatch(r"\d{4}-\d{2}-\d{2}", version)
    return f"{name}-{version}" if dated and not is_tuned(name) else name


def when(value: object) -> datetime | None:
    """A moment as ISO 8601 writes it; None where it is none."""
    try:
        found = datetime.fromisoformat(text(value) or "")
        # At the ends of the calendar there is no other time of day.
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def settings_of(found: Deployment) -> dict[str, object]:
    """What of `AzureDeploymentOptions` can be read back, by its names there."""
    properties = table(found.raw.get("properties"))
    model, sku = table(properties.get("model")), table(found.raw.get("sku"))
    return {
        "sku": text(sku.get("name")),
        "capacity": whole(sku.get("capacity")),
        "format": text(model.get("format")),
        "version": text(model.get("version")),
        "source": text(model.get("source")),
        "content_filter": text(properties.get("raiPolicyName")),
    }


def sku_of(found: Deployment) -> tuple[str, int | None]:
    """How it is served: the kind, and how much of it."""
    sku = table(found.raw.get("sku"))
    return text(sku.get("name")) or "", whole(sku.get("capacity"))


def _model(model: str) -> tuple[str, str]:
    """Name and version: a base model's day is its version there, and a fine-tuned one has one."""
    dated = None if is_tuned(model) else _DATED.fullmatch(model)
    return (dated["name"], dated["version"]) if dated else (model, "1")


def _list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _rest(found: Table) -> dict[str, JsonValue]:
    # What JSON was decoded to is JSON.
    return {
        name: cast("JsonValue", value)
        for name, value in found.items()
        if name != "name" and value is not None and not deep(value)
    }
