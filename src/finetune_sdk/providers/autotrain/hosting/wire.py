"""Inference Endpoints' JSON -> ours, and back. Pure, no I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

from pydantic import JsonValue

from finetune_sdk.providers._openai_wire.values import (
    Table,
    deep,
    table,
    text,
    texts,
    whole,
)
from finetune_sdk.providers.autotrain.hosting.instances import Instance, InstanceName
from finetune_sdk.providers.autotrain.options import AutoTrainDeploymentOptions
from finetune_sdk.providers.autotrain.settings import NAME
from finetune_sdk.types import Deployment, DeploymentSpec, DeploymentStatus, JobError

IMAGE, PORT = "vllm/vllm-openai:v0.23.0", 8000
"""vLLM's own image, in a version: `latest` is another one each week."""

JOB, MODEL, EXPIRES = "FINETUNE_JOB_ID", "FINETUNE_MODEL", "FINETUNE_EXPIRES_AT"
"""Our variables in the endpoint's environment, which is told again with it: the job that made the
model, the model as the caller named it, and when the deployment has outlived its use."""

STATUSES: Mapping[str, DeploymentStatus] = {
    "pending": DeploymentStatus.CREATING,
    "initializing": DeploymentStatus.CREATING,
    "updating": DeploymentStatus.UPDATING,
    "running": DeploymentStatus.READY,
    # Its next request starts it, and is answered.
    "scaledToZero": DeploymentStatus.READY,
    "paused": DeploymentStatus.PAUSED,
    "failed": DeploymentStatus.FAILED,
    "updateFailed": DeploymentStatus.FAILED,
}

ASLEEP = "scaledToZero"
_FREE = frozenset({"paused", ASLEEP})
_SERVED_AS = "--served-model-name"
_ENGINE = "vLLM"
_NO_REASON = (
    "Inference Endpoints gave no reason; the log of the endpoint at "
    "https://endpoints.huggingface.co may have one. `deployments.delete` removes it"
)
_IDLE = (
    "it goes to sleep after {} minutes without a request, and then costs nothing; the request that "
    "wakes it waits until it has started, which takes minutes (`min_replica=1` keeps it awake)"
)
_PUBLIC = "anybody who knows its address may ask it, at your cost"
_SLEEPS = "it sleeps and costs nothing; the next request wakes it, which takes minutes"


class Weights(NamedTuple):
    """A model that can be served.

    Attributes:
        repo: its repository.
        commit: exactly this one, whatever is pushed later.
    """

    repo: str
    commit: str


def arguments(
    spec: DeploymentSpec,
    options: AutoTrainDeploymentOptions,
    weights: Weights,
    instance: Instance,
) -> dict[str, Any]:
    """The keywords of `create_inference_endpoint`, without the name and the namespace."""
    return {
        "repository": weights.repo,
        "revision": weights.commit,
        "framework": "pytorch",
        "task": options.task,
        "accelerator": instance.accelerator,
        "vendor": options.vendor,
        "region": options.region,
        "instance_type": options.instance_type,
        "instance_size": options.instance_size,
        "min_replica": options.min_replica,
        "max_replica": options.max_replica,
        "scale_to_zero_timeout": options.idle_minutes,
        "type": options.access,
        "custom_image": _image(options, instance.units),
        "container_args": _args(options, weights),
        "env": _environment(spec),
    }


def deployment_of(found: Table, *, price: float | None) -> Deployment | None:
    """A deployment; None where it has no name.

    Args:
        found: what the service says.
        price: US dollars for an hour of one of its machines; None where nobody can say.
    """
    name, model = text(found.get("name")), table(found.get("model"))
    if name is None:
        return None
    said, environment = table(found.get("status")), table(model.get("env"))
    url, word = text(said.get("url")), str(said.get("state"))[:80]
    status = _status(word, url)
    return Deployment(
        id=_served_as(model),
        name=name,
        provider=NAME,
        status=status,
        raw_status=word,
        model=text(environment.get(MODEL)) or _repository(model),
        job_id=text(environment.get(JOB)),
        url=url,
        created_at=_moment(said.get("createdAt")),
        expires_at=_moment(environment.get(EXPIRES)),
        cost_per_hour=_cost(found, word, price),
        error=_error(word, said) if status is DeploymentStatus.FAILED else None,
        warnings=tuple(_warnings(found, word)),
        raw=_shown(found),
    )


def instance_name(found: Table) -> InstanceName | None:
    """Where an endpoint runs; None where it does not say."""
    compute, provider = table(found.get("compute")), table(found.get("provider"))
    said = (
        text(provider.get("vendor")),
        text(provider.get("region")),
        text(compute.get("instanceType")),
        text(compute.get("instanceSize")),
    )
    return InstanceName(*cast("tuple[str, str, str, str]", said)) if all(said) else None


def differences(
    found: Table, options: AutoTrainDeploymentOptions, weights: Weights
) -> Iterator[str]:
    """In what an endpoint differs from what is wanted."""
    wanted = _wanted(options, weights)
    for name, theirs in _content(found).items():
        if theirs != wanted[name]:
            yield _difference(name, theirs, wanted[name])
    if list(texts(table(found.get("model")).get("args"))) != _args(options, weights):
        # Somebody may keep a secret in them.
        yield "its arguments are others"


def _difference(name: str, theirs: object, ours: object) -> str:
    hint = f" (write the model as 'ID@{theirs}' to mean that)" if name == "revision" else ""
    return f"its {name} is {_plain(theirs)}, not {_plain(ours)}{hint}"


def is_public(found: Table) -> bool:
    """It asks for no token."""
    return found.get("type") == "public"


def _wanted(options: AutoTrainDeploymentOptions, weights: Weights) -> Mapping[str, object]:
    return {
        "model": weights.repo,
        "revision": weights.commit,
        "image": options.image or IMAGE,
        "instance": InstanceName.of(options),
        "min_replica": options.min_replica,
        "max_replica": options.max_replica,
        "scale_to_zero_timeout": options.idle_minutes,
        "access": options.access,
    }


def _content(found: Table) -> Mapping[str, object]:
    """What makes an endpoint what it is, by the names of `_wanted`."""
    model, scaling = table(found.get("model")), _scaling(found)
    least = whole(scaling.get("minReplica"))
    return {
        "model": _repository(model),
        "revision": text(model.get("revision")),
        "image": _image_url(model),
        "instance": instance_name(found),
        "min_replica": least,
        "max_replica": whole(scaling.get("maxReplica")),
        "scale_to_zero_timeout": None if least else whole(scaling.get("scaleToZeroTimeout")),
        "access": text(found.get("type")),
    }


def _plain(value: object) -> str:
    return str(value) if isinstance(value, InstanceName) else repr(value)


def _image(options: AutoTrainDeploymentOptions, units: int) -> dict[str, object]:
    # With several accelerators the service takes no endpoint that does not say how to share them.
    shared = {"tensorParallelSize": units} if units > 1 else {}
    return {_ENGINE: {"url": options.image or IMAGE, "port": PORT, **shared}}


def _args(options: AutoTrainDeploymentOptions, weights: Weights) -> list[str]:
    # Without it vLLM would serve the folder that it finds the weights in.
    return [_SERVED_AS, weights.repo, *options.args]


def _environment(spec: DeploymentSpec) -> dict[str, str]:
    expires = spec.expires_at.astimezone(UTC).isoformat() if spec.expires_at else None
    said = {JOB: spec.job_id, MODEL: spec.model, EXPIRES: expires}
    return {name: value for name, value in said.items() if value}


def _status(word: str, url: str | None) -> DeploymentStatus:
    status = STATUSES.get(word, DeploymentStatus.UNKNOWN)
    # Without an address nobody can ask it yet.
    return DeploymentStatus.CREATING if status is DeploymentStatus.READY and not url else status


def _served_as(model: Table) -> str:
    """What a request names: what vLLM was told, else the repository."""
    args = list(texts(model.get("args")))
    for place, argument in enumerate(args):
        word, _, value = argument.partition("=")
        if word == _SERVED_AS:
            return value or next(iter(args[place + 1 :]), _repository(model))
    return _repository(model)


def _repository(model: Table) -> str:
    return text(model.get("repository")) or ""


def _image_url(model: Table) -> str | None:
    images = table(model.get("image"))
    return next((text(table(one).get("url")) for one in images.values()), None)


def _scaling(found: Table) -> Table:
    return table(table(found.get("compute")).get("scaling"))


def _cost(found: Table, word: str, price: float | None) -> float | None:
    """What an hour costs at most; nothing is billed for what is paused or asleep."""
    if word in _FREE:
        return 0.0
    most = whole(_scaling(found).get("maxReplica"))
    return None if price is None or most is None else price * most


def _error(word: str, said: Table) -> JobError:
    return JobError(code=word, message=text(said.get("message")) or _NO_REASON)


def _warnings(found: Table, word: str) -> Iterator[str]:
    minutes = whole(_scaling(found).get("scaleToZeroTimeout"))
    if word == ASLEEP:
        yield _SLEEPS
    elif minutes and not whole(_scaling(found).get("minReplica")):
        yield _IDLE.format(minutes)
    if is_public(found):
        yield _PUBLIC


def _moment(value: object) -> datetime | None:
    try:
        # Python 3.11 reads what `huggingface_hub` reads; nine digits of a second are none of it.
        found = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text(value) or ""))
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


_SHOWN = ("type", "provider", "compute", "healthRoute", "tags", "status")
_SHOWN_OF_MODEL = ("repository", "revision", "framework", "task")


def _shown(found: Table) -> dict[str, JsonValue]:
    """What is told of it: not its environment and arguments, where others may keep secrets."""
    model = table(found.get("model"))
    told: dict[str, object] = {name: found[name] for name in _SHOWN if name in found}
    told["model"] = {
        **{name: model[name] for name in _SHOWN_OF_MODEL if name in model},
        "image": _image_url(model),
    }
    # What JSON was decoded to is JSON.
    return {name: cast("JsonValue", value) for name, value in told.items() if not deep(value)}
