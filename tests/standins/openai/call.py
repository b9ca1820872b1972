"""One request on its way to the function that answers it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from tests.standins.openai.multipart import BrokenFormError, Part, read_form
from tests.standins.openai.pages import Lens, Query
from tests.standins.openai.state import State
from tests.standins.openai.wire import Json, Refusal, as_object, parsed


@dataclass(frozen=True, slots=True)
class Payload:
    """The body: its bytes, or the fields of a form whose bytes are not kept."""

    raw: bytes = b""
    kind: str = ""
    form: dict[str, Part] | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """What a route gets.

    Attributes:
        ids: the ids in the path, in order.
        lens: how lists are seen.
        headers: names in lower case.
    """

    state: State
    ids: tuple[str, ...] = ()
    query: Query = field(default_factory=dict[str, list[str]])
    payload: Payload = field(default_factory=Payload)
    lens: Lens = field(default_factory=Lens)
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def id(self) -> str:
        return self.ids[0]

    def json(self) -> Json:
        """The body, which must be an object."""
        body = as_object(parsed(self.payload.raw))
        if body is None:
            raise Refusal(400, "We could not parse the JSON body of your request.")
        return body

    def form(self) -> dict[str, Part]:
        """The fields of the body, which must be a form."""
        payload = self.payload
        if payload.form is not None:
            return payload.form
        try:
            return read_form(payload.kind, [payload.raw], keep=self.state.keep_bytes)
        except BrokenFormError as broken:
            raise Refusal(400, f"Invalid multipart body: {broken}.") from broken


def read(kind: str, chunks: Iterable[bytes], *, keep: bool) -> Payload:
    """Reads a body; a form whose bytes are not kept is never in the memory as a whole."""
    if keep or not kind.startswith("multipart/"):
        return Payload(b"".join(chunks), kind)
    try:
        return Payload(kind=kind, form=read_form(kind, chunks, keep=False))
    except BrokenFormError:
        return Payload(kind=kind)


def first(chunks: Iterable[bytes], count: int) -> Iterator[bytes]:
    """The first bytes of a body."""
    for chunk in chunks:
        if count <= 0:
            return
        yield chunk[:count]
        count -= len(chunk)
