"""What Azure takes of a job: held against before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.providers._openai_wire import encode
from finetune_sdk.providers._openai_wire.values import table
from finetune_sdk.types import JobSpec, MethodName

TRAINING_TYPE = "trainingType"
_SUFFIX = r"[A-Za-z0-9_-]{1,40}"

WHOLE_FILE = 512 * 1000 * 1000
"""Bytes of a file in one request (Microsoft's quotas, 2026-02: 512 MB)."""


def body(spec: JobSpec, training_type: str, *, marked: bool) -> dict[str, object]:
    """The body of a create.

    Without a training type Azure answers that the base model cannot be fine-tuned (litellm's pull
    request 24687, 2026-03): it is always sent.
    """
    return {**encode.job_body(spec, marked=marked), TRAINING_TYPE: chosen(spec, training_type)}


def chosen(spec: JobSpec, training_type: str) -> str:
    """The training type of a job: its own, or that of the profile."""
    said = spec.options.get("training_type")
    return said if isinstance(said, str) else training_type


def check(spec: JobSpec) -> None:
    """Holds a spec against the limits of the service.

    Raises:
        ConfigurationError: a value is beyond one; names it, and what is allowed.
    """
    encode.check(spec)
    if TRAINING_TYPE in table(spec.options.get("extra_body")):
        raise ConfigurationError(
            f"`extra_body` has `{TRAINING_TYPE}` in it; say it as "
            "`AzureOpenAIOptions(training_type=...)`"
        )
    if spec.suffix is not None and not re.fullmatch(_SUFFIX, spec.suffix):
        raise ConfigurationError(
            f"`suffix` is {spec.suffix!r:.80}; here it has at most 40 letters, digits, `-` and `_`"
        )
    if spec.method.name is MethodName.REINFORCEMENT and spec.validation_file is None:
        raise ConfigurationError(
            "`validation_data` is missing; here reinforcement needs some, which the grader "
            "measures the model on"
        )


_ABROAD = "rows and weights leave the resource's region; `Standard` keeps them in it"
_LEAVES: Mapping[str, str] = {
    "GlobalStandard": _ABROAD,
    "developerTier": f"{_ABROAD}. The job may be interrupted, and goes on by itself",
}


def warnings(spec: JobSpec, training_type: str, hourly: float | None) -> Iterator[str]:
    """What the caller should know of a job before it is paid for.

    Args:
        spec: of the job.
        training_type: of the profile.
        hourly: US dollars for an hour of a deployment, where the profile says them.
    """
    kind = chosen(spec, training_type)
    if kind in _LEAVES:
        yield f"`training_type` is {kind!r}: {_LEAVES[kind]}"
    price, source = (
        (HOSTING_PER_HOUR, HOSTING_SOURCE) if hourly is None else (hourly, "as you said")
    )
    yield (
        f"what comes out answers once it is deployed, and that costs {price:.2f} US dollars an "
        f"hour, used or not ({source}); {IDLE}"
    )


HOSTING_PER_HOUR = 1.70
HOSTING_SOURCE = "Microsoft's example of 2026-03 for the `sku` Standard and GlobalStandard"
IDLE = (
    "Azure deletes a deployment that nobody has asked anything for 15 days; the model stays, and "
    "can be deployed again"
)
