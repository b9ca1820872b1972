"""Hardware as the Hub lists it, and which of it a job needs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from finetune_sdk.errors import ConfigurationError, InvalidRequestError
from finetune_sdk.providers.autotrain.choosing.estimate import Load, seconds
from finetune_sdk.providers.autotrain.hub import Hub, repos
from finetune_sdk.providers.autotrain.order import Machine
from finetune_sdk.providers.autotrain.settings import NAME

_UNITS = {"GB": 10**9, "TB": 10**12, "GiB": 2**30, "MB": 10**6}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(GB|TB|GiB|MB)")


def listed(hub: Hub) -> list[Machine]:
    """The hardware that can be had, with its price."""
    return hub.ask(
        "read",
        lambda api: [_machine(one) for one in api.list_jobs_hardware()],
        what="the hardware of HF Jobs",
    )


def named(machines: Iterable[Machine], name: str) -> Machine:
    """The machine of that name.

    Raises:
        InvalidRequestError: the Hub has none; names those that it has, near ones first.
    """
    known = {one.name: one for one in machines}
    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=1)
    hint = f", did you mean {near[0]!r}?" if near else ""
    raise InvalidRequestError(
        f"{NAME}: `hardware` is {name!r}, which the Hub does not have{hint}; it has "
        f"{repos.told(sorted(known))}",
        provider=NAME,
        param="hardware",
    )


def cheapest(machines: Iterable[Machine], load: Load) -> Machine:
    """The machine with one accelerator that holds the job and is estimated to cost least.

    Raises:
        ConfigurationError: nothing is known of the model's size, or none holds it.
    """
    if load.parameters is None:
        raise ConfigurationError(
            f"{NAME}: the Hub does not say how large the model is, so that no hardware can be "
            "chosen for it; say `hardware`, and `timeout` in seconds"
        )
    if load.bytes is None:
        raise ConfigurationError(
            f"{NAME}: nobody can tell how large the rows are, so that no hardware can be chosen "
            "for them; say `hardware`, and `timeout` in seconds"
        )
    fitting = [
        (price * took.high, one.name, one)
        for one in machines
        if one.gpus == 1
        and one.memory >= load.memory
        and (price := one.per_hour) is not None
        and (took := seconds(load, one)) is not None
    ]
    if not fitting:
        raise ConfigurationError(
            f"{NAME}: no hardware with one accelerator holds the job, which needs about "
            f"{load.memory / 10**9:.0f} GB; say a larger `hardware`, learn with LoRA, or write "
            '`quantization="int4"`'
        )
    return min(fitting, key=lambda one: one[:2])[2]


def _machine(found: Any) -> Machine:
    device = found.accelerator
    per_hour = _per_hour(found.unit_cost_usd, found.unit_label)
    if device is None:
        return Machine(name=str(found.name), per_hour=per_hour, memory=_bytes(found.ram))
    count = max(int(_number(device.quantity) or 1), 1)
    return Machine(
        name=str(found.name),
        per_hour=per_hour,
        gpus=count,
        # The list tells the memory of all of them together.
        memory=_bytes(device.vram) // count,
        accelerator=str(device.model),
    )


def _per_hour(cost: object, unit: object) -> float | None:
    hours = {"second": 3600, "minute": 60, "hour": 1}.get(str(unit))
    amount = _number(cost)
    return None if hours is None or amount is None else amount * hours


def _bytes(text: object) -> int:
    found = _SIZE.search(str(text))
    return int(float(found[1]) * _UNITS[found[2]]) if found else 0


def _number(value: object) -> float | None:
    """A number that a price or a count can be; None for all else."""
    try:
        number = float(value) if isinstance(value, str | int | float) else math.nan
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number < math.inf else None
