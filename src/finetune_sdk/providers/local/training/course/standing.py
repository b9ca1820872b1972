"""How measurements compare: the best so far, and how many came after it."""

from __future__ import annotations

import math

from pydantic import BaseModel


class Standing(BaseModel):
    """The measurements of one training, as far as they decide anything.

    Attributes:
        best: the best score so far, more is better; None before the first.
        step: where it was measured.
        worse: measurements since then.
    """

    best: float | None = None
    step: int | None = None
    worse: int = 0

    def improved_by(self, step: int, score: float) -> bool:
        """Takes a score into account; gives whether it is the best so far."""
        if math.isfinite(score) and (self.best is None or score > self.best):
            self.best, self.step, self.worse = score, step, 0
            return True
        self.worse += 1
        return False

    def gave_up(self, patience: int | None) -> bool:
        """So many measurements without a better one are enough."""
        return patience is not None and self.worse >= patience
