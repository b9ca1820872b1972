"""What holds for the conversion of any rows."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import cast

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from finetune_sdk.datasets import EVERYTHING, Content, RowFormat, RowRules, check, convert, load
from finetune_sdk.datasets.converting import base_of, convertible, reader
from finetune_sdk.datasets.converting.outcome import LOSSES
from finetune_sdk.errors import FineTuneError
from tests.datasets.samples import CALLING, TOOL, Json
from tests.datasets.test_convert_readers import assistant, foreign_rows, user
from tests.datasets.test_laws import good_rows, json_values, near_forms, near_rows, said, talks

FORMATS: list[RowFormat] = [
    *("chat", "completion", "preference", "preference_trl", "kto", "prompts", "sharegpt", "alpaca"),
]
formats = st.sampled_from(FORMATS)
contents: st.SearchStrategy[frozenset[Content]] = st.frozensets(st.sampled_from(sorted(EVERYTHING)))
losses = st.just("all") | st.frozensets(st.sampled_from(sorted(LOSSES)))
any_rows = st.lists(near_rows | near_forms | foreign_rows | json_values, max_size=3)


@settings(deadline=None)
@given(any_rows, st.none() | formats, formats, contents, losses)
def test_any_rows_are_converted_or_refused(
    rows: list[Json],
    source: RowFormat | None,
    target: RowFormat,
    content: frozenset[Content],
    allowed: str | frozenset[str],
) -> None:
    dataset = load(rows, format=source)
    try:
        made, report = convert(dataset, to=target, content=content, allow_loss=allowed)
    except FineTuneError:
        return
    assert convertible(report.source, target)
    assert (report.rows_in, report.rows_out) == (len(dataset), len(made))
    assert allowed == "all" or {loss.what for loss in report.lost} <= set(allowed)
    lines = [record.line for record in made.records()]
    assert lines == sorted(lines)
    assert set(lines) <= set(range(1, len(rows) + 1))
    check(made, rules=RowRules(format=base_of(target)))


texts = said | said.map(lambda text: [{"type": "text", "text": text}])


def seen(text: str) -> list[Json]:
    image: Json = {"type": "image_url", "image_url": {"url": "https://a.example/egg.png"}}
    return [{"type": "text", "text": text}, image]


def turn(role: str, content: object, **keys: object) -> Json:
    return {"role": role, "content": content, **keys}


asking = st.builds(turn, st.sampled_from(["user", "system", "developer"]), said)
speaking = st.builds(turn, st.just("user"), said, name=said)
looking = st.builds(turn, st.just("user"), texts | said.map(seen))
answering = st.builds(turn, st.just("assistant"), texts)
weighed = st.builds(turn, st.just("assistant"), said, weight=st.sampled_from([0, 1]))
returned = st.builds(turn, st.just("tool"), said, tool_call_id=st.just("call_1"))
odd_turns = st.one_of(asking, speaking, looking, answering, weighed, returned, st.just(CALLING))
some_chats = st.fixed_dictionaries(
    {"messages": st.lists(odd_turns, min_size=1, max_size=5)},
    optional={"tools": st.just([TOOL]), "parallel_tool_calls": st.booleans(), "id": said},
)
in_any_order = st.lists(
    st.builds(turn, st.sampled_from(["user", "assistant", "system"]), said), min_size=1, max_size=5
).map(lambda messages: {"messages": messages})
good_chats = st.one_of(good_rows["chat"], some_chats, in_any_order)


def normal(row: Json) -> Json:
    """What a chat row says, however it is spelled."""
    messages = [dict(message) for message in cast("list[Json]", row["messages"])]
    for message in messages:
        if message.get("weight") == 1:
            message.pop("weight", None)
        if isinstance(message.get("content"), list):
            parts = cast("list[dict[str, str]]", message["content"])
            if all(part["type"] == "text" for part in parts):
                message["content"] = "".join(part["text"] for part in parts)
    return {**row, "messages": messages}


@settings(deadline=None)
@given(good_chats, st.sampled_from(["sharegpt", "alpaca", "completion"]))
def test_what_loses_nothing_is_read_back_as_it_was(row: Json, target: RowFormat) -> None:
    there = convert(load([row], format="chat"), to=target, allow_loss="all")
    assume(not there.report.lost and not there.report.notes)
    back = convert(there.dataset, to="chat", allow_loss=("fields",))
    (again,) = back.dataset
    assert [loss.what for loss in back.report.lost] == (["fields"] if "id" in row else [])
    row.pop("id", None)
    assert normal(again) == normal(row)


plain_talks = st.lists(st.tuples(said, said), min_size=1, max_size=3).map(
    lambda told: [turn for q, a in told for turn in (user(q), assistant(a))]
)
systems = st.lists(said.map(lambda text: {"role": "system", "content": text}), max_size=1)


@settings(deadline=None)
@given(systems, plain_talks, st.sampled_from(["sharegpt", "alpaca"]))
def test_a_plain_conversation_goes_there_and_back(
    system: list[Json], talk: list[Json], target: RowFormat
) -> None:
    row: Json = {"messages": [*system, *talk]}
    there = convert(load([row]), to=target).dataset
    assert list(convert(there, to="chat").dataset) == [row]
    assert list(convert(convert(there, to="chat").dataset, to=target).dataset) == list(there)


@settings(deadline=None)
@given(talks, said)
def test_a_completion_goes_there_and_back(talk: list[Json], answer: str) -> None:
    row: Json = {"prompt": talk, "completion": [assistant(answer)]}
    chat = convert(load([row]), to="chat").dataset
    assert list(convert(chat, to="completion").dataset) == [row]
    assert reader("completion")(row).row == next(iter(chat))


@settings(deadline=None)
@given(good_rows["preference"])
def test_a_pair_goes_there_and_back(row: Json) -> None:
    assume(not isinstance(row.get("prompt"), str))
    source, target = (
        ("preference", "preference_trl") if "input" in row else ("preference_trl", "preference")
    )
    there = convert(load([row]), to=cast("RowFormat", target)).dataset
    assert list(convert(there, to=cast("RowFormat", source)).dataset) == [row]


@settings(deadline=None)
@given(st.data(), st.sampled_from(["chat", "preference", "kto"]), formats)
def test_a_good_row_becomes_a_good_row(
    data: st.DataObject, source: RowFormat, target: RowFormat
) -> None:
    row = data.draw(good_rows[source])
    dataset = load([row])
    if not convertible(source, target):
        return
    made, report = convert(dataset, to=target, allow_loss="all")
    assert not any("none of the format" in note for note in report.notes)
    rules = RowRules(format=base_of(target), content=EVERYTHING)
    found = {
        finding.code for finding in check(made, rules=rules).findings if finding.severity == "error"
    }
    assert found <= ({"empty_dataset"} if report.rows_out == 0 else set())


@settings(deadline=None)
@given(st.lists(good_rows["preference"], max_size=5))
def test_a_pair_is_two_marked_answers(rows: list[Json]) -> None:
    made, report = convert(load(rows, format="preference"), to="kto")
    assert report.rows_out == 2 * len(rows)
    marked = list(made)
    for good, bad in list(pairwise(marked))[::2]:
        assert (good["label"], bad["label"]) == (True, False)
        assert json.dumps(good["prompt"]) == json.dumps(bad["prompt"])
