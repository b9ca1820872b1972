"""What a trainer of transformers and TRL holds besides its checkpoint, carried over a stop.

Between two lines of its log a trainer sums up losses and other numbers, and a checkpoint of
transformers leaves the sums out: the first line after going on would be another one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from importlib import import_module
from statistics import fmean
from typing import Any, cast

from finetune_sdk.providers.local.training import ranks

_STORES = ("_metrics", "_stored_metrics")
"""Where TRL's trainers keep numbers until they are logged: its own, and the experimental ones."""


def pack(trainer: Any) -> dict[str, object]:
    """The sums, as JSON can hold them."""
    numbers = {name: [float(one) for one in kept] for name, kept in _numbers(trainer).items()}
    return {
        # The log has the mean over all processes, and each goes on with what is carried.
        "loss": fmean(ranks.gather(float(trainer._tr_loss))),
        "logged": trainer._globalstep_last_logged,
        "numbers": {name: kept for name, kept in numbers.items() if all(map(math.isfinite, kept))},
    }


def unpack(trainer: Any, packed: Mapping[str, object]) -> None:
    """Puts the sums back where `pack` found them."""
    trainer._tr_loss.fill_(packed["loss"])
    trainer._globalstep_last_logged = packed["logged"]
    numbers = _numbers(trainer)
    for name, values in cast("Mapping[str, list[float]]", packed["numbers"]).items():
        numbers[name].extend(values)


@contextmanager
def untouched() -> Generator[None]:
    """What happens within draws no random number from the training's own."""
    random, torch = import_module("random"), import_module("torch")
    numpy = import_module("numpy.random")
    states = random.getstate(), numpy.get_state()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(states[0])
        numpy.set_state(states[1])


def _numbers(trainer: Any) -> Any:
    stores = (getattr(trainer, name, None) for name in _STORES)
    store = next((one for one in stores if one is not None), None)
    return defaultdict[str, list[float]](list) if store is None else store["train"]
