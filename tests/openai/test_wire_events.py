"""Events, and the numbers in them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_sdk.providers._openai_wire.events import NAMES, event_of, metrics_of, named
from finetune_sdk.providers._openai_wire.pages import page_of
from finetune_sdk.providers._openai_wire.values import LONGEST_TEXT
from finetune_sdk.types import JobEvent
from tests.openai.test_wire_jobs import JSON, nested

AT = 1_790_000_000
DATA = {"step": 3, "total_steps": 9, "train_loss": 0.5, "train_mean_token_accuracy": 0.75}


def event(**fields: Any) -> JobEvent:
    found = event_of({"id": "e", **fields})
    assert found is not None
    return found


def numbers(**fields: Any) -> list[tuple[int, str, str, float]]:
    said = {"id": "e", "type": "metrics", "created_at": AT, "data": DATA, **fields}
    return [(one.step, one.name, one.split, one.value) for one in metrics_of(said)]


@pytest.mark.parametrize(
    ("word", "level"),
    [
        *[("info", "info"), ("warn", "warning"), ("warning", "warning"), ("error", "error")],
        *[("alien", "info"), ("", "info"), (None, "info"), (7, "info"), (["error"], "info")],
    ],
)
def test_a_level_that_nobody_knows_is_no_alarm(word: object, level: str) -> None:
    assert event(level=word).level == level


def test_an_event_is_read() -> None:
    found = event(created_at=AT, level="warn", message="slow", type="message", data={"a": 1})
    assert found == JobEvent(
        id="e",
        created_at=datetime.fromtimestamp(AT, UTC),
        level="warning",
        message="slow",
        type="message",
        data={"a": 1},
    )


def test_an_id_is_all_that_an_event_needs() -> None:
    assert event() == JobEvent(id="e", created_at=datetime.fromtimestamp(0, UTC), message="")


@pytest.mark.parametrize("id_", [None, "", 7])
def test_what_has_no_id_is_no_event(id_: object) -> None:
    assert event_of({"id": id_, "message": "x"}) is None


@pytest.mark.parametrize("data", [None, [], "x", 7])
def test_data_of_another_kind_is_none(data: object) -> None:
    assert event(data=data).data == {}


def test_data_that_is_too_deep_is_passed_over() -> None:
    assert event(message="x", data={"a": nested(300)}).data == {}
    assert event(data={"a": nested(50)}).data == {"a": nested(50)}


def test_a_message_that_is_too_long_is_cut() -> None:
    assert event(message="x" * 10**6).message == "x" * LONGEST_TEXT + "..."


def test_a_page_keeps_the_order_of_the_service() -> None:
    said = {"data": [{"id": f"e{n}", "created_at": AT} for n in (3, 1, 2)], "has_more": False}
    found = page_of(said, event_of, limit=9, cursor=None, provider="openai")
    assert [one.id for one in found.items] == ["e3", "e1", "e2"]


# Numbers


def test_a_measurement_has_our_names() -> None:
    assert numbers() == [(3, "loss", "train", 0.5), (3, "token_accuracy", "train", 0.75)]


def test_when_it_was_measured_is_told() -> None:
    (found,) = metrics_of(
        {"type": "metrics", "created_at": AT, "data": {"step": 1, "train_loss": 1}}
    )
    assert found.created_at == datetime.fromtimestamp(AT, UTC)


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "message"},
        {"type": None},
        {"data": None},
        {"data": {}},
        {"data": {"train_loss": 1}},
        *({"data": {**DATA, "step": step}} for step in (None, "3", -1, 3.5, True, 2**63)),
    ],
)
def test_what_is_no_measurement_has_no_numbers(fields: dict[str, Any]) -> None:
    assert numbers(**fields) == []


@pytest.mark.parametrize("value", [None, "0.5", True, [], 10**400])
def test_a_number_that_is_none_is_left_out(value: object) -> None:
    assert numbers(data={"step": 1, "train_loss": value, "valid_loss": 2}) == [
        (1, "loss", "validation", 2.0)
    ]


def test_a_number_of_a_new_name_keeps_it() -> None:
    assert named("train_entropy") == ("train_entropy", "train")
    assert named("full_valid_entropy") == ("full_valid_entropy", "validation")
    assert numbers(data={"step": 1, "entropy": 2}) == [(1, "entropy", "train", 2.0)]


def test_azures_names_are_the_same_numbers() -> None:
    assert named("train_reward_mean") == named("train_mean_reward")
    assert named("valid_reward_mean") == named("valid_mean_reward")
    assert named("validation_mean_token_accuracy") == named("valid_mean_token_accuracy")


def test_a_batch_and_all_rows_are_told_apart() -> None:
    data = {"step": 1, "valid_loss": 2, "full_valid_loss": 3}
    assert numbers(data=data) == [
        (1, "loss", "validation", 2.0),
        (1, "full_loss", "validation", 3.0),
    ]


def test_no_two_names_of_one_answer_are_the_same_number() -> None:
    # The result file and the events name the accuracy differently, and Azure three; none has both.
    others = {
        "train_accuracy",
        "train_reward_mean",
        "valid_reward_mean",
        "validation_mean_token_accuracy",
    }
    names = [name for name in NAMES if name not in others]
    assert len({NAMES[name] for name in names}) == len(names)


@settings(max_examples=250, deadline=None)
@given(said=st.dictionaries(st.sampled_from(["level", "message", "type", "data", "x"]), JSON))
def test_whatever_an_event_has_it_is_read(said: dict[str, Any]) -> None:
    found = event_of({"id": "e", **said})
    assert found is not None
    assert JobEvent.from_json(found.to_json()) == found
    list(metrics_of({**said, "type": "metrics"}))
