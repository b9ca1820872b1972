"""What a job would cost."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from finetune_sdk.types._base import Value


class CostEstimate(Value):
    """Low to high, in US dollars. An estimate, never a bill.

    Attributes:
        low: at least.
        high: at most.
        source: where the price is from, and how it was reckoned.
        as_of: the day of the price; None where it does not age.
    """

    low: Annotated[float, Field(ge=0)]
    high: Annotated[float, Field(ge=0)]
    source: str
    as_of: date | None = None


class NoEstimate(Value):
    """Nobody can tell what a job would cost, and why."""

    reason: str
