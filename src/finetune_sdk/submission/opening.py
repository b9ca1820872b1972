"""Where the journal of a provider lies."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from weakref import WeakKeyDictionary

from finetune_sdk.providers.base import FineTuneProvider
from finetune_sdk.submission.journal import Journal
from finetune_sdk.submission.locks import Locks

FOLDER = "submissions"


class Books(NamedTuple):
    """A journal and its locks."""

    journal: Journal
    locks: Locks


_in_memory: WeakKeyDictionary[FineTuneProvider, Books] = WeakKeyDictionary()


def journal_of(home: Path) -> Journal:
    """The journal of a state folder."""
    return Journal(home / FOLDER)


def books_of(provider: FineTuneProvider, home: Path) -> Books:
    """The journal of the state folder; for a provider whose jobs go with it, its own in memory."""
    if not provider.ephemeral:
        return Books(journal_of(home), Locks(home / FOLDER / "locks"))
    # `setdefault` is one step: two threads get the same one.
    return _in_memory.setdefault(provider, Books(Journal(None), Locks(None)))
