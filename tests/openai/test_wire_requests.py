"""Requests as data, and the small values that they are made of and read with."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import pytest

from finetune_sdk.providers._openai_wire import requests
from finetune_sdk.providers._openai_wire.requests import Part, Request
from finetune_sdk.providers._openai_wire.values import encode, rows, text, texts

PART = Part(name="file", filename="a.jsonl", file=BytesIO(b"{}"), size=2)


@pytest.mark.parametrize(
    ("make", "request_"),
    [
        (
            lambda: requests.read("/models", after="m", limit=None),
            Request(use="read", method="GET", path="/models", query={"after": "m"}),
        ),
        (
            lambda: requests.page("/files", 20, "file-1", purpose="fine-tune"),
            Request(
                use="read",
                method="GET",
                path="/files",
                query={"limit": "20", "after": "file-1", "purpose": "fine-tune"},
            ),
        ),
        (
            lambda: requests.page("/files", 20, None),
            Request(use="read", method="GET", path="/files", query={"limit": "20"}),
        ),
        (
            lambda: requests.create_job({"model": "m"}),
            Request(use="create", method="POST", path="/fine_tuning/jobs", body={"model": "m"}),
        ),
        (
            lambda: requests.change_job("a/b", "pause"),
            Request(use="put", method="POST", path="/fine_tuning/jobs/a%2Fb/pause"),
        ),
        (
            lambda: requests.delete("/models/m"),
            Request(use="delete", method="DELETE", path="/models/m"),
        ),
    ],
)
def test_a_request_is_what_is_asked_for(make: Callable[[], Request], request_: Request) -> None:
    assert make() == request_


def test_an_upload_has_time_by_its_size() -> None:
    made = requests.upload("/files", PART, {"purpose": "fine-tune"})
    assert made.seconds is not None
    assert made == Request(
        use="upload",
        method="POST",
        path="/files",
        body={"purpose": "fine-tune"},
        part=PART,
        seconds=made.seconds,
    )
    larger = Part(name="file", filename="a.jsonl", file=PART.file, size=10**9)
    longer = requests.upload("/files", larger, {}).seconds
    assert longer is not None
    assert longer > made.seconds


@pytest.mark.parametrize(
    ("name", "segment"), [(".", "%2E"), ("..", "%2E%2E"), (".a", ".a"), ("a b", "a%20b")]
)
def test_dots_climb_nowhere(name: str, segment: str) -> None:
    assert requests.segment(name) == segment


def test_what_is_sent_is_json() -> None:
    assert encode({"name": "é", "n": [1, None]}) == '{"name":"é","n":[1,null]}'.encode()


def test_of_a_list_only_what_fits_is_read() -> None:
    assert list(rows([{"a": 1}, 7, None, {}])) == [{"a": 1}, {}]
    assert list(texts(["a", 7, "", None, "b"])) == ["a", "b"]
    assert not list(rows({"a": 1}))
    assert not list(texts("abc"))


@pytest.mark.parametrize("length", [1, 3999, 4000])
def test_a_text_is_kept_up_to_its_limit(length: int) -> None:
    assert text("x" * length) == "x" * length
    assert text("x" * 4001) == "x" * 4000 + "..."
