"""An AutoTrain app's REST API, asked by our policy."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from finetune_sdk.errors import (
    AuthenticationError,
    ConnectionFailedError,
    InvalidRequestError,
    NotFoundError,
    ProviderError,
    ResponseDecodeError,
    ServerError,
)
from finetune_sdk.providers.autotrain.hub import stack
from finetune_sdk.providers.autotrain.settings import NAME
from finetune_sdk.transport import Clock, redact
from finetune_sdk.transport.credentials import Credential
from finetune_sdk.transport.deadlines import Deadline
from finetune_sdk.transport.losses import NEVER_LEFT
from finetune_sdk.transport.policy import Policy, Use

_LARGEST = 1024 * 1024
_CREATE_SECONDS = 180.0
"""It asks the Hub a dozen things, one after the other, before it answers."""
_CONNECT_SECONDS = 10.0
_SHOWN = 300
_KINDS: Mapping[int, type[ProviderError]] = {
    400: InvalidRequestError,
    404: NotFoundError,
    422: InvalidRequestError,
}

Table = Mapping[str, object]


class App:
    """Asks one AutoTrain app.

    Attributes:
        url: its address.
    """

    def __init__(
        self, url: str, *, credential: Credential, clock: Clock, seconds: float, client: Any
    ) -> None:
        self.url = url
        self._credential, self._client = credential, client
        self._seconds = seconds
        self._policy = Policy(clock)

    def get(self, path: str) -> Table:
        """What a route answers, which asks for no token."""
        return self._ask("read", "GET", path, None)

    def post(self, use: Use, path: str, body: Mapping[str, Any]) -> Table:
        """What a route answers.

        Raises:
            InvalidRequestError: it refused the body; names the fields, and not what is in them.
            AuthenticationError: it does not take the token.
            ServerError: it failed, and may have done what was asked.
        """
        return self._ask(use, "POST", path, body)

    def _ask(self, use: Use, method: str, path: str, body: Mapping[str, Any] | None) -> Table:
        seconds = max(self._seconds, _CREATE_SECONDS) if use == "create" else self._seconds

        def attempt(deadline: Deadline) -> Table:
            answer, failure = self._once(method, path, body, deadline)
            # Not raised where it was caught: the library's exception holds the request.
            if failure is not None:
                raise failure
            return answer

        return self._policy.run(use, attempt, seconds=seconds, renew=self._credential.renew)

    def _once(
        self, method: str, path: str, body: Mapping[str, Any] | None, deadline: Deadline
    ) -> tuple[Table, ProviderError | None]:
        secret = self._credential.get(NAME)
        headers = {"Authorization": f"Bearer {secret}"} if body is not None else {}
        try:
            with (
                self._opened() as client,
                client.stream(
                    method,
                    f"{self.url}{path}",
                    json=body,
                    headers=headers,
                    timeout=self._timeout(deadline),
                    follow_redirects=False,
                ) as response,
            ):
                content = _read(response, deadline)
        except stack.library().HTTPError as error:
            return {}, _lost(self.url, path, type(error).__name__)
        return _answered(response.status_code, content, path, secret)

    @contextmanager
    def _opened(self) -> Generator[Any]:
        if self._client is not None:
            yield self._client
            return
        with stack.library().Client() as client:
            yield client

    def _timeout(self, deadline: Deadline) -> Any:
        left = max(deadline.left(), 0.001)
        return stack.library().Timeout(left, connect=min(left, _CONNECT_SECONDS))


def _read(response: Any, deadline: Deadline) -> bytes:
    content = b""
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > _LARGEST:
            return b""
        if deadline.left() < 0:
            raise stack.library().ReadTimeout("the answer is not whole at the deadline")
    return content


def _lost(url: str, path: str, name: str) -> ProviderError:
    left = name not in NEVER_LEFT
    words = "did not answer in time" if left else "cannot be reached"
    return ConnectionFailedError(
        f"{NAME}: the AutoTrain app at {url} {words} ({path}, {name}); check `server_url`, and "
        "that `autotrain app` runs there",
        provider=NAME,
        code="timeout" if left else "unreachable",
        effect="unknown" if left else "none",
    )


def _answered(
    status: int, content: bytes, path: str, secret: str
) -> tuple[Table, ProviderError | None]:
    found = _table(content)
    if status == 200 and found is not None:
        return found, None
    if status == 200:
        return {}, ResponseDecodeError(
            f"{NAME}: the answer of the AutoTrain app to {path} cannot be read",
            provider=NAME,
            effect="unknown",
        )
    words = redact(_words(found, content), secret)
    return {}, _refused(status, f"{NAME}: the AutoTrain app answers {status} to {path}, {words}")


def _refused(status: int, message: str) -> ProviderError:
    if status == 401:
        return AuthenticationError(
            f"{message}; it takes a token of the Hub that it works with, and asks that Hub",
            provider=NAME,
            status_code=status,
        )
    if status >= 500:
        return ServerError(message, provider=NAME, status_code=status, effect="unknown")
    kind = _KINDS.get(status, ProviderError)
    return kind(message, provider=NAME, status_code=status)


def _words(found: Table | None, content: bytes) -> str:
    """The app's own words: of a refused body the fields, never the whole input that it repeats."""
    detail = found.get("detail") if found else None
    if isinstance(detail, str):
        return detail[:_SHOWN]
    if isinstance(detail, list):
        return "; ".join(_field(one) for one in cast("list[object]", detail))[:_SHOWN]
    return " ".join(content[:_SHOWN].decode(errors="replace").split()) or "and says no more"


def _field(fault: object) -> str:
    table: Table = cast("Table", fault) if isinstance(fault, dict) else {}
    place = table.get("loc")
    names = cast("list[object]", place) if isinstance(place, list) else []
    where = ".".join(str(name) for name in names if name != "body")
    return f"`{where or 'body'}`: {str(table.get('msg'))[:120]}"


def _table(content: bytes) -> Table | None:
    try:
        found: object = json.loads(content)
    except ValueError:
        return None
    return cast("Table", found) if isinstance(found, dict) else None
