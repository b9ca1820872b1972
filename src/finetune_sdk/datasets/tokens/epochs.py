"""How often `auto` goes through the rows.

Not published by OpenAI for today's models: the rule and its numbers are those of the cookbook's
notebook Chat_finetuning_data_prep, 2023.
"""

from __future__ import annotations

_EPOCHS, _MOST_EPOCHS = 3, 25
_FEWEST_EXAMPLES, _MOST_EXAMPLES = 100, 25_000
"""Rows times epochs that the rule aims at."""


def auto_epochs(rows: int) -> int:
    """The epochs that `auto` makes of so many rows."""
    rows = max(rows, 1)
    if rows * _EPOCHS < _FEWEST_EXAMPLES:
        return min(_MOST_EPOCHS, _FEWEST_EXAMPLES // rows)
    if rows * _EPOCHS > _MOST_EXAMPLES:
        return max(1, _MOST_EXAMPLES // rows)
    return _EPOCHS
