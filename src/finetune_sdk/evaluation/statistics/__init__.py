"""Intervals, and whether a difference is more than chance.

measured     a measure of one candidate as sums over rows, so that rows can be drawn anew
resampling   drawing rows anew, and swapping answers
comparing    estimates, differences, and how many rows would be needed
"""

from finetune_sdk.evaluation.statistics.comparing import (
    MIN_ROWS,
    difference,
    estimate,
    rows_needed,
)
from finetune_sdk.evaluation.statistics.measured import MACRO, Measured, measured

__all__ = ["MACRO", "MIN_ROWS", "Measured", "difference", "estimate", "measured", "rows_needed"]
