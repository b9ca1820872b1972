"""A service asked over HTTP: what comes of each answer, and what the request may have done."""

from __future__ import annotations

import json
import pickle
import traceback
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from finetune_sdk.errors import (
    AuthenticationError,
    ConflictError,
    ConnectionFailedError,
    Effect,
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
from finetune_sdk.testing import VirtualClock
from finetune_sdk.transport import Answer, Attempt, Credential, Fault, Request, Service, Use
from finetune_sdk.transport.service import LARGEST_ANSWER

KEY = "a-key-that-nobody-may-see"
READ = Request("read", "GET", "/things")
CREATE = Request("create", "POST", "/things", body={"name": "x"})
REFUSAL = b'{"fault": {"kind": "no", "text": "not like this."}}'
Reply = Answer | Exception


class ConnectError(Exception):
    """Called as that of HTTP libraries: the request has not left."""


class ReadTimeout(Exception):  # noqa: N818 - the same
    """The answer is lost."""


class Line:
    """Gives one reply after the other; the last one for ever."""

    def __init__(self, *replies: Reply | Callable[[Attempt], Answer]) -> None:
        self.clock = VirtualClock()
        self.sent: list[Request] = []
        self.attempts: list[Attempt] = []
        self._replies = list(replies)

    def __call__(self, request: Request, attempt: Attempt) -> Answer:
        self.sent.append(request)
        self.attempts.append(attempt)
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, Answer) else reply(attempt)

    def service(self, key: str | Callable[[], str] | None = KEY) -> Service:
        credential = Credential(key, source="`api_key`", missing="there is no key; set THE_KEY")
        return Service(
            "https://things.example/v1",
            self,
            lambda said: Fault(said["fault"]["text"], said["fault"]["kind"]),
            provider="things",
            key=credential,
            clock=self.clock,
            trace="thing-trace",
        )


def good(said: object) -> Answer:
    return Answer(200, {}, json.dumps(said).encode())


def bad(status: int, body: bytes = REFUSAL, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, headers or {}, body)


def name(said: dict[str, str]) -> str:
    return said["name"]


def failure(line: Line, request: Request = CREATE) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        line.service().ask(request, name)
    assert caught.value.provider == "things"
    return caught.value


@pytest.mark.parametrize(
    ("text", "told"), [(None, "null"), (7, "7"), (["not", "like"], '["not", "like"]')]
)
def test_a_refusal_in_odd_words_is_a_refusal(text: object, told: str) -> None:
    body = json.dumps({"fault": {"kind": 12, "text": text}}).encode()
    error = failure(Line(bad(400, body)))
    assert isinstance(error, InvalidRequestError)
    assert (error.code, error.effect) == ("12", "none")
    assert str(error) == f"things: answered 400: {told}"


def test_a_key_that_is_repeated_beside_the_words_is_hidden_too() -> None:
    escaped = "".join(f"\\u{ord(sign):04x}" for sign in KEY)
    body = f'{{"fault": {{"kind": "{escaped}", "text": "no"}}}}'.encode()
    error = failure(Line(bad(400, body, {"thing-trace": f"trace {KEY}"})))
    assert error.request_id
    assert error.code
    assert KEY not in f"{vars(error)}{error!r}"
    assert KEY.encode() not in pickle.dumps(error)


def when(_: Any) -> object:
    return datetime.fromtimestamp(1e20, UTC)


def many(_: Any) -> object:
    return int(float("inf"))


def share(_: Any) -> object:
    return 1 / 0


def part(said: Any) -> object:
    return said["name"].nothing


@pytest.mark.parametrize("make", [when, many, share, part])
def test_whatever_an_odd_answer_raises_is_an_answer_that_cannot_be_read(
    make: Callable[[Any], object],
) -> None:
    with pytest.raises(ResponseDecodeError, match="it is not what was asked for"):
        Line(good({"name": "x"})).service().ask(READ, make)


def test_an_answer_without_a_body_is_none() -> None:
    assert Line(Answer(204, {}, b"")).service().ask(CREATE, lambda said: said) is None


def test_a_path_names_no_other_host() -> None:
    with pytest.raises(ValueError, match="`path` is '@elsewhere"):
        Request("read", "GET", "@elsewhere.example/x")


def test_a_good_answer_is_a_value() -> None:
    line = Line(good({"name": "x"}))
    assert line.service().ask(READ, name) == "x"
    assert line.sent == [READ]
    assert line.attempts[0].key == KEY
    assert line.attempts[0].seconds == READ.seconds


@pytest.mark.parametrize(
    ("status", "kind", "effect"),
    [
        (400, InvalidRequestError, "none"),
        (402, QuotaExceededError, "none"),
        (403, PermissionDeniedError, "none"),
        (404, NotFoundError, "none"),
        (410, NotFoundError, "none"),
        (418, ProviderError, "none"),
        (422, InvalidRequestError, "none"),
        (408, ServerError, "unknown"),
        (409, ConflictError, "unknown"),
        (425, ServerError, "unknown"),
        (500, ServerError, "unknown"),
        (599, ServerError, "unknown"),
        (302, ProviderError, "unknown"),
    ],
)
def test_a_status_says_what_a_create_may_have_done(
    status: int, kind: type[ProviderError], effect: Effect
) -> None:
    line = Line(bad(status, headers={"thing-trace": "t-1"}))
    error = failure(line)
    assert type(error) is kind
    assert (error.effect, error.status_code, error.code) == (effect, status, "no")
    assert error.request_id == "t-1"
    assert len(line.sent) == 1
    told = "points elsewhere" if status == 302 else "not like this"
    assert str(error).startswith(f"things: answered {status}: ")
    assert told in str(error)


@pytest.mark.parametrize("status", [408, 500])
def test_a_read_has_done_nothing_and_is_tried_again(status: int) -> None:
    line = Line(bad(status), good({"name": "x"}))
    assert line.service().ask(READ, name) == "x"
    assert failure(Line(bad(status)), READ).effect == "none"


def test_a_limit_of_the_service_is_waited_for_and_one_of_something_between_is_not() -> None:
    headers = {"retry-after": "7"}
    line = Line(bad(429, headers=headers), good({"name": "x"}))
    assert line.service().ask(CREATE, name) == "x"
    assert line.clock.monotonic() >= 7
    between = Line(bad(429, b"<html>slow down</html>", headers))
    error = failure(between)
    assert isinstance(error, RateLimitError)
    assert (error.effect, error.retry_after, error.code) == ("unknown", 7, None)
    assert len(between.sent) == 1


@pytest.mark.parametrize(("use", "effect"), [("create", "unknown"), ("read", "none")])
def test_a_lost_answer_is_unknown_but_for_a_read(use: Use, effect: Effect) -> None:
    error = failure(Line(ReadTimeout("no word")), Request(use, "GET", "/things"))
    assert isinstance(error, ConnectionFailedError)
    assert error.effect == effect
    assert "no answer from https://things.example/v1: ReadTimeout: no word" in str(error)


def test_what_never_left_is_sent_again() -> None:
    line = Line(ConnectError("nobody there"), good({"name": "x"}))
    assert line.service().ask(CREATE, name) == "x"
    assert failure(Line(ConnectError("nobody there"))).effect == "none"


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"3", b"null", b"{}", b'{"name": 3', b"\xff", b"[" * 200_000]
)
def test_what_cannot_be_read_is_unknown_and_not_sent_again(body: bytes) -> None:
    line = Line(Answer(200, {}, body))
    error = failure(line)
    assert isinstance(error, ResponseDecodeError)
    assert error.effect == "unknown"
    assert len(line.sent) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"fault": null}', b'{"fault": {}}'])
def test_a_refusal_of_another_shape_is_told_as_that(body: bytes) -> None:
    error = failure(Line(bad(404, body)))
    assert isinstance(error, NotFoundError)
    assert error.code is None
    assert "nothing in the shape of its errors" in str(error)


def test_a_key_that_is_refused_is_asked_for_once_more() -> None:
    keys = iter(["an-old-key", "a-new-key", "another"])
    line = Line(bad(401), good({"name": "x"}))
    assert line.service(lambda: next(keys)).ask(CREATE, name) == "x"
    assert [attempt.key for attempt in line.attempts] == ["an-old-key", "a-new-key"]
    error = failure(Line(bad(401)))
    assert isinstance(error, AuthenticationError)
    assert "look at the key, which is from `api_key`" in str(error)


def test_without_a_key_nothing_is_sent() -> None:
    line = Line(good({"name": "x"}))
    with pytest.raises(AuthenticationError, match="set THE_KEY"):
        line.service(None).ask(READ, name)
    assert not line.sent


def chunked(chunks: Iterable[bytes]) -> Callable[[Attempt], Answer]:
    return lambda attempt: Answer(200, {}, attempt.read(chunks))


def test_a_body_is_read_in_pieces() -> None:
    assert Line(chunked([b'{"name"', b': "x"}'])).service().ask(READ, name) == "x"


def test_a_body_that_drips_ends_at_the_deadline() -> None:
    def drip() -> Iterable[bytes]:
        while True:
            line.clock.advance(10)
            yield b" "

    line = Line(chunked(drip()))
    error = failure(line)
    assert isinstance(error, ConnectionFailedError)
    assert error.effect == "unknown"
    assert line.clock.monotonic() == CREATE.seconds


def test_an_endless_body_is_not_read_on() -> None:
    piece = b" " * (LARGEST_ANSWER // 4)
    line = Line(chunked(piece for _ in range(1000)))
    error = failure(line, READ)
    assert isinstance(error, ResponseDecodeError)
    assert not error.retryable
    assert len(line.sent) == 1


@pytest.mark.parametrize(
    "error", [MissingDependencyError("a-package", None), TypeError("a slip"), KeyError("a slip")]
)
def test_errors_of_ours_and_mistakes_of_the_author_get_through(error: Exception) -> None:
    line = Line(error)
    with pytest.raises(type(error)):
        line.service().ask(READ, name)
    assert len(line.sent) == 1


ESCAPED = "".join(f"\\u{ord(letter):04x}" for letter in KEY)


@pytest.mark.parametrize(
    "reply",
    [
        bad(400, f'{{"fault": {{"kind": "no", "text": "bad key {KEY}"}}}}'.encode()),
        bad(400, f'{{"fault": {{"kind": "no", "text": "bad key {ESCAPED}"}}}}'.encode()),
        bad(400, f'{{"fault": {{"kind": "no", "text": "{"-" * 990}{ESCAPED}"}}}}'.encode()),
        ReadTimeout(f"sent with {KEY}"),
        ReadTimeout(f"{'-' * 975}{KEY}"),
        good({"other": KEY}),
    ],
)
def test_the_key_shows_up_in_no_error(reply: Reply) -> None:
    error = failure(Line(reply))
    shown = [str(error), repr(error), "".join(traceback.format_exception(error))]
    shown += [str(vars(error)), str(pickle.dumps(error)), repr(Attempt(KEY, 1.0, b"".join))]
    assert not [text for text in shown if KEY[:8] in text]
    assert error.__context__ is None
    assert error.__cause__ is None


def test_a_good_answer_comes_without_the_key() -> None:
    assert KEY not in Line(good({"name": f"x {KEY}"})).service().ask(READ, name)
