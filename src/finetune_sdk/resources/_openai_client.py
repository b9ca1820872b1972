"""The protocol client of any deployment: every one of them speaks OpenAI's wire."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from finetune_sdk.errors import (
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    ConnectionFailedError,
    InvalidRequestError,
    MissingDependencyError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
    ResponseDecodeError,
    ServerError,
)
from finetune_sdk.providers._openai_talk import stack
from finetune_sdk.providers._openai_wire.failures import QUOTA
from finetune_sdk.resources.plain import is_a
from finetune_sdk.transport import SYSTEM_CLOCK, redact
from finetune_sdk.transport.hosts import is_loopback
from finetune_sdk.transport.waits import asked_wait
from finetune_sdk.types import ChatReply, Connection

if TYPE_CHECKING:
    import openai
    from openai.types.chat import ChatCompletion

_SHORTEST_SECRET = 8
_BY_STATUS: Mapping[int, type[ProviderError]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: InvalidRequestError,
    429: RateLimitError,
}


def open_client(connection: Connection) -> openai.OpenAI:
    """A ready `openai.OpenAI` that talks to the deployment.

    Raises:
        MissingDependencyError: the package `openai` is not installed.
    """
    _need_package()
    import openai

    client = openai.OpenAI(
        max_retries=_retries(connection),
        base_url=connection.base_url,
        api_key=connection.renew or connection.api_key,
        default_headers=dict(connection.headers),
        http_client=_http_client(connection, asynchronous=False),
    )
    # The package takes them from the environment, which may speak of another account.
    client.organization = client.project = None
    return client


def open_async_client(connection: Connection) -> openai.AsyncOpenAI:
    """A ready `openai.AsyncOpenAI` that talks to the deployment.

    Raises:
        MissingDependencyError: the package `openai` is not installed.
    """
    _need_package()
    import openai

    renew = connection.renew
    client = openai.AsyncOpenAI(
        max_retries=_retries(connection),
        base_url=connection.base_url,
        api_key=connection.api_key if renew is None else lambda: asyncio.to_thread(renew),
        default_headers=dict(connection.headers),
        http_client=_http_client(connection, asynchronous=True),
    )
    # The package takes them from the environment, which may speak of another account.
    client.organization = client.project = None
    return client


def chat_body(
    messages: Sequence[Mapping[str, object]],
    *,
    temperature: float | None,
    top_p: float | None,
    max_tokens: int | None,
    seed: int | None,
    stop: str | Sequence[str] | None,
    tools: Sequence[Mapping[str, object]] | None,
    timeout: float | None,
) -> dict[str, Any]:
    """The keywords of a chat request: what was given, and nothing else.

    Raises:
        ConfigurationError: the messages are a text, or none.
    """
    if is_a(messages, str) or not is_a(messages, Sequence) or not messages:
        raise ConfigurationError(
            f"`messages` is {messages!r:.80}; it takes a list of messages, as in "
            '[{"role": "user", "content": "..."}]'
        )
    given = {
        "messages": list(messages),
        "temperature": temperature,
        "top_p": top_p,
        "max_tokens": max_tokens,
        "seed": seed,
        "stop": stop,
        "tools": tools,
        "timeout": timeout,
    }
    return {name: value for name, value in given.items() if value is not None}


def ask(client: openai.OpenAI, connection: Connection, body: dict[str, Any]) -> ChatCompletion:
    """The server's answer to a body of `chat_body`."""
    # The package's own signature has thirty keywords; ours are checked in `chat_body`.
    create: Any = client.chat.completions.create
    return cast("ChatCompletion", create(model=connection.model, **body))


async def ask_async(
    client: openai.AsyncOpenAI, connection: Connection, body: dict[str, Any]
) -> ChatCompletion:
    """The server's answer to a body of `chat_body`, awaited."""
    create: Any = client.chat.completions.create
    return cast("ChatCompletion", await create(model=connection.model, **body))


def reply_of(completion: ChatCompletion, provider: str) -> ChatReply:
    """Our reply from the server's.

    Raises:
        ResponseDecodeError: there is no choice in it, or it is none.
    """
    # A page of a proxy's, with its 200, reaches us as the text that it is.
    if not getattr(completion, "choices", None):
        raise ResponseDecodeError("the server's answer has no choice in it", provider=provider)
    try:
        return _reply_of(completion)
    except (AttributeError, TypeError, ValueError) as error:
        # The package looks at nothing that it lets through.
        why = f"the server's answer is no chat completion ({type(error).__name__})"
    raise ResponseDecodeError(why, provider=provider)


def _reply_of(completion: ChatCompletion) -> ChatReply:
    choice, usage = completion.choices[0], completion.usage
    calls = choice.message.tool_calls or ()
    return ChatReply(
        content=choice.message.content or "",
        model=completion.model,
        finish_reason=choice.finish_reason,
        tool_calls=tuple(call.model_dump(mode="json") for call in calls),
        prompt_tokens=usage.prompt_tokens if usage else None,
        completion_tokens=usage.completion_tokens if usage else None,
    )


def chat(connection: Connection, body: dict[str, Any], provider: str) -> ChatReply:
    """The deployment's answer to a body of `chat_body`; a key that was refused is renewed once.

    Raises:
        ProviderError: it refused or failed.
    """
    try:
        return _chat(connection, body, provider)
    except AuthenticationError:
        if connection.refused is None or not connection.refused():
            raise
    return _chat(connection, body, provider)


async def chat_async(connection: Connection, body: dict[str, Any], provider: str) -> ChatReply:
    """`chat`, awaited."""
    try:
        return await _chat_async(connection, body, provider)
    except AuthenticationError:
        if connection.refused is None or not connection.refused():
            raise
    return await _chat_async(connection, body, provider)


class Conversation:
    """A connection that is kept open for many questions. Threads may share it.

    The package's own retries are off: whoever asks decides what is asked again.
    """

    def __init__(self, connection: Connection, provider: str) -> None:
        """Opens it.

        Raises:
            MissingDependencyError: the package `openai` is not installed.
        """
        self._connection, self._provider = connection, provider
        self._sent = _Sent(connection)
        self._client = open_client(self._sent.connection).with_options(max_retries=0)

    def ask(self, body: dict[str, Any]) -> ChatReply:
        """The deployment's answer to a body of `chat_body`.

        Raises:
            ProviderError: it refused or failed.
        """
        return _asked(self._client, self._connection, body, self._sent, self._provider)

    def close(self) -> None:
        """Ends it, and what is under way."""
        self._client.close()


def _chat(connection: Connection, body: dict[str, Any], provider: str) -> ChatReply:
    sent = _Sent(connection)
    with open_client(sent.connection) as client:
        return _asked(client, connection, body, sent, provider)


def _asked(
    client: openai.OpenAI,
    connection: Connection,
    body: dict[str, Any],
    sent: _Sent,
    provider: str,
) -> ChatReply:
    try:
        return reply_of(ask(client, connection, body), provider)
    except Exception as error:
        failure = _failure(error, sent, provider)
        if failure is None:
            raise
    # Not raised where it was caught: the package's exception holds the request and its key.
    raise failure


async def _chat_async(connection: Connection, body: dict[str, Any], provider: str) -> ChatReply:
    sent = _Sent(connection)
    try:
        async with open_async_client(sent.connection) as client:
            return reply_of(await ask_async(client, connection, body), provider)
    except Exception as error:
        failure = _failure(error, sent, provider)
        if failure is None:
            raise
    raise failure


class _Sent:
    """A connection that remembers what went over it, and must not be told if it is repeated."""

    def __init__(self, connection: Connection) -> None:
        self._texts = [connection.api_key, *connection.headers.values()]
        renew = connection.renew

        def renewed() -> str:
            key = renew() if renew else connection.api_key
            self._texts.append(key)
            return key

        self.connection = replace(connection, renew=renewed) if renew else connection

    @property
    def secrets(self) -> list[str]:
        """Those; a short one is a word of any message."""
        return [text for text in self._texts if len(text) >= _SHORTEST_SECRET]

    def __repr__(self) -> str:
        return "<what was sent>"


def _failure(error: Exception, sent: _Sent, provider: str) -> ProviderError | None:
    """Our error for one of the package's, without the key; None where it is another one."""
    import openai

    told = redact(str(error), *sent.secrets)
    if isinstance(error, openai.APIStatusError):
        return _status_error(error, sent, provider)
    if isinstance(error, openai.APIConnectionError):
        return ConnectionFailedError(
            f"no answer from {sent.connection.base_url}: {told}; "
            "look at the deployment with `deployments.get`",
            provider=provider,
        )
    if isinstance(error, openai.OpenAIError):
        return ResponseDecodeError(
            f"the answer of {sent.connection.base_url} cannot be read: {told}", provider=provider
        )
    return None


def _status_error(error: openai.APIStatusError, sent: _Sent, provider: str) -> ProviderError:
    kind = _kind(error)
    words = redact(error.message, *sent.secrets)
    return kind(
        f"the deployment answered {error.status_code}: {words}",
        provider=provider,
        code=error.code,
        status_code=error.status_code,
        request_id=error.request_id,
        retry_after=asked_wait(dict(error.response.headers), now=SYSTEM_CLOCK.now()),
    )


def _kind(error: openai.APIStatusError) -> type[ProviderError]:
    if error.code in QUOTA:
        return QuotaExceededError  # It reads 429, and no wait mends it.
    fallback = ServerError if error.status_code >= 500 else ProviderError
    return _BY_STATUS.get(error.status_code, fallback)


def _need_package() -> None:
    try:
        import openai as _  # noqa: F401
    except ImportError:
        raise MissingDependencyError("openai", "openai") from None


def _retries(connection: Connection) -> int:
    """Without a network there is nothing to wait for; a fake's time is its own."""
    import openai

    return 0 if connection.transport is not None else openai.DEFAULT_MAX_RETRIES


def _http_client(connection: Connection, *, asynchronous: bool) -> Any:
    # A question goes to the deployment and nowhere else.
    settings: dict[str, Any] = {"follow_redirects": False}
    if connection.transport is not None:
        settings["transport"] = connection.transport
    elif is_loopback(urlsplit(connection.base_url).hostname or ""):
        settings |= stack.past_proxies()
    return stack.client_class(asynchronous=asynchronous)(**settings)
