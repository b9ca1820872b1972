"""What a job would cost."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from finetune_sdk.types._base import Value


class CostEstimate(Value):
    """Low to high, in US dollars, with its source. An estimate, never a bill."""

    low: Annotated[float, Field(ge=0)]
    high: Annotated[float, Field(ge=0)]
    source: str
