"""The machines that Inference Endpoints have, and what an hour of one costs."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

from finetune_sdk.errors import InvalidRequestError, ProviderError, QuotaExceededError
from finetune_sdk.providers.autotrain.hosting.instances import Instance, InstanceName
from finetune_sdk.providers.autotrain.hosting.service import Service
from finetune_sdk.providers.autotrain.options import AutoTrainDeploymentOptions
from finetune_sdk.providers.autotrain.settings import NAME
from finetune_sdk.transport import Clock

_FRESH_SECONDS = 3600.0
"""How long a price is believed: each poll of a deployment tells what it costs."""

_SHOWN = 6
_GPU = "gpu"


class Catalog:
    """The list of machines, read anew where it matters."""

    def __init__(self, service: Service, clock: Clock) -> None:
        """Reads nothing yet."""
        self._service, self._clock = service, clock
        self._known: tuple[float, tuple[Instance, ...]] | None = None

    def checked(self, options: AutoTrainDeploymentOptions) -> Instance:
        """The machine that the options name, once it is certain that it can be had.

        Raises:
            InvalidRequestError: there is none, it cannot be had now, or the image cannot run on
                it; names those that can be had.
            QuotaExceededError: the namespace may not have as many.
        """
        wanted, listed = InstanceName.of(options), self._read()
        found = next((one for one in listed if one.name == wanted), None)
        if found is None:
            raise _refused(f"there is no instance {wanted}; {_near(wanted, listed)}")
        if not found.is_there:
            raise _refused(
                f"no instance {wanted} is free at {wanted.vendor}; {_near(wanted, listed)}"
            )
        if found.accelerator != _GPU and options.image is None:
            raise _refused(
                f"vLLM's own image needs a GPU, and {wanted} is a {found.accelerator}; name an "
                "`image` that runs there, or another instance"
            )
        _within_quota(found)
        return found

    def price(self, name: InstanceName | None) -> float | None:
        """US dollars for an hour of one machine; None where the list does not say."""
        try:
            listed = self._recent()
        except ProviderError:
            return None  # A deployment can be told of without its price.
        return next((one.per_hour for one in listed if one.name == name), None)

    def cost(self, options: AutoTrainDeploymentOptions) -> float | None:
        """US dollars for an hour of all machines that there may be."""
        wanted = InstanceName.of(options)
        found = next((one for one in self._read() if one.name == wanted), None)
        if found is None or found.per_hour is None:
            return None
        return found.per_hour * options.max_replica

    def _read(self) -> tuple[Instance, ...]:
        listed = self._service.hardware()
        self._known = (self._clock.monotonic(), listed)
        return listed

    def _recent(self) -> tuple[Instance, ...]:
        known = self._known
        if known is not None and self._clock.monotonic() - known[0] < _FRESH_SECONDS:
            return known[1]
        return self._read()


def _within_quota(found: Instance) -> None:
    quota, used = found.quota, found.used
    if quota is None or used is None or used + found.units <= quota:
        return
    raise QuotaExceededError(
        f"{NAME}: an instance {found.name} takes {found.units} accelerator(s), and the namespace "
        f"may have {quota} of that kind and uses {used}; delete or pause a deployment, or ask "
        "for more at https://endpoints.huggingface.co; nothing was made",
        provider=NAME,
    )


def _near(wanted: InstanceName, listed: Iterable[Instance]) -> str:
    known = [str(one.name) for one in listed if one.is_there and one.name != wanted]
    if not known:
        return "the list has none that can be had"

    def likeness(name: str) -> float:
        return SequenceMatcher(None, str(wanted), name).ratio()

    near = sorted(known, key=lambda name: (-likeness(name), name))
    rest = f" and {len(near) - _SHOWN} more" if len(near) > _SHOWN else ""
    return f"there are {', '.join(near[:_SHOWN])}{rest}"


def _refused(words: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{NAME}: {words} (`vendor`, `region`, `instance_type` and `instance_size` of "
        "`AutoTrainDeploymentOptions`); nothing was made",
        provider=NAME,
        param="instance_type",
    )
