"""What goes over the wire: requests as they were asked, answers, and what ends a connection."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

Json = dict[str, Any]
Ending = Literal["refuse", "drop", "reset", "hang"]

ROOT = "/v1"
TYPES = {429: "rate_limit_error"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service says, and what becomes of the connection.

    Attributes:
        ending: what happens instead of any byte of the answer; None sends it.
        handled: the service did what it was asked, whether or not the answer arrives.
        cut: bytes of the body that are sent before the connection closes; None sends all.
        before: seconds before the service looks at the request.
        wait: seconds between its work and the first byte.
        drip: seconds between two bytes of the body.
        drip_headers: seconds between two bytes of the headers.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    ending: Ending | None = None
    handled: bool = False
    cut: int | None = None
    before: float = 0.0
    wait: float = 0.0
    drip: float = 0.0
    drip_headers: float = 0.0

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request that came in whole.

    Attributes:
        path: without the root, `/fine_tuning/jobs` for instance.
        headers: names in lower case.
        body: empty for a form, where the service keeps no bytes.
        json: the body, where it is JSON.
    """

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    json: Any = None


class Refusal(Exception):  # noqa: N818 - an answer, and no fault of ours
    """The service says no, in its own words."""

    def __init__(
        self, status: int, message: str, *, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.answer = answered(error(status, message, param=param, code=code), status)


def error(
    status: int,
    message: str,
    *,
    param: str | None = None,
    code: str | None = None,
    kind: str | None = None,
) -> dict[str, object]:
    """The vendor's shape of an error; its `type` follows from the status, unless it is given."""
    usual = TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {"error": {"message": message, "type": kind or usual, "param": param, "code": code}}


def answered(value: object, status: int = 200) -> Answer:
    """An answer in JSON."""
    body = json.dumps(value).encode()
    return Answer(status, {"content-type": "application/json"}, body, handled=True)


def parsed(body: bytes) -> Any:
    """The JSON of a body; None where it is none."""
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None


def as_object(value: object) -> Json | None:
    """A value of JSON, where it is an object."""
    return cast("Json", value) if isinstance(value, dict) else None


def as_list(value: object) -> Sequence[Any] | None:
    """A value of JSON, where it is a list."""
    return cast("Sequence[Any]", value) if isinstance(value, list) else None


def inner(found: Json, name: str) -> Json:
    """An object within an object; empty where there is none."""
    return as_object(found.get(name)) or {}
