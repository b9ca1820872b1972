"""Answers that were asked for before: what a comparison that was stopped goes on with."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Protocol

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.types import Answer

_LIFE = 90 * 24 * 3600.0
"""Seconds that an answer is kept: the model behind a hosted name may change."""

_FORM = 1
"""Of what is kept of an answer; it grows when an old one would be misread."""

_TABLE = "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, at REAL, answer TEXT) STRICT"


class Store(Protocol):
    """Where answers are kept."""

    def get(self, key: str) -> Answer | None:
        """The answer to the question of that key; None where there is none."""
        ...

    def put(self, key: str, answer: Answer) -> None: ...


class Forgetful:
    """Keeps nothing."""

    def get(self, key: str) -> Answer | None:  # noqa: ARG002
        return None

    def put(self, key: str, answer: Answer) -> None:
        pass


class Kept:
    """Answers in a file, which several processes may share. Of one thread.

    Args:
        path: of the file; its folder is made where it is missing.
        fresh: earlier answers are not used, and are written over.
        warn: is told once, where answers can be kept no more.

    Raises:
        ConfigurationError: it cannot be written.
    """

    def __init__(self, path: Path, *, fresh: bool, warn: Callable[[str], None]) -> None:
        self._path, self._fresh, self._warn = path, fresh, warn
        self._broken = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Answers may say what nobody else should read.
            path.touch(mode=0o600)
            self._base = _opened(path)
        except (OSError, sqlite3.Error) as error:
            raise ConfigurationError(
                f"answers cannot be kept in {str(path)!r}: {error}; name a folder for state that "
                "can be written, by FINETUNE_HOME, or delete that file"
            ) from None

    def get(self, key: str) -> Answer | None:
        if self._fresh:
            return None
        query = "SELECT answer FROM answers WHERE key = ?"
        found = self._run(query, (key,))
        try:
            return None if found is None else Answer.model_validate_json(found)
        except ValueError:
            return None  # Another version wrote it: it is asked again.

    def put(self, key: str, answer: Answer) -> None:
        row = (key, time.time(), answer.model_dump_json(exclude_none=True))
        self._run("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", row)

    def _run(self, words: str, values: tuple[object, ...]) -> str | None:
        """The first cell of what comes; a disk that is full must not end what is being asked."""
        if self._broken:
            return None
        try:
            with closing(self._base.execute(words, values)) as rows:
                found: tuple[str] | None = rows.fetchone()
        except sqlite3.Error as error:
            self._broken = True
            self._warn(
                f"answers are not kept any more, as {str(self._path)!r} fails ({error}): should "
                "this comparison be stopped, what is asked from now on is asked again"
            )
            return None
        return found[0] if found else None

    def close(self) -> None:
        self._base.close()


def key_of(identity: str, body: Mapping[str, object]) -> str:
    """What stands for one question to one model.

    Args:
        identity: of the model, and of the place that serves it.
        body: all that is sent.
    """
    text = json.dumps([_FORM, identity, body], sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _opened(path: Path) -> sqlite3.Connection:
    base = sqlite3.connect(path, timeout=30, isolation_level=None)
    try:
        base.execute("PRAGMA journal_mode=WAL")
        # A process that dies loses nothing; for what a power cut loses, no sync an answer.
        base.execute("PRAGMA synchronous=NORMAL")
        base.execute(_TABLE)
        base.execute("DELETE FROM answers WHERE at < ?", (time.time() - _LIFE,))
    except sqlite3.Error:
        base.close()
        raise
    return base
