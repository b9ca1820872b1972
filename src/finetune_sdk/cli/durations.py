"""Lengths of time, as people write and read them."""

from __future__ import annotations

import re

from finetune_sdk.errors import ConfigurationError

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_LENGTH = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhd]?)")


def seconds(text: str | None, option: str) -> float | None:
    """Seconds of `45s`, `90m`, `8h`, `2d`, or of a plain number.

    Raises:
        ConfigurationError: it is no such text.
    """
    if text is None:
        return None
    found = _LENGTH.fullmatch(text.strip().lower())
    if found is None:
        raise ConfigurationError(
            f"`{option}` is {text!r:.80}; it takes a number with a unit, such as 45s, 90m, 8h or "
            "2d, or a plain number of seconds"
        )
    return float(found[1]) * _UNITS[found[2]]


def rough(length: float) -> str:
    """Seconds in the unit that says most: `45 s`, `90 min`, `8 h`, `3 d`."""
    whole = round(length)
    for factor, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if whole >= 2 * factor:
            return f"{round(whole / factor)} {unit}"
    return f"{whole} s"
