"""A profile's own words for the local provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.transport import redact

NAME = "local"
"""The provider's name, as errors and jobs carry it."""


class LocalSettings(BaseModel):
    """What may stand in a profile of `provider = "local"`.

    Attributes:
        launcher: how the trainer is started; `process` is one process on this machine.
        price_per_hour: US dollars that an hour of this machine costs; None is nothing.

    A trainer of one's own is not among them: a config file comes with a project, and must not name
    a program that `jobs.create` then runs. Code may: `LocalProvider(trainer=...)`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    launcher: Literal["process"] = "process"
    price_per_hour: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


def read_settings(values: Mapping[str, object]) -> LocalSettings:
    """A profile's table as settings.

    Raises:
        ConfigurationError: a key is unknown or a value is wrong; every one of them is named.
    """
    try:
        return LocalSettings.model_validate(dict(values))
    except ValidationError as error:
        faults = "; ".join(_fault(one) for one in error.errors(include_url=False))
        allowed = ", ".join(f"`{key}`" for key in LocalSettings.model_fields)
        raise ConfigurationError(
            f"a profile of the provider `local` is wrong: {faults}; it takes {allowed}"
        ) from None


def _fault(error: ErrorDetails) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"unknown key `{key}`"
    return f"`{key}` is {redact(repr(error['input']))}: {error['msg']}"
