"""The result file: a table, plain or in base64, or something else altogether."""

from __future__ import annotations

import base64
import math
import textwrap

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from finetune_sdk.errors import ResponseDecodeError
from finetune_sdk.providers._openai_wire.results import metrics_of_file
from tests.standins.openai.course import result_csv

HEAD = b"step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n"
PLAIN = HEAD + b"1,2.5,0.5,,\n2,1.5,0.75,1.75,0.625\n"
EXPECTED = [
    (1, "loss", "train", 2.5),
    (1, "token_accuracy", "train", 0.5),
    (2, "loss", "train", 1.5),
    (2, "token_accuracy", "train", 0.75),
    (2, "loss", "validation", 1.75),
    (2, "token_accuracy", "validation", 0.625),
]
BOM = b"\xef\xbb\xbf"


def read(body: bytes) -> list[tuple[int, str, str, float]]:
    found = metrics_of_file(body, provider="openai")
    return [(one.step, one.name, one.split, one.value) for one in found]


FORMS = {
    "plain": PLAIN,
    "with a mark": BOM + PLAIN,
    "behind blanks": b"\n  " + PLAIN,
    "with the ends of Windows": PLAIN.replace(b"\n", b"\r\n"),
    "without an end": PLAIN.rstrip(),
    "with empty lines": PLAIN + b"\n\n",
    "in base64": base64.b64encode(PLAIN),
    "with a mark in base64": base64.b64encode(BOM + PLAIN),
    "in base64 with an end": base64.b64encode(PLAIN) + b"\n",
    "in lines of base64": "\n".join(textwrap.wrap(base64.b64encode(PLAIN).decode(), 76)).encode(),
}


@pytest.mark.parametrize("body", FORMS.values(), ids=FORMS)
def test_a_table_is_read_however_it_comes(body: bytes) -> None:
    assert read(body) == EXPECTED


def test_the_file_of_the_stand_in_is_read() -> None:
    found = read(result_csv(100, validated=True))
    assert len(found) == 400
    assert [one[0] for one in found] == sorted(one[0] for one in found)


def test_the_columns_of_reinforcement_are_read() -> None:
    body = b"step,train_mean_reward,full_valid_mean_reward,train_reasoning_tokens_mean\n1,0.5,,90\n"
    assert read(body) == [
        (1, "reward", "train", 0.5),
        (1, "train_reasoning_tokens_mean", "train", 90.0),
    ]


def test_a_table_without_rows_has_no_numbers() -> None:
    assert read(HEAD) == []


@pytest.mark.parametrize("step", [b"", b"x", b"-1", b"nan", b"inf", b"-inf", b"1e999", b"1,2,3,4,"])
def test_a_row_without_a_step_is_passed_over(step: bytes) -> None:
    assert read(HEAD + step + b",9,9,9,9\n2,1.5,,,\n")[-1] == (2, "loss", "train", 1.5)


@pytest.mark.parametrize("value", [b"", b" ", b"x", b"nan", b"inf", b"1e999", b"0x10"])
def test_a_cell_that_is_no_number_is_left_out(value: bytes) -> None:
    assert read(b"step,train_loss,valid_loss\n1," + value + b",2\n") == [
        (1, "loss", "validation", 2.0)
    ]


def test_rows_that_are_too_long_or_too_short_are_read_as_far_as_they_go() -> None:
    assert read(b"step,train_loss\n1,2,3,4,5\n2\n3,4\n") == [
        (1, "loss", "train", 2.0),
        (3, "loss", "train", 4.0),
    ]


def test_a_step_is_a_whole_number() -> None:
    assert read(b"step,train_loss\n1.0,2\n1e3,2\n") == [
        (1, "loss", "train", 2.0),
        (1000, "loss", "train", 2.0),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"<html>sign in</html>",
        b"loss,step\n1,2\n",
        b"step",
        b"step;train_loss\n1;2\n",
        PLAIN.decode().encode("utf-16"),
        b"\x89PNG\r\n",
        base64.b64encode(b"{}"),
        base64.b64encode(PLAIN)[:-3],
        base64.b64encode(base64.b64encode(PLAIN)),
        HEAD + b"1," + b"9" * 200_000,
    ],
)
def test_what_is_no_table_is_told_and_not_shown(body: bytes) -> None:
    with pytest.raises(ResponseDecodeError, match="the result file of the job") as caught:
        read(body)
    assert not caught.value.retryable
    assert len(str(caught.value)) < 200


# Laws

CELLS = st.none() | st.floats(-1e9, 1e9)
TABLES = st.lists(st.tuples(st.integers(0, 10**9), CELLS, CELLS), max_size=20)


@settings(max_examples=150, deadline=None)
@given(rows=TABLES, packed=st.booleans())
def test_every_number_of_a_table_comes_out(
    rows: list[tuple[int, float | None, float | None]], packed: bool
) -> None:
    lines = [f"{step},{'' if a is None else a!r},{'' if b is None else b!r}" for step, a, b in rows]
    body = "\n".join(["step,train_loss,valid_loss", *lines]).encode()
    expected = [
        (step, "loss", split, value)
        for step, *cells in rows
        for split, value in zip(("train", "validation"), cells, strict=True)
        if value is not None
    ]
    assert read(base64.b64encode(body) if packed else body) == expected


@settings(max_examples=1000, deadline=None)
@example(body=b"step,a\n\x00,1\n")
@example(body=b'step,"a\n1,2\n')
@given(body=st.binary(max_size=200) | st.binary(max_size=100).map(lambda b: HEAD + b))
def test_whatever_a_file_is_it_is_read_or_refused(body: bytes) -> None:
    try:
        found = read(body)
    except ResponseDecodeError:
        return
    assert all(step >= 0 and math.isfinite(value) for step, _, _, value in found)
