"""A profile's own words for the local provider."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

NAME = "local"
"""The provider's name, as errors and jobs carry it."""

Launch = Literal["process", "torchrun", "ray"]

TOKEN_ENV = "RAY_AUTH_TOKEN"  # noqa: S105 - the name of a variable
EXAMPLE = "http://127.0.0.1:8265"

_VARIABLE = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
# With its scheme, so that whoever reads the file sees an address, and asks whether it is trusted.
_ADDRESS = Annotated[str, Field(pattern=r"^https?://")]
# Rows, weights and a user's own credentials for a storage go where a file says: only to a folder,
# or to a service whose host no file can name. Code may name any other that fsspec knows.
_STORAGE = Annotated[str, Field(pattern=r"^(?:/|~/|(?:s3|gs|gcs|az|abfs|abfss|oss)://[^:@]+$)")]
_COUNT = Annotated[int, Field(ge=1, le=4096, strict=True)]


def _words(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Command = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1), BeforeValidator(_words)
]
"""A program and its first arguments; a text alone is the program."""


class LocalSettings(BaseModel):
    """What may stand in a profile of `provider = "local"`.

    Attributes:
        launcher: how the trainer is started: `process` is one process on this machine, `torchrun`
            several of them, a GPU each, `ray` is on a Ray cluster.
        processes: that train together; None is one for each GPU, or one where there is none; with
            `ray` it is one.
        address: of the cluster's dashboard, where jobs are submitted.
        storage: a folder that this machine and the cluster see under the same path, or a URL that
            fsspec knows.
        token_env: the environment variable with the cluster's token.
        cpus_per_process: that each process asks the cluster for.
        gpus_per_process: likewise.
        vllm_command: what vLLM is called by, its program first; only in a file of the user's own.
        price_per_hour: US dollars that an hour of this machine costs; None is nothing.

    A trainer of one's own is not among them: a config file comes with a project, and must not name
    a program that `jobs.create` then runs. Code may: `LocalProvider(trainer=...)`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    launcher: Launch = "process"
    processes: Annotated[int, Field(ge=1)] | None = None
    vllm_command: Command | None = None
    address: _ADDRESS | None = None
    storage: _STORAGE | None = None
    token_env: _VARIABLE = TOKEN_ENV
    cpus_per_process: _COUNT = 1
    gpus_per_process: Annotated[int, Field(ge=0, le=64, strict=True)] = 0
    price_per_hour: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _of_one_launcher(self) -> Self:
        places = {"address": self.address, "storage": self.storage}
        if self.launcher == "ray":
            if missing := [f"`{name}`" for name, value in places.items() if not value]:
                raise ValueError(
                    f'`launcher = "ray"` needs {" and ".join(missing)} too: the address of the '
                    f"cluster's dashboard, such as {EXAMPLE!r}, and a folder or URL that this "
                    "machine and the cluster both see"
                )
        elif said := [f"`{name}`" for name, value in places.items() if value]:
            raise ValueError(f'{" and ".join(said)} need `launcher = "ray"`')
        return self


class CodeSettings(LocalSettings):
    """The same words in code, which may name any storage."""

    storage: str | None = None

    @field_validator("storage")
    @classmethod
    def _without_password(cls, storage: str | None) -> str | None:
        # It is written into files, and Ray shows it to all who see the cluster.
        if storage and re.match(r"[^/]*://[^/@]*:[^/@]*@", storage):
            raise ValueError("a URL with a password; give it in the environment, on both sides")
        return storage
