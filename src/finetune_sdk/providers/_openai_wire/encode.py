"""A job's spec -> the body of a create. The limits are those of OpenAI's OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, cast

from pydantic import BaseModel

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.providers._openai_wire.values import table
from finetune_sdk.types import DPO, JobSpec, Method, Reinforcement

KEY, CALL = "finetune_sdk_key", "finetune_sdk_call"
"""What we keep in a job's metadata: the idempotency key, and the digest of the call."""

_OURS = frozenset(
    {"model", "training_file", "validation_file", "method", "hyperparameters"}
    | {"suffix", "seed", "metadata", "integrations"}
)
_MOST_METADATA = 16
_LONGEST_KEY, _LONGEST_VALUE = 64, 512


class _Range(NamedTuple):
    """What a hyperparameter may be, both ends included."""

    words: str
    least: float
    most: float
    whole: bool = False

    def holds(self, value: float) -> bool:
        return self.least <= value <= self.most and not (self.whole and value % 1)


_EPOCHS = _Range("a whole number from 1 to 50", 1, 50, whole=True)
_BATCH = _Range("from 1 to 256", 1, 256)
# Our types have nil excluded already.
_BETA = _Range("above 0, at most 2", 0, 2)
_COMPUTE = _Range("above 0.00001, at most 10", 1.0000001e-5, 10)

# Our name, theirs, and what it may be; None is everything that our type allows.
_SHARED: tuple[tuple[str, str, _Range | None], ...] = (
    ("epochs", "n_epochs", _EPOCHS),
    ("batch_size", "batch_size", _BATCH),
    ("learning_rate_multiplier", "learning_rate_multiplier", None),
)
_OWN: Mapping[type[BaseModel], tuple[tuple[str, str, _Range | None], ...]] = {
    DPO: (("beta", "beta", _BETA),),
    Reinforcement: (
        ("reasoning_effort", "reasoning_effort", None),
        ("compute_multiplier", "compute_multiplier", _COMPUTE),
        ("eval_interval", "eval_interval", None),
        ("eval_samples", "eval_samples", None),
    ),
}


def job_body(spec: JobSpec, *, marked: bool = True) -> dict[str, object]:
    """The body of a create.

    Args:
        spec: with the ids of its files.
        marked: with our key in the metadata; some servers take no metadata at all.
    """
    body: dict[str, object] = {
        "model": spec.model,
        "training_file": spec.training_file.id,
        "method": _method(spec.method),
    }
    optional: dict[str, object] = {
        "validation_file": spec.validation_file and spec.validation_file.id,
        "suffix": spec.suffix,
        "seed": spec.seed,
        "metadata": metadata(spec) if marked else None,
        "integrations": _integrations(spec.options.get("integrations")),
    }
    body |= {name: value for name, value in optional.items() if value is not None}
    extra = spec.options.get("extra_body")
    return {**body, **extra} if isinstance(extra, dict) else body


def metadata(spec: JobSpec) -> dict[str, str]:
    """The caller's words, and ours by which a lost job is found."""
    ours = {KEY: spec.key, CALL: spec.call} if spec.call else {KEY: spec.key}
    return {**spec.metadata, **ours}


def check(spec: JobSpec) -> None:
    """Holds a spec against the limits of the service, before anything is sent.

    Raises:
        ConfigurationError: a value is beyond one; names it, and what is allowed.
    """
    for ours, _, allowed in _hyperparameters(spec.method):
        value = getattr(spec.method, ours)
        if value is not None and allowed is not None and not allowed.holds(value):
            raise ConfigurationError(f"`{ours}` is {value!r}; here it is {allowed.words}")
    for name in sorted(_OURS & table(spec.options.get("extra_body")).keys()):
        raise ConfigurationError(
            f"`extra_body` has `{name}` in it, which is a word of `jobs.create` or of its method: "
            "what is checked, priced and found again by it must be what is sent; say it there"
        )
    most = _MOST_METADATA - 2
    if len(spec.metadata) > most:
        raise ConfigurationError(
            f"`metadata` has {len(spec.metadata)} entries; here it has at most {most}, beside two "
            "of ours by which a lost job is found"
        )
    for name, value in spec.metadata.items():
        if not 1 <= len(name) <= _LONGEST_KEY or len(value) > _LONGEST_VALUE:
            raise ConfigurationError(
                f"`metadata` has the entry {name!r:.80} of {len(value)} characters; here names "
                f"have at most {_LONGEST_KEY} and values {_LONGEST_VALUE}"
            )


def _integrations(given: object) -> list[object] | None:
    # The one kind that there is: our options leave out what nobody has set.
    if not isinstance(given, list):
        return None
    return [{"type": "wandb", **table(one)} for one in cast("list[object]", given)]


def _hyperparameters(method: Method) -> tuple[tuple[str, str, _Range | None], ...]:
    return (*_SHARED, *_OWN.get(type(method), ()))


def _method(method: Method) -> dict[str, object]:
    given = {
        theirs: _plain(getattr(method, ours))
        for ours, theirs, _ in _hyperparameters(method)
        if getattr(method, ours) is not None
    }
    inner: dict[str, object] = {"hyperparameters": given} if given else {}
    if isinstance(method, Reinforcement) and method.grader is not None:
        inner["grader"] = method.grader.model_dump(mode="json", exclude_none=True)
    return {"type": method.name.value, method.name.value: inner}


def _plain(value: object) -> object:
    # Passes are a fraction with us and a whole number there.
    return int(value) if isinstance(value, float) and not value % 1 else value
