"""Streams: names, ends and counts are right, however the bytes are cut into pieces."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_sdk.providers.local.serving.reply import Cutter
from tests.serving.standin import FOLDER, KEY, REPLY, Answer, StandIn, chat


def chunk(delta: dict[str, object], **more: object) -> bytes:
    choice: dict[str, object] = {"index": 0, "delta": delta}
    if "finish_reason" in more:
        choice["finish_reason"] = more.pop("finish_reason")
    whole = {"id": "1", "model": f"{FOLDER}@main", "choices": [choice], **more}
    return f"data: {json.dumps(whole, ensure_ascii=False)}\n\n".encode()


def stream_of(*texts: str, finish_reason: str = "length") -> bytes:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    last = chunk({}, finish_reason=finish_reason, usage=usage)
    return b"".join([chunk({"role": "assistant"}), *(chunk({"content": t}) for t in texts), last])


def streamed(*pieces: bytes, crash: Exception | None = None, **fields: object) -> Answer:
    return chat(
        StandIn(pieces, kind="text/event-stream; charset=utf-8", crash=crash), stream=True, **fields
    )


def text_of(answer: Answer) -> str:
    chunks = [json.loads(event) for event in answer.events if event != "[DONE]"]
    deltas = [choice["delta"] for one in chunks for choice in one["choices"]]
    return "".join(delta.get("content", "") for delta in deltas)


STREAM = stream_of("Häl", "lo ", "wörld")
WHOLE = streamed(STREAM)


def test_a_stream_has_the_served_name_and_openais_end() -> None:
    *events, done = WHOLE.events
    assert done == "[DONE]"
    assert {json.loads(event)["model"] for event in events} == {"recipes"}
    assert text_of(WHOLE) == "Hällo wörld"
    assert WHOLE.headers["content-type"].startswith("text/event-stream")
    assert FOLDER not in WHOLE.body.decode() + str(WHOLE.headers)


def test_a_cut_at_any_byte_changes_nothing() -> None:
    for at in range(len(STREAM) + 1):
        assert streamed(STREAM[:at], STREAM[at:]).body == WHOLE.body, at


@given(st.lists(st.integers(0, len(STREAM)), max_size=30).map(sorted))
def test_cuts_anywhere_change_nothing(cuts: list[int]) -> None:
    bounds = zip([0, *cuts], [*cuts, len(STREAM)], strict=True)
    assert streamed(*(STREAM[a:b] for a, b in bounds)).body == WHOLE.body


def test_tokens_are_counted_where_it_was_asked_for() -> None:
    assert not any("usage" in event for event in WHOLE.events)
    counted = streamed(STREAM, stream_options={"include_usage": True}).events
    last = json.loads(counted[-2])
    assert (last["choices"], last["usage"]["total_tokens"]) == ([], 3)
    assert json.loads(counted[-3])["choices"][0]["finish_reason"] == "length"


@given(
    text=st.text("abc", max_size=30),
    stop=st.lists(st.text("abc", min_size=1, max_size=4), max_size=4).map(tuple),
    cuts=st.lists(st.integers(0, 30), max_size=12).map(sorted),
)
def test_a_stop_ends_the_text_before_it_in_whatever_pieces_it_comes(
    text: str, stop: tuple[str, ...], cuts: list[int]
) -> None:
    found = [(at + len(one), at) for one in stop if (at := text.find(one)) >= 0]
    wanted = text[: min(found)[1]] if found else text
    cutter = Cutter(stop)
    bounds = zip([0, *cuts], [*cuts, len(text)], strict=True)
    got = "".join(cutter.feed(text[a:b]) for a, b in bounds) + cutter.rest()
    assert got == wanted
    assert cutter.done is bool(found)


@pytest.mark.parametrize(
    ("texts", "wanted", "reason"),
    [
        (("one E", "ND two"), "one ", "stop"),
        (("one EN", "D"), "one ", "stop"),
        (("one E", "N"), "one EN", "length"),
        (("one ", "EXIT"), "one EXIT", "length"),
    ],
)
def test_a_stream_ends_before_its_stop(texts: tuple[str, ...], wanted: str, reason: str) -> None:
    answer = streamed(stream_of(*texts), stop="END")
    assert text_of(answer) == wanted
    assert json.loads(answer.events[-2])["choices"][0]["finish_reason"] == reason


def test_a_whole_reply_ends_before_its_stop_too() -> None:
    choice = chat(StandIn(), stop=[" two", "three"]).json()["choices"]
    whole = chat(StandIn(), stop="four").json()
    assert "'content': 'one'" in str(choice)
    assert "'finish_reason': 'stop'" in str(choice)
    assert whole == {**REPLY, "model": "recipes"}


def test_a_text_completion_is_named_and_ended_too() -> None:
    text = b'data: {"model": "x", "choices": [{"index": 0, "text": "one END two"}]}\n\n'
    last = b'data: {"model": "x", "choices": [{"index": 0, "text": "", "finish_reason": "length"}]}'
    events = [json.loads(event) for event in streamed(text, last, stop="END").events[:-1]]
    assert [event["choices"][0]["text"] for event in events] == ["one ", ""]
    assert events[-1]["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    "error",
    [
        f'data: {{"error": "no {FOLDER} for you"}}\n\n',
        f'data: {{"error": "no "{FOLDER}" for you"}}\n\n',
        f'data: {{"error": "no {FOLDER}\nfor you"}}\n\n',
        f'data: {{"error": "no {FOLDER}\n\nfor you"}}\n\n',
    ],
)
def test_an_error_in_a_stream_has_openais_shape_and_tells_no_path(error: str) -> None:
    answer = streamed(chunk({"content": "so far"}) + error.encode())
    told = json.loads(answer.events[-1])["error"]
    assert set(told) == {"message", "type", "param", "code"}
    assert told["message"].startswith("no ")
    assert "[redacted]" in told["message"]
    assert FOLDER not in answer.body.decode()


def test_a_crash_in_a_stream_is_told_in_it() -> None:
    answer = streamed(chunk({"content": "so far"}), crash=RuntimeError(f"broke with {KEY}"))
    told = json.loads(answer.events[-1])["error"]
    assert told["message"] == "RuntimeError: broke with [redacted]"
    assert text_of(Answer(body=answer.body.rpartition(b"data: ")[0])) == "so far"
