"""A signal that asks us to go ends a command as Ctrl-C does, with its own exit code."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

_Handler = Callable[[int, FrameType | None], object] | int | None
_NAMES = ("SIGTERM", "SIGHUP")


class Received:
    """Which signal came; none yet."""

    def __init__(self) -> None:
        self.number = 0

    @property
    def exit_code(self) -> int:
        """As a shell counts: 143 for SIGTERM, 129 for SIGHUP; 0 where none came."""
        return 128 + self.number if self.number else 0

    def handle(self, number: int, _: FrameType | None) -> None:
        self.number = number
        raise KeyboardInterrupt


@contextmanager
def signals() -> Generator[Received]:
    """While this is open, SIGTERM and SIGHUP raise KeyboardInterrupt and are remembered."""
    received = Received()
    kept: dict[int, _Handler] = {}
    if threading.current_thread() is threading.main_thread():
        for number in (getattr(signal, name) for name in _NAMES if hasattr(signal, name)):
            # Whoever started us with `nohup` wants a signal to be ignored.
            if signal.getsignal(number) != signal.SIG_IGN:
                kept[number] = signal.signal(number, received.handle)
    try:
        yield received
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
