"""What people read where something goes wrong, to the last word."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from finetune_sdk.errors import (
    ConfigurationError,
    FineTuneError,
    InvalidRequestError,
    ProviderError,
    ResponseDecodeError,
)
from finetune_sdk.providers._openai_wire import requests
from finetune_sdk.providers._openai_wire.encode import check
from finetune_sdk.providers._openai_wire.failures import failure_of, lost, unreadable
from finetune_sdk.providers._openai_wire.jobs import error_of
from finetune_sdk.providers._openai_wire.pages import page_of
from finetune_sdk.providers._openai_wire.requests import Answer, Request
from finetune_sdk.providers._openai_wire.results import metrics_of_file
from finetune_sdk.types import DatasetFile, JobError, JobSpec, Supervised

NOW = datetime(2026, 11, 26, tzinfo=UTC)
READ = requests.read("/fine_tuning/jobs/j")
CREATE = requests.create_job({"model": "m"})
PLACE = "https://api.example/v1"
BARE = "https://api.example"


def told(
    status: int,
    body: bytes = b"",
    request: Request = READ,
    headers: dict[str, str] | None = None,
    words: Mapping[str, str] | None = None,
) -> FineTuneError:
    answer = Answer(status, headers or {}, body)
    given = {"provider": "mine", "place": PLACE, "key": "$MY_KEY", **(words or {})}
    return failure_of(answer, request, now=NOW, **given)


def said(**fields: object) -> bytes:
    return json.dumps({"error": fields}).encode()


LOST = "mine answered 404: nothing at all"


@pytest.mark.parametrize(
    ("status", "body", "words", "sentence"),
    [
        (400, said(message="Bad row. . "), {}, "mine answered 400: Bad row"),
        (400, said(code="bad_row"), {}, "mine answered 400: bad_row"),
        (400, b"<html>", {}, "mine answered 400: '<html>'"),
        (400, b"\xff" * 200, {}, f"mine answered 400: {'�' * 120!r}"),
        (500, b"", {}, "mine answered 500: nothing at all"),
        (
            401,
            said(message="no"),
            {},
            "mine answered 401: no; look at the key, which is from $MY_KEY",
        ),
        (
            429,
            said(message="no", code="quota_exceeded"),
            {},
            "mine answered 429: no; raise the limit or pay the bill at the provider, waiting does "
            "not mend it",
        ),
        (404, b"", {}, LOST),
        (404, b"", {"place": BARE}, f"{LOST}; should `base_url` end in `/v1`?"),
        (404, b"", {"place": BARE, "word": "endpoint"}, f"{LOST}; should `endpoint` end in `/v1`?"),
        (404, said(message="no"), {"place": BARE}, "mine answered 404: no"),
        (
            405,
            said(message="no"),
            {"place": BARE},
            "mine answered 405: no; should `base_url` end in `/v1`?",
        ),
        (403, b"", {"place": BARE}, "mine answered 403: nothing at all"),
        (
            307,
            b"",
            {"word": "endpoint"},
            f"{PLACE} answered 307 and points elsewhere, and a key is sent to no other place; if "
            "it has moved, set `endpoint`",
        ),
    ],
)
def test_a_bad_answer_is_a_sentence(
    status: int, body: bytes, words: dict[str, str], sentence: str
) -> None:
    assert str(told(status, body, words=words)) == sentence


@pytest.mark.parametrize(
    ("body", "effect"),
    [
        (said(message="slow down"), "none"),
        (said(code="rate_limit"), "none"),
        (said(message=7, param="x"), "unknown"),
    ],
)
def test_only_words_in_the_vendors_shape_are_the_vendors(body: bytes, effect: str) -> None:
    error = told(429, body, CREATE)
    assert isinstance(error, ProviderError)
    assert error.effect == effect


def test_many_words_are_cut() -> None:
    assert str(told(400, said(message="x" * 1001))) == f"mine answered 400: {'x' * 1000}"


@pytest.mark.parametrize(
    ("status", "headers", "sentence"),
    [
        (429, {"retry-after": "7"}, "mine answered 429: no; it asks to wait 7 s"),
        (503, {"retry-after-ms": "2500"}, "mine answered 503: no; it asks to wait 2.5 s"),
        (500, {"retry-after": "7"}, "mine answered 500: no"),
    ],
)
def test_a_wait_is_told(status: int, headers: dict[str, str], sentence: str) -> None:
    assert str(told(status, said(message="no"), headers=headers)) == sentence


def test_the_end_is_told_in_the_vendors_words() -> None:
    ended = said(message="Gone for ever.", code="model_shutdown")
    assert str(told(410, ended, CREATE)) == "mine takes no such job any more: Gone for ever"


def test_nobody_redirected_is_tried_again() -> None:
    error = told(307, request=CREATE)
    assert isinstance(error, ProviderError)
    assert (error.provider, error.code, error.status_code) == ("mine", "redirected", 307)
    assert (error.retryable, error.effect) == (False, "unknown")


@pytest.mark.parametrize("header", ["x-request-id", "apim-request-id"])
def test_a_request_has_a_name_to_ask_the_vendor_by(header: str) -> None:
    answer = Answer(400, {header: "req-1"}, b"")
    error = told(400, headers=dict(answer.headers))
    assert isinstance(error, InvalidRequestError)
    assert error.request_id == "req-1"
    assert unreadable(answer, READ, provider="mine", why="html").request_id == "req-1"


@pytest.mark.parametrize(
    ("arrived", "sentence"),
    [
        (True, f"mine: no answer from {PLACE}: reset"),
        (
            False,
            f"mine: no answer from {PLACE}: reset; look at the network, at a proxy, and at "
            "`endpoint`",
        ),
    ],
)
def test_no_answer_is_a_sentence(arrived: bool, sentence: str) -> None:
    error = lost(READ, provider="mine", place=PLACE, why="reset", arrived=arrived, word="endpoint")
    assert (str(error), error.provider) == (sentence, "mine")


def test_an_answer_that_cannot_be_read_is_a_sentence() -> None:
    error = unreadable(None, READ, provider="mine", why="it is html")
    assert str(error) == "mine: the answer cannot be read: it is html"
    assert (error.provider, error.status_code, error.request_id) == ("mine", None, None)


def test_secrets_are_in_no_sentence() -> None:
    key = "sk-" + "a1" * 20
    for error in (
        lost(READ, provider="mine", place=PLACE, why=key, arrived=True),
        unreadable(None, READ, provider="mine", why=key),
        told(410, said(message=key, code="model_shutdown"), CREATE),
    ):
        assert key not in str(error)
        assert "[redacted]" in str(error)


def test_what_is_no_list_is_told_by_its_keys() -> None:
    with pytest.raises(ResponseDecodeError) as caught:
        page_of(dict.fromkeys("fedcba", 1), dict, limit=3, cursor=None, provider="mine")
    keys = ["a", "b", "c", "d", "e"]
    assert str(caught.value) == f"mine: the answer is no list, it has the keys {keys}"
    assert caught.value.provider == "mine"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"loss,step\n", "it does not begin with `step,`"),
        (b"step,loss\n1," + b"9" * 200_000, "field larger than field limit (131072)"),
    ],
)
def test_a_result_file_that_is_none_is_told_once(body: bytes, why: str) -> None:
    with pytest.raises(ResponseDecodeError) as caught:
        list(metrics_of_file(body, provider="mine"))
    assert str(caught.value) == f"mine: the result file of the job cannot be read: {why}"
    assert (caught.value.provider, caught.value.retryable) == ("mine", False)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("bad", JobError(message="bad")),
        (["bad"], JobError(message="the provider gave no reason")),
        ({"message": "bad", "param": "seed"}, JobError(message="bad", param="seed")),
    ],
)
def test_a_reason_is_told_as_far_as_it_is_one(value: object, error: JobError) -> None:
    assert error_of(value, failed=True) == error


def spec(**words: Any) -> JobSpec:
    return JobSpec(
        model="m",
        training_file=DatasetFile(id="file-1"),
        method=words.pop("method", Supervised()),
        key="k",
        **words,
    )


FULL = {f"n{n}": "v" for n in range(14)}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            {"method": Supervised(epochs=2.5)},
            "`epochs` is 2.5; here it is a whole number from 1 to 50",
        ),
        (
            {"options": {"extra_body": {"seed": 1, "model": "m"}}},
            "`extra_body` has `model` in it, which is a word of `jobs.create` or of its method: "
            "what is checked, priced and found again by it must be what is sent; say it there",
        ),
        (
            {"metadata": {**FULL, "one": "more"}},
            "`metadata` has 15 entries; here it has at most 14, beside two of ours by which a "
            "lost job is found",
        ),
        (
            {"metadata": {"n" * 65: "v"}},
            f"`metadata` has the entry {'n' * 65!r} of 1 characters; here names have at most 64 "
            "and values 512",
        ),
        (
            {"metadata": {"n": "v" * 513}},
            "`metadata` has the entry 'n' of 513 characters; here names have at most 64 and "
            "values 512",
        ),
    ],
)
def test_what_is_beyond_a_limit_is_told_with_the_limit(
    words: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check(spec(**words))
    assert str(caught.value) == sentence


@pytest.mark.parametrize("metadata", [FULL, {"n" * 64: "v" * 512}, {"n": ""}])
def test_what_is_at_a_limit_is_taken(metadata: dict[str, str]) -> None:
    check(spec(metadata=metadata))
