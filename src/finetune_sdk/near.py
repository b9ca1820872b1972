"""The word that somebody most likely meant."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`"; did you mean `epochs`?"`, or nothing where no known word is near."""
    from difflib import get_close_matches

    by_folded = {name.lower(): name for name in known}
    found = get_close_matches(word.lower(), by_folded, n=2, cutoff=0.6)
    if not found:
        return ""
    return f"; did you mean {' or '.join(f'`{by_folded[name]}`' for name in found)}?"
