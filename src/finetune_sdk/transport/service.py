"""A service that is asked over HTTP in JSON: any HTTP library sends, the rest is here.

Each request goes through the policy, within a deadline that the body of the answer counts to. What
comes back is a value, or one of our errors that says what the request may have done. The key goes
to the sending function alone, and is taken out of what the service repeats: of answers as it stands
in them, and of errors however it was escaped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar, cast

from finetune_sdk.errors import (
    ConnectionFailedError,
    FineTuneError,
    ProviderError,
    ResponseDecodeError,
)
from finetune_sdk.transport.clock import Clock
from finetune_sdk.transport.credentials import Credential
from finetune_sdk.transport.deadlines import CALL_SECONDS, Deadline
from finetune_sdk.transport.losses import NEVER_LEFT
from finetune_sdk.transport.policy import Policy, Use
from finetune_sdk.transport.redaction import redact
from finetune_sdk.transport.statuses import effect_of, kind_of
from finetune_sdk.transport.waits import asked_wait

T = TypeVar("T")

LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes of an answer at most."""

_LONGEST_WORDS = 1000
_MISTAKES = (AttributeError, ImportError, LookupError, NameError, TypeError)
"""Of whoever wrote the sending function; none of a line that is down."""


@dataclass(frozen=True)
class Request:
    """What is sent.

    Attributes:
        use: what it is for, by which the policy treats it.
        method: of HTTP.
        path: behind the service's address, from its `/` on.
        query: of the URL.
        body: a JSON object.
        content: bytes, where there is no `body`.
        seconds: the deadline of the whole call, its retries and the answer's body included.
        headers: beside those that the sending function adds, such as the key of a create.
    """

    use: Use
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    body: Mapping[str, object] | None = None
    content: bytes | None = None
    seconds: float = CALL_SECONDS
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        # Behind an address without an end, it could name another host, which then gets the key.
        if not self.path.startswith("/"):
            raise ValueError(f"`path` is {self.path!r:.80}; it begins with `/`")


class Answer(NamedTuple):
    """What came back; the names of headers are in lower case, or the mapping knows no case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Fault(NamedTuple):
    """What a service says of a request that it refuses: in words, and by its own code."""

    words: str
    code: str | None = None


@dataclass(frozen=True)
class Attempt:
    """One try of a request.

    Attributes:
        key: to send with it, and to keep nowhere.
        seconds: how long it may take.
        read: reads the body of the answer, as long as the deadline lets it come.
    """

    key: str = field(repr=False)
    seconds: float
    read: Callable[[Iterable[bytes]], bytes]


Send = Callable[[Request, Attempt], Answer]
"""Sends one request once, follows no redirect, and lets its library's exceptions out.

These are taken for a line that is down, but for what only a mistake in the function itself raises.
"""


class Service:
    """Asks one address with one key."""

    def __init__(
        self,
        url: str,
        send: Send,
        fault: Callable[[Any], Fault],
        *,
        provider: str,
        key: Credential,
        clock: Clock,
        trace: str = "x-request-id",
    ) -> None:
        """Sends nothing yet.

        Args:
            url: the address, for messages.
            send: sends a request.
            fault: what the JSON of a refusal says; what it raises says that it is none of the
                service's own.
            provider: its name, for errors.
            clock: that waiting goes by.
            trace: the header with the id that the service's support asks for, in lower case.
        """
        self._url, self._send, self._fault = url, send, fault
        self._provider, self._key, self._clock, self._trace = provider, key, clock, trace
        self._policy = Policy(clock)

    def ask(self, request: Request, make: Callable[[Any], T]) -> T:
        """What the service answers, after what the policy tries again.

        Args:
            make: makes it of the answer's JSON, of None where the answer is empty, as 204 is; what
                it raises says that the JSON is another one.

        Raises:
            ProviderError: the service refused it, or could not be reached or understood.
        """
        return self._policy.run(
            request.use,
            lambda deadline: self._once(request, make, deadline),
            seconds=request.seconds,
            renew=self._key.renew,
        )

    def _once(self, request: Request, make: Callable[[Any], T], deadline: Deadline) -> T:
        answer, failure = self._sent(request, deadline)
        # Not raised where it was caught: a library's exception holds the request and its key.
        if failure is not None:
            raise failure
        if 200 <= answer.status < 300:
            return self._made(request, answer.body, make)
        try:
            said = self._made(request, answer.body, lambda data: self._plain(self._fault(data)))
        except ResponseDecodeError:
            said = None
        raise self._refusal(request, answer, said)

    def _sent(self, request: Request, deadline: Deadline) -> tuple[Answer, FineTuneError | None]:
        nothing = Answer(0, {}, b"")
        attempt = Attempt(
            self._key.get(self._provider),
            max(deadline.left(), 0.001),
            lambda chunks: self._read(request, chunks, deadline),
        )
        try:
            answer = self._send(request, attempt)
        except FineTuneError as error:
            return nothing, error.with_traceback(None)
        except _MISTAKES:
            raise
        except Exception as error:  # noqa: BLE001 - of whatever HTTP library sends
            left = type(error).__name__ not in NEVER_LEFT
            return nothing, self._lost(request, f"{type(error).__name__}: {error}", left=left)
        return answer._replace(body=self._key.hide(answer.body)), None

    def _read(self, request: Request, chunks: Iterable[bytes], deadline: Deadline) -> bytes:
        body = bytearray()
        for chunk in chunks:
            body += chunk
            if len(body) > LARGEST_ANSWER:
                why = f"it has more than {LARGEST_ANSWER} bytes"
                raise self._unreadable(request, why, again=False)
            if deadline.left() <= 0:
                raise self._lost(request, "the rest of it did not come in time", left=True)
        return bytes(body)

    def _made(self, request: Request, body: bytes, make: Callable[[Any], T]) -> T:
        try:
            return make(json.loads(body) if body.strip() else None)
        except (FineTuneError, ImportError, NameError):
            raise
        except Exception as error:  # noqa: BLE001 - what is odd in an answer may raise anything
            why = f"it is not what was asked for ({type(error).__name__})"
        raise self._unreadable(request, why, again=True)

    def _refusal(self, request: Request, answer: Answer, said: Fault | None) -> ProviderError:
        status, headers = answer.status, answer.headers
        waits = status in (429, 503)
        return kind_of(status)(
            self._words(f"answered {status}: {self._told(status, said)}"),
            provider=self._provider,
            code=said and said.code,
            status_code=status,
            request_id=self._named(headers.get(self._trace)),
            effect=effect_of(request.use, status, own=said is not None),
            retry_after=asked_wait(headers, now=self._clock.now()) if waits else None,
        )

    def _plain(self, fault: Fault) -> Fault:
        """A refusal in what its words are meant to be, whatever the service has put there."""
        words = cast("object", fault.words)  # A type that is said is not one that is held.
        told = words if isinstance(words, str) else json.dumps(words, default=str)
        return Fault(told, self._named(fault.code))

    def _named(self, word: object) -> str | None:
        return None if word is None else self._shown(str(word))

    def _told(self, status: int, said: Fault | None) -> str:
        if 300 <= status < 400:
            return f"{self._url} points elsewhere, and a key is sent to no other place"
        words = said.words if said else "nothing in the shape of its errors"
        hint = f"; look at the key, which is from {self._key.source}" if status == 401 else ""
        return f"{self._shown(words).rstrip('. ')}{hint}"

    def _lost(self, request: Request, why: str, *, left: bool) -> ConnectionFailedError:
        return ConnectionFailedError(
            self._words(f"no answer from {self._url}: {self._shown(why)}"),
            provider=self._provider,
            effect="unknown" if left and request.use != "read" else "none",
        )

    def _unreadable(self, request: Request, why: str, *, again: bool) -> ResponseDecodeError:
        return ResponseDecodeError(
            self._words(f"the answer cannot be read: {why}"),
            provider=self._provider,
            retryable=again,
            effect="none" if request.use == "read" else "unknown",
        )

    def _words(self, text: str) -> str:
        return redact(f"{self._provider}: {text}")

    def _shown(self, text: str) -> str:
        """Words of others, without the key, as far as anybody reads."""
        # The key may have been written with escapes, which are gone only now. Hidden before it is
        # cut: half a key is none that could be found.
        return self._key.hide(text.encode("utf-8", "replace")).decode()[:_LONGEST_WORDS]
