"""Addresses where something is wrong: nobody listens, or somebody who should not hear a word."""

from __future__ import annotations

import socket
import threading
from collections.abc import Generator
from contextlib import suppress
from typing import Any

import pytest


class Listener:
    """Takes connections, keeps the first bytes that come, and hangs up."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def _serve(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection:
                if self._stopping.is_set():
                    return
                with suppress(OSError):
                    self.got.append(connection.recv(65536))

    def stop(self) -> None:
        self._stopping.set()
        socket.create_connection(self._socket.getsockname()).close()
        self._thread.join()
        self._socket.close()


@pytest.fixture
def listener() -> Generator[Listener]:
    listener = Listener()
    yield listener
    listener.stop()


@pytest.fixture
def closed() -> Generator[str]:
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> str:
    """A host that no name server knows."""
    name, real = "nowhere.invalid", socket.getaddrinfo

    def look_up(host: Any, *more: Any, **words: Any) -> Any:
        if host in (name, name.encode()):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *more, **words)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return name
