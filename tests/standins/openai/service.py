"""The service: a state machine that answers requests, with or without a socket before it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import ClassVar, Self
from urllib.parse import parse_qs, unquote

from finetune_sdk.transport import Clock
from tests.standins.openai import files, jobs, models, uploads
from tests.standins.openai.actions import Action
from tests.standins.openai.call import Call, Payload, first, read
from tests.standins.openai.faults import Faults
from tests.standins.openai.pages import Lens, Query
from tests.standins.openai.server import Server
from tests.standins.openai.state import KEY, State
from tests.standins.openai.wire import (
    ROOT,
    Answer,
    Json,
    Recorded,
    Refusal,
    answered,
    parsed,
)

NOWHERE = "http://127.0.0.1:1"
"""The address of a service that was not started: for a transport that needs no socket."""

Route = Callable[[Call], Json | Answer]
ROUTES: dict[tuple[str, ...], Route] = {
    ("POST", "files"): files.create,
    ("GET", "files"): files.listed,
    ("GET", "files", "*"): files.retrieve,
    ("DELETE", "files", "*"): files.delete,
    ("GET", "files", "*", "content"): files.content,
    ("POST", "uploads"): uploads.create,
    ("POST", "uploads", "*", "parts"): uploads.add_part,
    ("POST", "uploads", "*", "complete"): uploads.complete,
    ("POST", "uploads", "*", "cancel"): uploads.cancel,
    ("POST", "fine_tuning", "jobs"): jobs.create,
    ("GET", "fine_tuning", "jobs"): jobs.listed,
    ("GET", "fine_tuning", "jobs", "*"): jobs.retrieve,
    ("POST", "fine_tuning", "jobs", "*", "cancel"): jobs.cancel,
    ("POST", "fine_tuning", "jobs", "*", "pause"): jobs.pause,
    ("POST", "fine_tuning", "jobs", "*", "resume"): jobs.resume,
    ("GET", "fine_tuning", "jobs", "*", "events"): jobs.list_events,
    ("GET", "fine_tuning", "jobs", "*", "checkpoints"): jobs.list_checkpoints,
    ("GET", "models"): models.listed,
    ("GET", "models", "*"): models.retrieve,
    ("DELETE", "models", "*"): models.delete,
    ("POST", "chat", "completions"): models.chat,
}
Routes = Mapping[tuple[str, ...], Route]


def find_route(routes: Routes, method: str, path: str) -> tuple[Route, tuple[str, ...]]:
    """What answers a path without its root, and the ids in it."""
    words = {word for route in routes for word in route[1:]}
    parts = [unquote(part) for part in path.strip("/").split("/")]
    shape = tuple(part if part in words else "*" for part in parts)
    route = routes.get((method, *shape))
    if route is None:
        status = 405 if any(shape == other[1:] for other in routes) else 404
        raise Refusal(status, f"Invalid URL ({method} {path})")
    return route, tuple(part for part in parts if part not in words)


class OpenAIService(State):
    """OpenAI's service of files, jobs and models. As a context, it listens on loopback.

    Attributes:
        faults: what goes wrong.
        root: where the paths begin.
    """

    root: ClassVar[str] = ROOT

    def __init__(
        self,
        clock: Clock | None = None,
        key: str = KEY,
        *,
        keep_bytes: bool = True,
        strict_files: bool = False,
        file_delay: float = 0.0,
    ) -> None:
        super().__init__(
            clock, key, keep_bytes=keep_bytes, strict_files=strict_files, file_delay=file_delay
        )
        self.faults = Faults()
        self._requests: list[Recorded] = []
        self._server: Server | None = None

    @property
    def routes(self) -> Routes:
        """What answers what."""
        return ROUTES

    def relative(self, path: str) -> str | None:
        """A path without the root; None where it is not under it."""
        return path.removeprefix(self.root) if path.startswith(f"{self.root}/") else None

    def admit(self, headers: Mapping[str, str]) -> None:
        """Lets those in who have the key."""
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise Refusal(401, "You didn't provide an API key.")
        if key != self.key:
            shown = f"{key[:3]}***{key[-4:]}"
            message = f"Incorrect API key provided: {shown}."
            raise Refusal(401, message, code="invalid_api_key")

    def refused(self, refusal: Refusal) -> Answer:
        """How it says no."""
        return refusal.answer

    def mark(self, number: int) -> dict[str, str]:
        """The headers of every answer."""
        return {"x-request-id": f"req_{number:032x}"}

    def start(self) -> None:
        if self._server is None:
            self._server = Server(self.begin)

    def stop(self) -> None:
        """Closes every connection; returns when no thread is left.

        Raises:
            RuntimeError: the stand-in itself failed at a request.
        """
        if (server := self._server) is not None:
            self._server = None
            server.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """What a client takes as its `base_url`."""
        address = NOWHERE if self._server is None else self._server.address
        return f"{address}{self.root}"

    @property
    def requests(self) -> list[Recorded]:
        """What came in whole so far, in order."""
        with self.lock:
            return list(self._requests)

    def posts(self, path: str) -> list[Recorded]:
        """The POSTs of exactly this path, `/fine_tuning/jobs` for instance."""
        return [one for one in self.requests if one.method == "POST" and one.path == path]

    def handle(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | Iterable[bytes] = b"",
    ) -> Answer:
        """One request, without a socket. It never sleeps: what would is in the answer."""
        chunks = (body,) if isinstance(body, bytes) else body
        return self.begin(method, target, headers).answer(chunks)

    def begin(self, method: str, target: str, headers: Mapping[str, str]) -> Exchange:
        """A request whose body is still to come: decides what goes wrong with it."""
        path, _, query = target.partition("?")
        asked = parse_qs(query, keep_blank_values=True) if query else {}
        lowered = {name.lower(): value for name, value in headers.items()}
        action, lens = self.faults.take(method, self.relative(path) or path)
        return Exchange(self, method, path, asked, lowered, action, lens)

    def record(self, request: Recorded) -> None:
        self._requests.append(request)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request with what goes wrong with it; `action.before` passes before its answer."""

    service: OpenAIService
    method: str
    path: str
    query: Query
    headers: dict[str, str]
    action: Action
    lens: Lens

    def answer(self, chunks: Iterable[bytes]) -> Answer:
        """Reads the body, then does what it says: all at once, or nothing of it."""
        payload = self._read(chunks)
        with self.service.lock:
            answer = self.action.instead()
            if answer is None or answer.ending != "refuse":
                self.service.record(self._recorded(payload))
            if answer is None:
                answer = self.action.bend(self._handled(payload))
            number = self.service.count("request")
        headers = {**self.service.mark(number), **answer.headers}
        return replace(answer, headers=headers, before=self.action.before)

    def _read(self, chunks: Iterable[bytes]) -> Payload:
        kind = self.headers.get("content-type", "")
        if self.action.read is not None:
            return Payload(b"".join(first(chunks, self.action.read)), kind)
        return read(kind, chunks, keep=self.service.keep_bytes)

    def _recorded(self, payload: Payload) -> Recorded:
        path, found = self.service.relative(self.path) or self.path, None
        if payload.kind.startswith("application/json"):
            found = parsed(payload.raw)
        return Recorded(self.method, path, self.query, self.headers, payload.raw, found)

    def _handled(self, payload: Payload) -> Answer:
        service = self.service
        try:
            service.admit(self.headers)
            route, ids = self._route()
            said = route(Call(service, ids, self.query, payload, self.lens, self.headers))
        except Refusal as refusal:
            return service.refused(refusal)
        return said if isinstance(said, Answer) else answered(said)

    def _route(self) -> tuple[Route, tuple[str, ...]]:
        path = self.service.relative(self.path)
        if path is None:
            raise Refusal(404, f"Invalid URL ({self.method} {self.path})")
        return find_route(self.service.routes, self.method, path)
