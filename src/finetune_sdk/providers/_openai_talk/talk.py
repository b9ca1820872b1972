"""One request through the `openai` package, by the policy."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urlsplit

from finetune_sdk.errors import (
    FineTuneError,
    NotFoundError,
)
from finetune_sdk.providers._openai_talk import limits, stack
from finetune_sdk.providers._openai_wire.failures import BASE_URL, failure_of, lost, unreadable
from finetune_sdk.providers._openai_wire.requests import Answer, Request
from finetune_sdk.providers._openai_wire.values import Table, encode, parse_object, shown
from finetune_sdk.transport import Clock
from finetune_sdk.transport.credentials import Credential
from finetune_sdk.transport.deadlines import Deadline
from finetune_sdk.transport.hosts import is_loopback
from finetune_sdk.transport.losses import NEVER_LEFT
from finetune_sdk.transport.policy import Policy

T = TypeVar("T")

_CONNECT_SECONDS = 10.0
_SILENCE_SECONDS = 60.0
"""Without a byte of a file that is downloaded."""
_BLOCK = 1024 * 1024

# Names and not classes: they are of one HTTP library or of the other.
_SLOW = frozenset({"ConnectTimeout", "PoolTimeout", "ReadTimeout", "WriteTimeout", "OverdueError"})


class Talk:
    """Sends requests to one address with one credential."""

    def __init__(
        self,
        *,
        provider: str,
        place: str,
        clock: Clock,
        credential: Credential,
        open_client: Callable[[Any, Callable[[], str]], Any],
        http_client: Any = None,
        seconds: float,
        word: str = BASE_URL,
    ) -> None:
        """Opens nothing yet.

        Args:
            provider: its name, for errors.
            place: the address, for messages.
            open_client: makes the package's client from an HTTP client and a source of keys.
            http_client: the caller's own, which is not closed here.
            seconds: the deadline of a call that has no other.
            word: what the address is called where it is set.
        """
        self.provider = provider
        self._place, self._word = place, word
        self._direct = is_loopback(urlsplit(place).hostname or "")
        self._clock = clock
        self._credential = credential
        self._open_client = open_client
        self._own_http = http_client
        self._seconds = seconds
        self._policy = Policy(clock)
        self._lock = threading.Lock()
        self._client: Any = None
        self._process = 0
        self._thread = threading.local()

    def ask(self, request: Request) -> Table:
        """The JSON object of the answer.

        Raises:
            FineTuneError: what went wrong, after what the policy tries again.
        """
        return self._by_policy(request, self._table)

    def read(self, request: Request) -> bytes:
        """The content of the answer, which is no JSON."""
        return self._by_policy(request, self._send).body

    def delete(self, request: Request) -> None:
        """Deletes; what is gone at a further try was deleted by one whose answer was lost.

        Raises:
            NotFoundError: it was not there at the first try.
        """
        tries = 0

        def attempt(one: Request, deadline: Deadline) -> None:
            nonlocal tries
            tries += 1
            try:
                self._send(one, deadline)
            except NotFoundError:
                if tries == 1:
                    raise

        self._by_policy(request, attempt)

    def save(self, request: Request, file: BinaryIO) -> None:
        """Writes the content of the answer to a file as it comes, however large it is."""

        def attempt(one: Request, deadline: Deadline) -> None:
            file.seek(0)
            file.truncate()
            self._stream(one, deadline, file)

        self._by_policy(request, attempt)

    def client(self) -> Any:
        """The package's client; a new one in a process that was forked."""
        with self._lock:
            if self._client is None or self._process != os.getpid():
                http = self._own_http or limits.new_http_client(
                    self._left, self._most, direct=self._direct
                )
                self._client = self._open_client(http, self._key)
                self._process = os.getpid()
            return self._client

    def close(self) -> None:
        """Closes connections that are ours. Twice is allowed; a later request opens them anew."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None and self._own_http is None and self._process == os.getpid():
            client.close()

    def _by_policy(self, request: Request, attempt: Callable[[Request, Deadline], T]) -> T:
        return self._policy.run(
            request.use,
            lambda deadline: attempt(request, deadline),
            seconds=self._seconds if request.seconds is None else request.seconds,
            renew=self._credential.renew,
        )

    def _key(self) -> str:
        return self._credential.get(self.provider)

    def _left(self) -> float | None:
        deadline: Deadline | None = getattr(self._thread, "deadline", None)
        return deadline.left() if deadline else None

    def _most(self) -> int:
        return getattr(self._thread, "most", limits.LARGEST_ANSWER)

    def _table(self, request: Request, deadline: Deadline) -> Table:
        answer = self._send(request, deadline)
        found = parse_object(answer.body)
        if found is None:
            why = f"it is no JSON object and begins with {shown(answer.body)}"
            raise unreadable(answer, request, provider=self.provider, why=why)
        return found

    def _send(self, request: Request, deadline: Deadline) -> Answer:
        with self._watched(deadline, limits.LARGEST_ANSWER):
            response, failure = self._response(request, deadline, stream=False)
        # Not raised where it was caught: the package's exception holds the request and its key.
        if failure is not None:
            raise failure
        return self._answer(response)

    def _stream(self, request: Request, deadline: Deadline, file: BinaryIO) -> None:
        with self._watched(deadline, 2**63):
            response, failure = self._response(request, deadline, stream=True)
            if failure is None:
                failure = self._copied(response, request, file)
        if failure is not None:
            raise failure

    def _copied(self, response: Any, request: Request, file: BinaryIO) -> FineTuneError | None:
        try:
            for chunk in response.iter_bytes(_BLOCK):
                file.write(chunk)
        except OSError:
            raise  # The file: a full disk is not the server's fault.
        except Exception as error:  # noqa: BLE001 - of either HTTP library
            return self._failure(error, request)
        finally:
            response.close()
        return None

    @contextmanager
    def _watched(self, deadline: Deadline, most: int) -> Generator[None]:
        self._thread.deadline, self._thread.most = deadline, most
        try:
            yield
        finally:
            self._thread.deadline = None

    def _response(
        self, request: Request, deadline: Deadline, *, stream: bool
    ) -> tuple[Any, FineTuneError | None]:
        client = self.client()
        try:
            return self._call(client, request, deadline, stream=stream), None
        except FineTuneError as error:
            # Without the frames that it came through: one of them has the key.
            return None, error.with_traceback(None)
        except Exception as error:  # noqa: BLE001 - of the package, or of either HTTP library
            return None, self._failure(error, request)

    def _call(self, client: Any, request: Request, deadline: Deadline, *, stream: bool) -> Any:
        library = stack.library()
        left = max(deadline.left(), 0.001)
        headers = {"Accept-Encoding": "identity", **request.headers}
        keywords: dict[str, Any] = {}
        if request.part is not None:
            request.part.file.seek(0)
            headers["Content-Type"] = "multipart/form-data"
            form = (request.part.filename, request.part.file, "application/octet-stream")
            keywords["files"] = [(request.part.name, form)]
        if request.method != "GET":
            keywords["body"] = request.body
        if stream:
            keywords |= {"stream": True, "stream_cls": stack.package().Stream}
        options = {
            "headers": headers,
            "params": dict(request.query),
            "max_retries": 0,
            "follow_redirects": False,
            "timeout": library.Timeout(
                min(left, _SILENCE_SECONDS) if stream else left, connect=min(left, _CONNECT_SECONDS)
            ),
        }
        send = getattr(client, request.method.lower())
        return send(request.path, cast_to=library.Response, options=options, **keywords)

    def _failure(self, error: Exception, request: Request) -> FineTuneError:
        """Our error for one of the package's; it keeps nothing of it."""
        response = getattr(error, "response", None)
        if hasattr(error, "status_code") and response is not None:
            return self._refusal(self._answer(response), request)
        cause = error.__cause__ or error
        if isinstance(cause, FineTuneError):
            return cause
        if isinstance(cause, limits.RefusedAnswerError):
            return unreadable(None, request, provider=self.provider, why=str(cause))
        name = type(cause).__name__
        late = name in _SLOW
        return lost(
            request,
            provider=self.provider,
            place=self._place,
            why=f"none in time ({name})" if late else self._told(cause),
            arrived=name not in NEVER_LEFT,
            word=self._word,
        )

    def _told(self, cause: BaseException) -> str:
        words = str(cause)[:300] or type(cause).__name__
        return self._credential.hide(words.encode("utf-8", "replace")).decode()

    def _refusal(self, answer: Answer, request: Request) -> FineTuneError:
        return failure_of(
            answer,
            request,
            provider=self.provider,
            place=self._place,
            key=self._credential.source,
            now=self._clock.now(),
            word=self._word,
        )

    def _answer(self, response: Any) -> Answer:
        hide = self._credential.hide
        headers = {name: hide(value.encode()).decode() for name, value in response.headers.items()}
        body = hide(response.content)
        if b"\\" in body and (found := parse_object(body)) is not None:
            # A key may have been written with escapes, which are gone only now.
            body = hide(encode(found))
        return Answer(response.status_code, headers, body)
