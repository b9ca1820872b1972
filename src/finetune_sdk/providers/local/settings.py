"""A profile's own words for the local provider."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

NAME = "local"
"""The provider's name, as errors and jobs carry it."""

Launch = Literal["process", "torchrun", "ray"]


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
            several of them, a GPU each, `ray` a cluster.
        processes: that train together; None is one for each GPU, or one where there is none.
        vllm_command: what vLLM is called by, its program first; only in a file of the user's own.
        price_per_hour: US dollars that an hour of this machine costs; None is nothing.

    A trainer of one's own is not among them: a config file comes with a project, and must not name
    a program that `jobs.create` then runs. Code may: `LocalProvider(trainer=...)`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    launcher: Launch = "process"
    processes: Annotated[int, Field(ge=1)] | None = None
    vllm_command: Command | None = None
    price_per_hour: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
