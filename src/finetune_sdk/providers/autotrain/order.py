"""What one job comes to, once all that can be looked up is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from finetune_sdk.autotrain import AutoTrainSpec
from finetune_sdk.types import JobSpec, Span

Trainer = Literal["autotrain", "trl"]
"""An engine that was decided on."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Hardware that can be had, as the Hub lists it.

    Attributes:
        name: its flavor, such as `a10g-small`.
        per_hour: US dollars; None where the Hub does not say.
        gpus: accelerators in it; 0 is a CPU alone.
        memory: bytes of each accelerator, or of the machine where it has none.
        accelerator: what it is, in the Hub's words.
    """

    name: str
    per_hour: float | None
    gpus: int = 0
    memory: int = 0
    accelerator: str = ""


@dataclass(frozen=True, kw_only=True)
class Order:
    """A job as it would be started.

    Attributes:
        spec: with its files.
        namespace: who pays and owns.
        project: AutoTrain's name of it, and the model repository's.
        engine: what trains.
        machine: on what.
        seconds: after which it is ended.
        image: the container.
        description: for AutoTrain, and by it for TRL.
        revision: of the base model, other than its newest commit.
        settings: what was chosen and why, by name.
        warnings: what the caller should know.
        took: how long it is estimated to take, in seconds; None where nobody can tell.
    """

    spec: JobSpec
    namespace: str
    project: str
    engine: Trainer
    machine: Machine
    seconds: float
    image: str
    description: AutoTrainSpec
    revision: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    warnings: tuple[str, ...] = ()
    took: Span | None = None

    @property
    def repo(self) -> str:
        """The repository of the model that comes out."""
        return f"{self.namespace}/{self.project}"
