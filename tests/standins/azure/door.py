"""A listener that records what comes in and lets faults happen; its owner answers."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs

from tests.standins.openai import Action, Answer, Faults, Recorded
from tests.standins.openai.call import first
from tests.standins.openai.server import Server
from tests.standins.openai.wire import Refusal, parsed

WRITES = ("PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class Asked(Recorded):
    """A request whose whole path is still known.

    Attributes:
        target: the path with the root.
    """

    target: str = ""

    def one(self, name: str) -> str:
        """A parameter of the query; empty where it is absent."""
        return self.query[name][-1] if name in self.query else ""

    @property
    def bearer(self) -> str:
        """The token; empty where there is none."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token if scheme.lower() == "bearer" else ""


@dataclass(slots=True)
class Log:
    """What came in, and what goes wrong; several doors may share one."""

    faults: Faults = field(default_factory=Faults)
    requests: list[Asked] = field(default_factory=list[Asked])


class Door:
    """Listens while it is started.

    Attributes:
        most_writes: how many requests that change something were inside at once, at most.
    """

    def __init__(
        self,
        handle: Callable[[Asked], Answer],
        log: Log,
        lock: threading.RLock,
        *,
        relative: Callable[[str], str],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.log = log
        self.most_writes = 0
        self._handle = handle
        self._lock = lock
        self._relative = relative
        self._tls = tls
        self._writes = 0
        self._server: Server | None = None

    @property
    def address(self) -> str:
        if self._server is None:
            raise RuntimeError("the stand-in was not started")
        return self._server.address

    def start(self) -> None:
        if self._server is None:
            self._server = Server(self.begin, self._tls)

    def stop(self) -> None:
        """Returns when no thread is left."""
        if (server := self._server) is not None:
            self._server = None
            server.stop()

    def begin(self, method: str, target: str, headers: Mapping[str, str]) -> Visit:
        """A request whose body is still to come."""
        path, _, query = target.partition("?")
        asked = Asked(
            method=method,
            path=self._relative(path),
            query=parse_qs(query, keep_blank_values=True),
            headers={name.lower(): value for name, value in headers.items()},
            body=b"",
            target=path,
        )
        with self._lock:
            self._writes += method in WRITES
            self.most_writes = max(self.most_writes, self._writes)
        return Visit(self, asked, self.log.faults.take(method, asked.path)[0])

    def answer(self, asked: Asked, action: Action) -> Answer:
        """All that was asked at once, or nothing of it."""
        with self._lock:
            answer = action.instead()
            if answer is None or answer.ending != "refuse":
                self.log.requests.append(asked)
            return action.bend(self._handled(asked)) if answer is None else answer

    def leave(self, asked: Asked) -> None:
        with self._lock:
            self._writes -= asked.method in WRITES

    def _handled(self, asked: Asked) -> Answer:
        try:
            return self._handle(asked)
        except Refusal as refusal:
            return refusal.answer


@dataclass(frozen=True, slots=True)
class Visit:
    """One request with what goes wrong with it."""

    door: Door
    asked: Asked
    action: Action

    def answer(self, chunks: Iterable[bytes]) -> Answer:
        read = self.action.read
        try:
            body = b"".join(chunks if read is None else first(chunks, read))
            asked = replace(self.asked, body=body, json=parsed(body))
            return replace(self.door.answer(asked, self.action), before=self.action.before)
        finally:
            self.door.leave(self.asked)
