"""What went wrong, as our errors: by status, by the vendor's code, and by words at last."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_sdk.errors import (
    AuthenticationError,
    ConflictError,
    ConnectionFailedError,
    FineTuneError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
    ResponseDecodeError,
    ServerError,
    SunsetError,
)
from finetune_sdk.providers._openai_wire import requests
from finetune_sdk.providers._openai_wire.failures import (
    NO_METADATA,
    NOT_READY,
    effect_of,
    failure_of,
    lost,
    unreadable,
)
from finetune_sdk.providers._openai_wire.requests import Answer, Request
from tests.openai.test_wire_jobs import JSON

NOW = datetime(2026, 11, 26, tzinfo=UTC)
READ = requests.read("/fine_tuning/jobs/j")
CREATE = requests.create_job({"model": "m"})
CANCEL = requests.change_job("j", "cancel")
PLACE = "https://api.example/v1"


def said(message: str | None = "no", **fields: Any) -> bytes:
    """An error in the vendor's shape."""
    return json.dumps({"error": {"message": message, "type": "t", **fields}}).encode()


def told(
    status: int, body: bytes = said(), request: Request = READ, **headers: str
) -> FineTuneError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = Answer(status, named, body)
    return failure_of(answer, request, provider="openai", place=PLACE, key="`api_key`", now=NOW)


def failure(
    status: int, body: bytes = said(), request: Request = READ, **headers: str
) -> ProviderError:
    error = told(status, body, request, **headers)
    assert isinstance(error, ProviderError)
    assert (error.provider, error.status_code) == ("openai", status)
    return error


# By status


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, InvalidRequestError, False),
        (401, AuthenticationError, False),
        (403, PermissionDeniedError, False),
        (404, NotFoundError, False),
        (408, ServerError, True),
        (409, ConflictError, False),
        (410, NotFoundError, False),
        (413, InvalidRequestError, False),
        (418, ProviderError, False),
        (422, InvalidRequestError, False),
        (425, ServerError, True),
        (429, RateLimitError, True),
        (500, ServerError, True),
        (501, ServerError, True),
        (502, ServerError, True),
        (503, ServerError, True),
        (504, ServerError, True),
        (529, ServerError, True),
        (599, ServerError, True),
    ],
)
def test_a_status_has_its_error(status: int, kind: type[ProviderError], retryable: bool) -> None:
    error = failure(status)
    assert type(error) is kind
    assert error.retryable is retryable
    assert error.effect == "none"
    assert f"openai answered {status}: no" in str(error)


@pytest.mark.parametrize("request_", [CREATE, CANCEL, requests.delete("/models/m")])
@pytest.mark.parametrize(
    ("status", "effect"),
    [
        *[(status, "none") for status in (400, 401, 403, 404, 410, 413, 418, 422, 429)],
        *[(status, "unknown") for status in (301, 307, 408, 409, 425, 500, 502, 503, 504, 529)],
    ],
)
def test_what_a_write_may_have_done(status: int, effect: str, request_: Request) -> None:
    assert effect_of(Answer(status, {}, said()), request_) == effect
    assert failure(status, request=request_).effect == effect


@pytest.mark.parametrize("status", [301, 400, 408, 409, 429, 500, 503])
def test_a_read_does_nothing(status: int) -> None:
    assert failure(status, b"<html>").effect == "none"


# The vendor's words


def test_an_error_is_told_in_the_vendors_words() -> None:
    body = said("The job is gone.", code="fine_tune_not_found", param="fine_tune_id")
    error = failure(404, body, x_request_id="req_7")
    assert str(error) == "openai answered 404: The job is gone"
    assert (error.code, error.request_id) == ("fine_tune_not_found", "req_7")


def test_a_refused_field_is_named() -> None:
    error = failure(400, said("bad", param="suffix", code=None))
    assert isinstance(error, InvalidRequestError)
    assert (error.param, error.code) == ("suffix", "t")


@pytest.mark.parametrize(
    "body",
    [
        *[b"", b"null", b"[]", b"7", b"{", b"<html>sign in</html>", b"\xff\xfe", b'{"error":null}'],
        *[b'{"error":"no"}', b'{"error":[]}', b'{"error":{}}', b'{"message":"no"}'],
        *[b'{"error":{"message":null,"code":null}}', b'{"error":{"message":7,"code":9}}'],
        b'{"error":' * 9999 + b"1" + b"}" * 9999,
    ],
)
@pytest.mark.parametrize("status", [400, 429, 500])
def test_an_answer_in_no_shape_is_an_error_all_the_same(status: int, body: bytes) -> None:
    error = failure(status, body)
    assert error.code is None
    assert len(str(error)) < 300
    assert str(error).startswith(f"openai answered {status}: ")


def test_a_megabyte_of_words_is_cut() -> None:
    for request in (READ, CREATE):
        assert len(str(failure(400, said("not " * 250_000), request))) < 1100
        assert len(str(failure(400, b"x" * 10**6, request))) < 200


def test_what_to_do_next_is_told() -> None:
    assert "look at the key, which is from" in str(failure(401))
    assert "waiting does not mend it" in str(failure(429, said(code="insufficient_quota")))
    assert str(failure(429, retry_after="7")).endswith("; it asks to wait 7 s")


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500])
def test_a_key_in_an_answer_is_not_told(status: int) -> None:
    key = "sk-" + "a1" * 20
    for body in (said(f"Incorrect API key provided: {key}."), f"<b>{key}</b>".encode()):
        error = failure(status, body)
        assert key not in str(error)
        assert "[redacted]" in str(error)


def test_errors_go_through_a_pickle() -> None:
    error = failure(400, said("bad", param="suffix", code="c"), x_request_id="r")
    twin = pickle.loads(pickle.dumps(error))  # noqa: S301 - made a line above
    assert (str(twin), vars(twin)) == (str(error), vars(error))


# 429


def test_a_limit_says_how_long() -> None:
    error = failure(429, retry_after_ms="300")
    assert (error.retry_after, error.retryable) == (0.3, True)
    assert failure(429).retry_after is None
    assert failure(503, retry_after="9").retry_after == 9
    assert failure(500, retry_after="9").retry_after is None


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"error":"slow"}', b'{"error":{}}', b"{}"])
def test_a_limit_of_somebody_in_between_may_have_passed_it_on(body: bytes) -> None:
    error = failure(429, body, CREATE)
    assert isinstance(error, RateLimitError)
    assert error.effect == "unknown"
    assert failure(429, said(), CREATE).effect == "none"
    assert failure(429, said(None, code="rate_limit_exceeded"), CREATE).effect == "none"


@pytest.mark.parametrize("field", ["code", "type"])
@pytest.mark.parametrize(
    "word", ["insufficient_quota", "billing_hard_limit_reached", "billing_not_active"]
)
def test_a_quota_is_no_limit_that_passes(field: str, word: str) -> None:
    error = failure(429, said(**{field: word}), CREATE, retry_after="3")
    assert isinstance(error, QuotaExceededError)
    assert (error.retryable, error.effect) == (False, "none")


def test_a_daily_limit_is_not_tried_again() -> None:
    """As it was seen: johny-b/llmcomp#58."""
    body = said(
        "This fine-tune request has been rate-limited. Your organization has reached the maximum "
        "of 8 requests per day",
        type="invalid_request_error",
        code="daily_rate_limit_exceeded",
    )
    error = failure(429, body, CREATE)
    assert isinstance(error, RateLimitError)
    assert (error.retryable, error.effect, error.code) == (
        False,
        "none",
        "daily_rate_limit_exceeded",
    )


# Refusals that can be mended


@pytest.mark.parametrize(
    "words",
    [
        "File 'file-1' is not ready.",
        "The training file is not yet ready",
        "file-1 has not been processed",
        "The file is still being processed.",
    ],
)
def test_a_file_that_is_not_ready(words: str) -> None:
    error = failure(400, said(words, code="x", param="training_file"), CREATE)
    assert (error.code, error.effect) == (NOT_READY, "none")
    assert failure(400, said(words, code="x"), READ).code == "x"


@pytest.mark.parametrize("words", ["The job is not ready", "no", "File is too large"])
def test_what_is_said_of_something_else_is_no_such_refusal(words: str) -> None:
    assert failure(400, said(words, code="x"), CREATE).code == "x"


@pytest.mark.parametrize(
    "body",
    [
        said("Unknown parameter", param="metadata"),
        said("Unknown parameter: 'metadata'.", param=None),
    ],
)
def test_metadata_that_is_not_accepted(body: bytes) -> None:
    assert failure(400, body, CREATE).code == NO_METADATA
    assert failure(400, body, READ).code == "t"


def test_one_entry_of_metadata_that_is_refused_is_the_callers() -> None:
    assert failure(400, said("too long", param="metadata.team"), CREATE).code == "t"


# The end


@pytest.mark.parametrize("status", [400, 403, 404, 410])
@pytest.mark.parametrize(
    "body",
    [
        said(code="fine_tuning_deprecated"),
        said(code="model_shutdown"),
        said("Fine-tuning is no longer available for your organization."),
        said("The model `gpt-4.1` has been deprecated.", param="model"),
        said("Creating new fine-tuning jobs is no longer supported", param=None),
        said("The model gpt-4o has been shut down"),
        said("This model is shutdown"),
        said("Fine-tuning was sunset on 2027-01-06"),
    ],
)
def test_the_end_is_an_error_of_its_own(status: int, body: bytes) -> None:
    error = told(status, body, CREATE)
    assert isinstance(error, SunsetError)
    assert json.loads(body)["error"]["message"].rstrip(".") in str(error)


@pytest.mark.parametrize("status", [401, 408, 409, 422, 429, 500, 503])
def test_another_status_is_no_end(status: int) -> None:
    failure(status, said("no longer available", code="model_shutdown"), CREATE)


@pytest.mark.parametrize("request_", [READ, CANCEL, requests.delete("/models/m")])
def test_of_another_request_it_is_no_end(request_: Request) -> None:
    failure(404, said("The model has been deprecated", code="model_shutdown"), request_)


@pytest.mark.parametrize(
    "body",
    [
        said("'hyperparameters' is deprecated, use 'method'", param="hyperparameters"),
        said("This value is no longer supported", param="method.supervised.hyperparameters"),
        said("invalid training_file"),
        said("This endpoint is deprecated"),
        b"<html>this page is no longer available</html>",
    ],
)
def test_what_is_said_of_one_field_is_no_end(body: bytes) -> None:
    failure(400, body, CREATE)


# Elsewhere, nowhere, unreadable


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
@pytest.mark.parametrize(("request_", "effect"), [(READ, "none"), (CREATE, "unknown")])
def test_who_points_elsewhere_gets_no_key_there(
    status: int, request_: Request, effect: str
) -> None:
    error = failure(status, b"", request_, location="https://evil.example/sk-x")
    assert type(error) is ProviderError
    assert (error.code, error.retryable, error.effect) == ("redirected", False, effect)
    assert f"{PLACE} answered {status} and points elsewhere" in str(error)
    assert "evil" not in str(error)


@pytest.mark.parametrize(
    ("request_", "arrived", "effect"),
    [
        (READ, True, "none"),
        (READ, False, "none"),
        (CREATE, False, "none"),
        (CREATE, True, "unknown"),
        (CANCEL, True, "unknown"),
    ],
)
def test_no_answer_may_have_done_something_if_it_arrived(
    request_: Request, arrived: bool, effect: str
) -> None:
    error = lost(request_, provider="openai", place=PLACE, why="gone", arrived=arrived)
    assert isinstance(error, ConnectionFailedError)
    assert (error.effect, error.retryable, error.status_code) == (effect, True, None)
    assert str(error).startswith(f"openai: no answer from {PLACE}: gone")


@pytest.mark.parametrize(("request_", "effect"), [(READ, "none"), (CREATE, "unknown")])
def test_a_good_answer_that_cannot_be_read_may_have_done_something(
    request_: Request, effect: str
) -> None:
    answer = Answer(200, {"x-request-id": "r"}, b"<html>")
    error = unreadable(answer, request_, provider="openai", why="html")
    assert isinstance(error, ResponseDecodeError)
    assert (error.effect, error.status_code, error.request_id) == (effect, 200, "r")
    assert error.retryable
    unread = unreadable(None, request_, provider="openai", why="too large")
    assert (unread.effect, unread.status_code, unread.retryable) == (effect, None, False)


# Laws

STATUSES = st.integers(300, 599)
BODIES = st.one_of(
    st.binary(max_size=60),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(st.sampled_from(["message", "code", "type", "param"]), JSON).map(
        lambda fields: json.dumps({"error": fields}).encode()
    ),
)
HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "retry-after-ms", "x-request-id", "date", "location"]),
    st.text(max_size=20),
)


@settings(max_examples=400, deadline=None)
@given(
    status=STATUSES,
    body=BODIES,
    headers=HEADERS,
    request_=st.sampled_from([READ, CREATE, CANCEL]),
)
def test_whatever_is_answered_is_an_error_of_ours(
    status: int, body: bytes, headers: dict[str, str], request_: Request
) -> None:
    answer = Answer(status, headers, body)
    error = failure_of(answer, request_, provider="openai", place=PLACE, key="`api_key`", now=NOW)
    assert len(str(error)) < 6000
    if isinstance(error, ProviderError):
        assert error.retry_after is None or error.retry_after >= 0
        # Only what was surely not done may be sent again.
        assert error.effect == "unknown" or status < 500 or request_ is READ
    else:
        assert isinstance(error, SunsetError)
        assert request_ is CREATE


@pytest.mark.parametrize(
    ("name", "segment"),
    [
        *[("ft:gpt:acme::1", "ft:gpt:acme::1"), ("a.b", "a.b"), ("a/../b", "a%2F..%2Fb")],
        *[("a?b#c", "a%3Fb%23c"), (".", "%2E"), ("..", "%2E%2E"), ("é %", "%C3%A9%20%25")],
    ],
)
def test_an_id_is_one_part_of_a_path(name: str, segment: str) -> None:
    assert requests.segment(name) == segment
