"""What a room of the Hub gets and gives: calls, routes, answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable
from urllib.parse import unquote

from tests.standins.hub.accounts import Account
from tests.standins.openai import Answer, Reply
from tests.standins.openai.wire import Json, as_object, parsed

JSON = "application/json; charset=utf-8"
QUIET = str.maketrans("\r\n", "  ")
"""What no header may hold."""


class RefusedError(Exception):
    """The Hub says no; an answer, and no fault of ours."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.body.decode())
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Call:
    """One request, let in.

    Attributes:
        path: as it was sent; what is quoted in it stays so.
        query: of each parameter its last value; `values` has all.
        headers: names in lower case.
        account: whose token came with it; None without a token.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    values: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    account: Account | None = None

    @property
    def token(self) -> str:
        """The bearer's token; empty where there is none."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token if scheme.lower() == "bearer" else ""

    def json(self) -> Json:
        """The body, which must be an object.

        Raises:
            RefusedError: it is none.
        """
        body = as_object(parsed(self.body))
        if body is None:
            raise RefusedError(refuse(400, "Invalid JSON in the body of the request"))
        return body


Handler = Callable[[Call, "re.Match[str]"], Answer]
Route = tuple[str, str, Handler]
"""A method, a regular expression for the whole path as it is sent, and who answers."""


class Room(Protocol):
    """A part of the Hub."""

    def routes(self) -> Iterable[Route]: ...


@runtime_checkable
class Settling(Protocol):
    """A room in which time does something: it is asked to catch up before each request."""

    def settle(self) -> None: ...


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer in JSON."""
    body = json.dumps(value).encode()
    return Answer(status, {"content-type": JSON, **(headers or {})}, body, handled=True)


def refuse(status: int, message: str, code: str | None = None, **more: object) -> Answer:
    """A refusal as the Hub words it: in the headers, and in a body."""
    headers = {"X-Error-Message": message.translate(QUIET)}
    if code is not None:
        headers["X-Error-Code"] = code
    return answer({"error": message, **more}, status, headers)


def broken(
    status: int, message: str, *, headers: Mapping[str, str] | None = None, after: bool = False
) -> Reply:
    """A fault that answers in the Hub's words."""
    said = refuse(status, message)
    return Reply(status, said.body, {**said.headers, **(headers or {})}, after=after)


def sse(lines: Iterable[Mapping[str, Any]]) -> Answer:
    """Events, one for each line."""
    body = "".join(f"data: {json.dumps(line)}\n\n" for line in lines)
    return Answer(200, {"content-type": "text/event-stream"}, body.encode(), handled=True)


def text(found: re.Match[str], name: str | int) -> str:
    """A group of the path, unquoted; empty where it took no part."""
    return unquote(found[name] or "")
