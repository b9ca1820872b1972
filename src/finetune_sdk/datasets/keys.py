"""The keys of a row: those that are missing, those that nobody knows, and which was meant."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches

from finetune_sdk.datasets.faults import Fault, clean, shown, step
from finetune_sdk.datasets.read import Row

# High, so that `chosen` is no misspelt `rejected`, and low enough for a letter or two.
_LIKENESS = 0.8


def key_faults(
    row: Row, *, wanted: Iterable[str], known: Collection[str], at: str = "", kind: str
) -> Iterator[Fault]:
    """Missing and unknown keys; a misspelt one is told once, as the one that is missing.

    Args:
        row: the object that has the keys.
        wanted: the keys that it must have.
        known: the keys that it may have.
        at: the pointer to it.
        kind: what it is, for messages.
    """
    strangers = [key for key in row if key not in known]
    missing: list[str] = []
    for key in (key for key in wanted if key not in row):
        meant = misspelt(key, strangers)
        if meant is None:
            missing.append(f"`{key}`")
        else:
            strangers.remove(meant)
            text = f"{kind} needs `{key}`, and has none; `{clean(meant)}` may be meant"
            yield Fault("missing_key", step(at, meant), text)
    if missing:
        yield Fault("missing_key", at, f"{kind} needs {', '.join(missing)}, and has none")
    for key in strangers:
        yield Fault("unknown_row_key", step(at, key), f"{shown(key)} is no key of {kind}")


def misspelt(key: str, candidates: Iterable[str]) -> str | None:
    """The candidate that was most likely meant to be `key`."""
    by_folded = {candidate.lower(): candidate for candidate in candidates}
    found = get_close_matches(key, by_folded, n=1, cutoff=_LIKENESS)
    return by_folded[found[0]] if found else None
