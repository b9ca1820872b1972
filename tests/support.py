"""What tests of several rooms share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


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
