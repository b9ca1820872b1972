"""The socket before the service: HTTP/1.1 on loopback, with keep-alive, a thread a connection."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from http.client import responses
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, ClassVar, Protocol

from tests.standins.openai.actions import Action
from tests.standins.openai.wire import Answer

CHUNK = 64 * 1024
RESET = struct.pack("ii", 1, 0)
"""Linger for no time: closing sends a reset."""


class Exchanging(Protocol):
    @property
    def action(self) -> Action: ...

    def answer(self, chunks: Iterable[bytes]) -> Answer: ...


Begin = Callable[[str, str, Mapping[str, str]], Exchanging]


class GoneError(ConnectionError):
    """The client went away within its request."""


GONE = (ConnectionError, TimeoutError, ssl.SSLError)
"""What a client does: it goes away, or trusts nobody."""


class Server:
    """Listens from when it is made until it is stopped."""

    def __init__(self, begin: Begin, tls: ssl.SSLContext | None = None) -> None:
        self._listener = _Listener(begin, tls)
        self._thread = threading.Thread(
            target=self._listener.serve_forever, args=(0.01,), name="openai-standin", daemon=True
        )
        self._thread.start()

    @property
    def address(self) -> str:
        host = "https://localhost" if self._listener.tls else "http://127.0.0.1"
        return f"{host}:{self._listener.server_address[1]}"

    def stop(self) -> None:
        self._listener.stopping.set()
        self._listener.shutdown()
        self._listener.hang_up()
        self._listener.server_close()
        self._thread.join()
        if crashes := self._listener.crashes:
            raise RuntimeError("the stand-in failed") from crashes[0]


class _Listener(ThreadingMixIn, TCPServer):
    daemon_threads = False  # So that closing waits for them.
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, begin: Begin, tls: ssl.SSLContext | None) -> None:
        self.begin = begin
        self.tls = tls
        self.stopping = threading.Event()
        self.crashes: list[BaseException] = []
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)
        if tls is not None:
            # The handshake is the business of the connection's own thread.
            self.socket = tls.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._open.discard(request)
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(RESET)) == RESET:
            self.close_request(request)  # A farewell first would be no reset.
        else:
            super().shutdown_request(request)

    def hang_up(self) -> None:
        """Wakes every thread that reads or writes."""
        with self._guard:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    # Past TLS, whose state belongs to the thread that reads.
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        if error is not None and not isinstance(error, GONE):
            self.crashes.append(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener  # pyright: ignore[reportIncompatibleVariableOverride]
    methods: ClassVar = ("GET", "HEAD", "POST", "DELETE", "PUT", "PATCH")

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.removeprefix("do_") in self.methods:
            return self._respond
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Says nothing."""

    def _respond(self) -> None:
        exchange = self.server.begin(self.command, self.path, dict(self.headers.items()))
        self._wait(exchange.action.before)
        body = self._body()
        answer = exchange.answer(body)
        if answer.ending is not None:
            self._end(answer.ending)
            return
        for _ in body:  # What nobody read is no beginning of the next request.
            pass
        self._send(answer)

    def _body(self) -> Iterator[bytes]:
        if "chunked" in self.headers.get("transfer-encoding", ""):
            return self._chunks()
        return self._exactly(int(self.headers.get("content-length", 0)))

    def _exactly(self, count: int) -> Iterator[bytes]:
        while count > 0:
            piece = self.rfile.read(min(count, CHUNK))
            if not piece:
                raise GoneError
            count -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self._line(), 16):
            yield from self._exactly(size)
            self._line()
        self._line()

    def _line(self) -> bytes:
        line = self.rfile.readline()
        if not line:
            raise GoneError
        return line

    def _end(self, ending: str) -> None:
        self.close_connection = True
        if ending == "hang":
            # Returns when the client gives up, or when the server stops.
            self.connection.recv(1)
        if ending == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    def _send(self, answer: Answer) -> None:
        self._wait(answer.wait)
        # HEAD is told how long a body would be, and gets none.
        head = self._head(answer)
        body = b"" if self.command == "HEAD" else answer.body[: answer.cut]
        if answer.cut is not None:
            self.close_connection = True
        if answer.drip_headers or answer.drip:
            self._slowly(head, answer.drip_headers)
            self._slowly(body, answer.drip)
        else:
            self.wfile.write(head + body)

    def _slowly(self, data: bytes, pause: float) -> None:
        if not pause:
            self.wfile.write(data)
            return
        for byte in data:
            self.wfile.write(bytes([byte]))
            self._wait(pause)

    def _head(self, answer: Answer) -> bytes:
        lines = [f"HTTP/1.1 {answer.status} {responses.get(answer.status, 'Unknown')}"]
        headers = {**answer.headers, "content-length": str(len(answer.body))}
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _wait(self, seconds: float) -> None:
        if seconds:
            self.server.stopping.wait(seconds)
