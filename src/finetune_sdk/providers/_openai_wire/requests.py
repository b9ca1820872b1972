"""One request and its answer, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Literal
from urllib.parse import quote

from finetune_sdk.transport.deadlines import upload_seconds

if TYPE_CHECKING:
    from finetune_sdk.transport.policy import Use

JOBS = "/fine_tuning/jobs"
Verb = Literal["cancel", "pause", "resume"]


@dataclass(frozen=True, kw_only=True)
class Part:
    """A file in a form: read from where it stands, so that it can be sent again.

    Attributes:
        name: of the form's field.
        filename: what the server calls it.
        file: open for reading, and able to go back.
        size: in bytes.
    """

    name: str
    filename: str
    file: BinaryIO
    size: int


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is sent.

    Attributes:
        use: how the policy treats it.
        path: behind the base URL.
        query: of the URL.
        body: a JSON object, or with `part` the other fields of the form.
        part: a file.
        headers: beside those of every request.
        seconds: the deadline of the whole call; None is that of the provider.
    """

    use: Use
    method: Literal["GET", "POST", "DELETE"]
    path: str
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    body: Mapping[str, object] | None = None
    part: Part | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, with names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def segment(name: str) -> str:
    """An id as one part of a path, whatever stands in it; dots alone would climb."""
    return quote(name, safe=":") if name.strip(".") else name.replace(".", "%2E")


def read(path: str, **query: str | None) -> Request:
    """A read; what is None in the query is left out."""
    given = {name: value for name, value in query.items() if value is not None}
    return Request(use="read", method="GET", path=path, query=given)


def page(path: str, limit: int, cursor: str | None, **query: str) -> Request:
    """A read of one page of a list."""
    return read(path, limit=str(limit), after=cursor, **query)


def create_job(body: Mapping[str, object]) -> Request:
    """The step that spends."""
    return Request(use="create", method="POST", path=JOBS, body=body)


def change_job(job_id: str, verb: Verb) -> Request:
    """Asks for a change that asking twice does not double."""
    return Request(use="put", method="POST", path=f"{JOBS}/{segment(job_id)}/{verb}")


def delete(path: str) -> Request:
    """A delete, which asking twice does not double."""
    return Request(use="delete", method="DELETE", path=path)


def upload(path: str, part: Part, body: Mapping[str, object]) -> Request:
    """A form with a file; its deadline is by its size."""
    return Request(
        use="upload",
        method="POST",
        path=path,
        body=body,
        part=part,
        seconds=upload_seconds(part.size),
    )
