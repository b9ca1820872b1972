"""The values of the provider interface: what a provider can do, and what it is told."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from finetune_sdk.datasets.rules import Content, ImageLimits
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.near import did_you_mean
from finetune_sdk.prices import Prices
from finetune_sdk.sunsets import Sunsets
from finetune_sdk.transport import redact
from finetune_sdk.types.dataset import RowFormat
from finetune_sdk.types.grader import GraderType
from finetune_sdk.types.method import MethodName, TrainOn

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from finetune_sdk.datasets import Dataset
    from finetune_sdk.types import Inspection, ProviderOptions, TokenReport

Field = Literal["seed", "suffix", "metadata", "validation_data"]
M = TypeVar("M", bound=BaseModel)
_MAY_BE_SECRET = frozenset({"credential"})
"""Keys whose wrong value is not shown: somebody may have put the thing itself there."""


@dataclass(frozen=True, kw_only=True)
class MethodSupport:
    """What a provider can do of one method.

    Attributes:
        hyperparameters: names of the method's fields that it reads.
        train_on: the values of `train_on` that it can do; the first is its own default.
        rows: formats of rows that it reads, the best one first; empty is that of the method.
            Other rows are converted to the first, where nothing is lost.
        content: what a message may hold.
        min_rows: fewer rows are an error.
        images: how many there may be.
        graders: the kinds of graders that it can run.
        note: what the caller should know, as that the method is experimental: a warning on every
            job, shown in the table.
    """

    hyperparameters: frozenset[str]
    train_on: tuple[TrainOn, ...] = ("assistant",)
    rows: tuple[RowFormat, ...] = ()
    content: frozenset[Content] = frozenset({"text"})
    min_rows: int = 1
    images: ImageLimits | None = None
    graders: frozenset[GraderType] = frozenset()
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """The values that a provider supports, and what it alone knows.

    Attributes:
        methods: what it can do, by method.
        fields: which optional words of `jobs.create` it takes.
        options: the class of its own job options, None where it has none.
        deployment_options: the class of its own deployment options.
        hub_datasets: it reads rows from the Hugging Face Hub.
        hub_models: it tunes models of the Hugging Face Hub, each by the name that it has there.
        poll_interval: seconds between two looks at a job: the first wait, and the longest.
        notes: why something is missing, by the name of what is: shown in errors and the table.
    """

    methods: Mapping[MethodName, MethodSupport]
    fields: frozenset[Field] = frozenset()
    options: type[ProviderOptions] | None = None
    deployment_options: type[ProviderOptions] | None = None
    hub_datasets: bool = False
    hub_models: bool = False
    poll_interval: tuple[float, float] = (5.0, 60.0)
    notes: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, kw_only=True)
class ProviderSettings:
    """What `open` gets: a profile's own words, already freed of trust questions.

    Attributes:
        values: the profile's table without `provider`, `hyperparameters` and `options`.
        home: the folder for state; it may not exist yet.
        environ: the environment to read keys from.
        prices: what is known of them; the user's own come first.
        sunsets: what is known of them; the user's own come first.
    """

    values: Mapping[str, object]
    home: Path
    environ: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    prices: Prices = field(default_factory=Prices)
    sunsets: Sunsets = field(default_factory=Sunsets)


def read_profile(kind: type[M], values: Mapping[str, object], *, provider: str) -> M:
    """A profile's own words as the provider's settings.

    Args:
        kind: the settings, strict about keys: `extra="forbid"`.
        values: those of `ProviderSettings`, or what the code says in their place.
        provider: its name, for messages.

    Raises:
        ConfigurationError: a key is unknown or a value is wrong; every one of them is named.
    """
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        known = list(kind.model_fields)
        faults = "; ".join(_fault(one, known) for one in error.errors(include_url=False))
        allowed = ", ".join(f"`{key}`" for key in known)
        raise ConfigurationError(
            f"a profile of the provider `{provider}` is wrong: {faults}; it takes {allowed}"
        ) from None


def _fault(error: ErrorDetails, known: Collection[str]) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if not key:
        # Two words that do not go together: what was said of them is the whole of it.
        return error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        return f"unknown key `{key}`{did_you_mean(key, known)}"
    if key in _MAY_BE_SECRET:
        return f"`{key}`: {error['msg']}"
    return f"`{key}` is {redact(repr(error['input']))}: {error['msg']}"


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The rows of a job that is not made yet.

    Attributes:
        training: None where the provider holds them already.
        validation: None where there are none, or the provider holds them already.
        count: rows to learn from, where known.
        tokens: those of the training data; None where nobody has counted them.
        inspection: what `inspect_job` found out about this job; None where it was not asked yet.
    """

    training: Dataset | None
    validation: Dataset | None = None
    count: int | None = None
    tokens: TokenReport | None = None
    inspection: Inspection | None = None
