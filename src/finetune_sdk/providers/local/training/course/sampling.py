"""The order of the rows: a function of the seed and the epoch alone.

Samplers of transformers and TRL draw an epoch's order from a generator that goes on from epoch to
epoch, some from the process's own. A training that goes on in its third epoch would see another
order there than one that was never stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

_EPOCHS = 2**20
"""More epochs than any training has: seeds of two jobs never meet."""


class ByEpoch:
    """A sampler that begins each epoch with a generator of its own."""

    def __init__(self, sampler: Any, seed: int) -> None:
        self._sampler = sampler
        self._seed = seed
        self._epoch = 0

    def __len__(self) -> int:
        return len(self._sampler)

    def __iter__(self) -> Iterator[int]:
        # One that keeps the rows in their order has no generator, and no use for it.
        if hasattr(self._sampler, "generator"):
            generator = import_module("torch").Generator()
            generator.manual_seed(self._seed * _EPOCHS + self._epoch)
            self._sampler.generator = generator
        return iter(self._sampler)

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer before it begins an epoch, counted from 0."""
        self._epoch = epoch


def order_by_epoch(trainer: Any, seed: int) -> None:
    """Makes a trainer of transformers see its rows in an order of `seed` and epoch."""
    own = trainer._get_train_sampler

    def sampler(dataset: Any = None) -> ByEpoch | None:
        given = own(dataset)
        return None if given is None else ByEpoch(given, seed)

    trainer._get_train_sampler = sampler
