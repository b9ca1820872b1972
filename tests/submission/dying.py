"""Where a process ends: the steps are hooked from here, and nothing of it is in what is shipped."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any

from finetune_sdk.submission import Row, State


def end(how: str) -> None:
    if how == "exit":
        os._exit(3)
    os.kill(os.getpid(), signal.SIGKILL)


def around(
    kind: type[Any],
    name: str,
    *,
    before: Callable[..., bool] | None = None,
    after: Callable[..., bool] | None = None,
    last: Callable[[], None],
) -> None:
    """Ends before or after those calls of a method that the condition holds for."""
    real = getattr(kind, name)

    def hooked(self: Any, *arguments: Any, **words: Any) -> Any:
        if before and before(*arguments, **words):
            last()
        value = real(self, *arguments, **words)
        if after and after(*arguments, **words):
            last()
        return value

    setattr(kind, name, hooked)


def becomes(state: State) -> Callable[..., bool]:
    def holds(row: Row, **fields: object) -> bool:
        return fields.get("state") is state

    return holds


def always(*_: object) -> bool:
    return True


def in_the_transaction(last: Callable[[], None]) -> None:
    """Ends when the change is made, and not yet committed."""

    class Brittle(sqlite3.Connection):
        def execute(self, statement: str, parameters: Any = (), /) -> sqlite3.Cursor:
            cursor = super().execute(statement, parameters)
            if statement.startswith("UPDATE") and State.CREATED.value in parameters:
                last()
            return cursor

    setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Brittle))  # noqa: B010
