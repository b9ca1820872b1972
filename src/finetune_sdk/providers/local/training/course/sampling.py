"""The order of the rows: a function of the seed and the epoch alone.

Samplers of transformers and TRL draw an epoch's order from a generator that goes on from epoch to
epoch, some from the process's own. A training that goes on in its third epoch would see another
order there than one that was never stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import chain, cycle, islice
from typing import Any

from finetune_sdk.providers.local.training import ranks

_EPOCHS = 2**20
"""More epochs than any training has: seeds of two jobs never meet."""

EMPTY = "empty_rows"
"""What a trainer calls the number of rows at the end of its data from which nothing is learned."""


class ByEpoch:
    """A sampler that begins each epoch with a generator of its own.

    All of several processes must have as many rows in an epoch's last batch. accelerate would take
    some of the first batch for it, which are learned from twice then. Here empty rows come in,
    where there are any; otherwise those that would be computed last are taken as often as it needs,
    and keep their mean where that comes out even.

    Args:
        at_once: rows that are computed at once, by all processes.
        empty: rows that come behind those of the sampler, from which nothing is learned.
    """

    def __init__(self, sampler: Any, seed: int, *, at_once: int = 1, empty: int = 0) -> None:
        self._sampler = sampler
        self._seed = seed
        self._at_once = at_once
        self._empty = empty
        self._epoch = 0

    def __len__(self) -> int:
        return len(self._sampler) + self._lacking

    def __iter__(self) -> Iterator[int]:
        # One that keeps the rows in their order has no generator, and no use for it.
        if hasattr(self._sampler, "generator"):
            generator = import_module("torch").Generator()
            generator.manual_seed(self._seed * _EPOCHS + self._epoch)
            self._sampler.generator = generator
        return self._filled() if self._lacking else iter(self._sampler)

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer before it begins an epoch, counted from 0."""
        self._epoch = epoch

    @property
    def _lacking(self) -> int:
        return -len(self._sampler) % self._at_once

    def _filled(self) -> Iterator[int]:
        rows = list(self._sampler)
        last = rows[-(len(rows) % self._at_once) :]
        more = range(len(rows), len(rows) + self._empty) if self._empty else cycle(last)
        return chain(rows, islice(more, self._lacking))


def order_by_epoch(trainer: Any, seed: int) -> Callable[[int], None]:
    """Makes a trainer of transformers see its rows in an order of `seed` and epoch.

    Returns:
        To be called before an epoch begins, with its number from 0. A trainer of several processes
        that goes on in the midst of an epoch does not reach its sampler (accelerate 1.15).
    """
    made = list[ByEpoch]()
    own, processes = trainer._get_train_sampler, ranks.world()
    empty = getattr(trainer, EMPTY, 0)
    at_once = trainer.args.per_device_train_batch_size * processes if processes > 1 else 1

    def sampler(dataset: Any = None) -> ByEpoch | None:
        rows = trainer.train_dataset if dataset is None else dataset
        given = own(rows.select(range(len(rows) - empty)) if empty else rows)
        if hasattr(given, "batch_size"):
            # It groups the rows of one process's batches; these are all of theirs.
            given.batch_size *= processes
        if given is not None:
            made.append(ByEpoch(given, seed, at_once=at_once, empty=empty))
        return None if given is None else made[-1]

    def begin(epoch: int) -> None:
        for one in made:
            one.set_epoch(epoch)

    trainer._get_train_sampler = sampler
    return begin
