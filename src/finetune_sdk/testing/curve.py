"""Numbers that look like a training's and are none: nothing was trained."""

from __future__ import annotations

import math
from hashlib import blake2b

from finetune_sdk.testing.script import JobScript

UNIT = "fake"
"""Of every number here, so that nobody takes it for a measurement."""

_FALL = 2.0
_SLOWNESS = 25.0
"""Steps until what is left to fall is a third of it."""


def training_loss(script: JobScript, seed: int | None, step: int) -> float:
    """The loss after a step: it falls, and trembles a little, by the job's seed."""
    falling = script.final_loss + _FALL * math.exp(-step / _SLOWNESS)
    return falling * (1 + 0.02 * _tremble(seed, step))


def validation_loss(script: JobScript, seed: int | None, step: int) -> float:
    """The loss on validation rows: a little higher, and rising where the script overfits."""
    turn = script.overfits_at_step
    beyond = 0 if turn is None else max(step - turn, 0)
    return training_loss(script, seed, step) + 0.1 + _FALL * (1 - math.exp(-beyond / _SLOWNESS))


def _tremble(seed: int | None, step: int) -> float:
    """From -1 to 1, the same on every machine."""
    digest = blake2b(f"{seed}:{step}".encode(), digest_size=4).digest()
    return int.from_bytes(digest) / 2**31 - 1
