"""What can go wrong with one request: small values that a fault carries."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from tests.standins.openai.pages import Lens
from tests.standins.openai.wire import Answer, answered, error


class Action:
    """Nothing goes wrong."""

    __slots__ = ()

    @property
    def before(self) -> float:
        """Real seconds that pass before the service looks at the request."""
        return 0.0

    @property
    def read(self) -> int | None:
        """Bytes of the request's body that are read; None reads all."""
        return None

    def instead(self) -> Answer | None:
        """The answer of whoever stands before the service, which then does nothing."""
        return None

    def bend(self, answer: Answer) -> Answer:
        """What becomes of the answer of the service, which did its work."""
        return answer

    def look(self, lens: Lens) -> Lens:
        """How lists are seen."""
        return lens


@dataclass(frozen=True, slots=True)
class Refuse(Action):
    """Nobody listens. A server that does listen drops the connection, and records nothing."""

    def instead(self) -> Answer:
        return Answer(ending="refuse")


@dataclass(frozen=True, slots=True)
class DropBefore(Action):
    """The connection closes and nothing was done; `keep` bytes of the body were read."""

    keep: int | None = None
    reset: bool = False

    @property
    def read(self) -> int | None:
        return self.keep

    def instead(self) -> Answer:
        return Answer(ending="reset" if self.reset else "drop")


@dataclass(frozen=True, slots=True)
class DropAfter(Action):
    """It was done, and the connection closes without a byte of the answer."""

    reset: bool = False

    def bend(self, answer: Answer) -> Answer:
        return replace(answer, ending="reset" if self.reset else "drop")


@dataclass(frozen=True, slots=True)
class Hang(Action):
    """No answer ever comes: the client's time runs out. `after` does what was asked first."""

    after: bool = False

    def instead(self) -> Answer | None:
        return None if self.after else Answer(ending="hang")

    def bend(self, answer: Answer) -> Answer:
        return replace(answer, ending="hang")


@dataclass(frozen=True, slots=True)
class CutBody(Action):
    """The connection closes within the body; after half of it by default."""

    at: int | None = None

    def bend(self, answer: Answer) -> Answer:
        return replace(answer, cut=len(answer.body) // 2 if self.at is None else self.at)


@dataclass(frozen=True, slots=True)
class Delay(Action):
    """Real seconds pass before the work, or between the work and the answer."""

    first: float = 0.0
    after: float = 0.0

    @property
    def before(self) -> float:
        return self.first

    def bend(self, answer: Answer) -> Answer:
        return replace(answer, wait=self.after)


@dataclass(frozen=True, slots=True)
class Reply(Action):
    """This answer, instead of the service's or, with `after`, once it has done its work.

    Attributes:
        body: bytes as they are, anything else as JSON; None is an error as the vendor writes it.
    """

    status: int
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    after: bool = False

    def instead(self) -> Answer | None:
        return None if self.after else self._answer()

    def bend(self, answer: Answer) -> Answer:
        return replace(self._answer(), handled=True) if self.after else answer

    def _answer(self) -> Answer:
        body = error(self.status, f"Injected {self.status}.") if self.body is None else self.body
        told = answered(None if isinstance(body, bytes) else body, self.status)
        content = body if isinstance(body, bytes) else told.body
        headers = {**told.headers, **self.headers}
        return replace(told, headers=headers, body=content, handled=False)


@dataclass(frozen=True, slots=True)
class Redirect(Action):
    """Go somewhere else."""

    location: str
    status: int = 307

    def instead(self) -> Answer:
        return Answer(self.status, {"location": self.location})


Garbling = Literal["html", "null", "list", "truncated", "no_id", "empty"]


@dataclass(frozen=True, slots=True)
class Garble(Action):
    """It was done, and the body of the answer is not what it should be."""

    how: Garbling | bytes

    def bend(self, answer: Answer) -> Answer:
        kind = "text/html" if self.how == "html" else answer.headers["content-type"]
        return replace(answer, body=self._body(answer), headers={"content-type": kind})

    def _body(self, answer: Answer) -> bytes:
        match self.how:
            case bytes():
                return self.how
            case "truncated":
                return answer.body[: len(answer.body) // 2]
            case "no_id":
                said = answer.json()
                return json.dumps({key: said[key] for key in said if key != "id"}).encode()
            case _:
                whole = {"html": b"<html><body>Bad gateway</body></html>"}
                return (whole | {"null": b"null", "list": b"[]", "empty": b""})[self.how]


@dataclass(frozen=True, slots=True)
class Edit(Action):
    """It was done, and the JSON of the answer goes through a function."""

    # A function's address differs between runs, and is no name of a test.
    change: Callable[[Any], object] = field(repr=False)

    def bend(self, answer: Answer) -> Answer:
        return replace(answer, body=json.dumps(self.change(answer.json())).encode())


@dataclass(frozen=True, slots=True)
class Lag(Action):
    """Lists do not show a job until it is so many seconds old, by the service's clock."""

    seconds: float

    def look(self, lens: Lens) -> Lens:
        return replace(lens, lag=self.seconds)


@dataclass(frozen=True, slots=True)
class IgnoreMetadata(Action):
    """A list is filtered by nothing."""

    def look(self, lens: Lens) -> Lens:
        return replace(lens, any_metadata=True)


@dataclass(frozen=True, slots=True)
class IgnoreAfter(Action):
    """Each page is the first one, and says that there are more."""

    def look(self, lens: Lens) -> Lens:
        return replace(lens, endless=True)


@dataclass(frozen=True, slots=True)
class Drip(Action):
    """The body comes a byte every so many real seconds."""

    seconds: float

    def bend(self, answer: Answer) -> Answer:
        return replace(answer, drip=self.seconds)


@dataclass(frozen=True, slots=True)
class DripHeaders(Action):
    """The headers come a byte every so many real seconds."""

    seconds: float

    def bend(self, answer: Answer) -> Answer:
        return replace(answer, drip_headers=self.seconds)
