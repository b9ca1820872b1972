"""The machines of Inference Endpoints, as their list has them. Pure, no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from finetune_sdk.providers._openai_wire.values import number, whole
from finetune_sdk.providers.autotrain.options import AutoTrainDeploymentOptions


class InstanceName(NamedTuple):
    """What names a machine."""

    vendor: str
    region: str
    type: str
    size: str

    @classmethod
    def of(cls, options: AutoTrainDeploymentOptions) -> InstanceName:
        """The one that the options name."""
        return cls(options.vendor, options.region, options.instance_type, options.instance_size)

    def __str__(self) -> str:
        return "/".join(self)


@dataclass(frozen=True, kw_only=True)
class Instance:
    """A machine, as Inference Endpoints list it.

    Attributes:
        per_hour: US dollars; None where they do not say.
        units: accelerators in it.
        quota: accelerators of the kind that the namespace may have; None where they do not say.
        used: of those.
    """

    name: InstanceName
    accelerator: str
    per_hour: float | None
    units: int
    status: str
    quota: int | None
    used: int | None

    @property
    def is_there(self) -> bool:
        """It can be had. A word that nobody knows is left to the service to judge."""
        return self.status != "not_available"


def instance_of(found: Any) -> Instance:
    """A machine from the package's own record of it."""
    return Instance(
        name=InstanceName(
            str(found.vendor),
            str(found.region),
            str(found.instance_type),
            str(found.instance_size),
        ),
        accelerator=str(found.accelerator),
        per_hour=_price(found.price_per_hour),
        units=whole(found.num_accelerators) or 1,
        status=str(found.status),
        quota=whole(found.max_accelerators),
        used=whole(found.used_accelerators),
    )


def _price(value: object) -> float | None:
    """Below nothing it is no price, and would pass under every limit."""
    found = number(value)
    return None if found is None or found < 0 else found
