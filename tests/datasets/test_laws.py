"""What holds for any bytes and any row."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from finetune_sdk.datasets import EVERYTHING, RowFormat, RowRules, load
from finetune_sdk.errors import DatasetError
from finetune_sdk.types import DatasetReport
from tests.datasets.samples import ANSWER, ASSISTANT, CALLING, TOOL, USER, Json
from tests.datasets.samples import judged as check

ALL = RowRules(content=EVERYTHING)
PACKED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")
UNREADABLE = {
    "not_json",
    "not_finite",
    "not_utf8",
    "byte_order_mark",
    "line_too_long",
    "blank_line",
    "lone_surrogate",
    "not_an_object",
}

texts = st.text(st.characters(exclude_categories=()), max_size=5)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
ROW_WORDS = ["messages", "tools", "parallel_tool_calls"]
MESSAGE_WORDS = ["role", "content", "weight", "name", "tool_calls", "tool_call_id"]
PART_WORDS = ["type", "text", "function", "id", "arguments", "parameters", "image_url", "url"]
words = st.sampled_from([*ROW_WORDS, *MESSAGE_WORDS, *PART_WORDS])
values = st.sampled_from(
    ["system", "user", "assistant", "tool", "text", "image_url", "function", "{}", 0, 1, "call_1"]
)
json_values = st.recursive(
    scalars | values,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words | texts, inner, max_size=5),
    max_leaves=12,
)
messages = st.dictionaries(words | texts, json_values | values, max_size=1).flatmap(
    lambda odd: st.sampled_from([USER, ASSISTANT, CALLING, ANSWER]).map(lambda m: {**m, **odd})
)
near_rows = st.fixed_dictionaries(
    {
        "messages": st.lists(messages, max_size=3)
        | st.lists(messages | json_values, max_size=4)
        | json_values
    },
    optional={"tools": json_values | st.just([TOOL]), "parallel_tool_calls": json_values},
)
PAIR_WORDS = ["input", "preferred_output", "non_preferred_output", "prompt", "chosen", "rejected"]
FORM_WORDS = st.sampled_from([*ROW_WORDS, *PAIR_WORDS, "completion", "label", "Chosen", "lable"])
FORMS: list[RowFormat] = ["chat", "preference", "kto", "prompts"]
turns = st.lists(messages | json_values, max_size=3)
near_forms = st.dictionaries(
    FORM_WORDS | texts,
    turns | json_values | st.fixed_dictionaries({"messages": turns}),
    max_size=6,
)
near_lines = near_rows.map(lambda row: json.dumps(row).encode())
lines = st.binary(max_size=40) | near_lines | json_values.map(lambda v: json.dumps(v).encode())


def checked(data: bytes) -> tuple[DatasetReport, bool]:
    """The report on a file of these bytes, and whether it could be read to its end."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.jsonl")
        path.write_bytes(data)
        dataset = load(path)
        report = check(dataset, rules=ALL)
        assert report.rows == len(dataset)
        try:
            rows = sum(1 for _ in dataset)
        except DatasetError:
            return report, False
        assert rows == report.rows
        return report, True


def assert_well_formed(report: DatasetReport) -> None:
    assert (report.errors + report.warnings) == len(report.findings)
    assert [f.line for f in report.findings] == sorted(f.line for f in report.findings)
    assert DatasetReport.from_json(report.to_json()) == report
    for finding in report.findings:
        assert finding.pointer == "" or finding.pointer.startswith("/")
        assert str(finding).isprintable() or not finding.pointer.isprintable()


@settings(deadline=None)
@given(st.lists(lines, max_size=4).map(b"\n".join))
@example(b"")
@example(b"\xef\xbb\xbf")
@example(b"\xef\xbb\xbf\n\n{}")
@example(b"\xef\xbb\xbf\xef\xbb\xbf{}")
@example(b"\xff\xfe")
@example(b'{"a":"\\ud800"}')
@example(b'{"a":1e999}')
def test_any_file_is_judged_and_read_alike(data: bytes) -> None:
    assume(not data.startswith(PACKED))
    report, readable = checked(data)
    assert_well_formed(report)
    assert readable == (not any(f.code in UNREADABLE for f in report.findings))


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_what_is_no_json_object_has_an_error(data: bytes) -> None:
    data = data.replace(b"\n", b"")
    # What is packed is unpacked first, and damaged as a whole.
    assume(not data.startswith(PACKED))
    try:
        valid = isinstance(json.loads(data.decode()), dict)
    except ValueError:
        valid = False
    report, _ = checked(data)
    assert valid or not report.ok


@settings(deadline=None)
@given(st.lists(near_rows | json_values, max_size=4))
def test_any_row_in_memory_is_judged_like_one_of_a_file(rows: list[Json]) -> None:
    here = check(load(rows, name="a"), rules=ALL)
    assert_well_formed(here)
    there, _ = checked(b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    found = [(f.line, f.pointer, f.code) for f in there.findings]
    assert [(f.line, f.pointer, f.code) for f in here.findings] == found


@settings(deadline=None)
@given(near_rows)
def test_an_accepted_row_holds_what_the_format_demands(row: Json) -> None:
    if not check(load([row]), rules=ALL).ok:
        return
    turns = cast("list[dict[str, Any]]", row["messages"])
    for turn in turns:
        assert turn["role"] in ("system", "developer", "user", "assistant", "tool")
        assert isinstance(turn.get("content"), (str, list)) or turn["tool_calls"]
        assert turn.get("weight", 1) in (0, 1)
    assert any(t["role"] == "assistant" and t.get("weight", 1) == 1 for t in turns)


@settings(deadline=None)
@given(st.sampled_from(FORMS), st.lists(near_forms | near_rows | json_values, max_size=3))
def test_any_row_is_judged_by_any_format(wanted: RowFormat, rows: list[Json]) -> None:
    report = check(load(rows, name="a"), rules=replace(ALL, format=wanted))
    assert_well_formed(report)
    assert report.rows == len(rows)


said = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=8)


def user(text: str) -> Json:
    return {"role": "user", "content": text}


def assistant(text: str) -> Json:
    return {"role": "assistant", "content": text}


def talk(told: list[tuple[str, str]], last: str) -> list[Json]:
    """Turns that end with the user's."""
    before = [turn for asked, answer in told for turn in (user(asked), assistant(answer))]
    return [*before, user(last)]


talks = st.builds(talk, st.lists(st.tuples(said, said), max_size=2), said)
answers = said.map(lambda text: [assistant(text)])
others = said.map(lambda text: [assistant(f"{text}!")])
labels = st.booleans()
fields = {name: st.none() | said | st.lists(said) for name in ("answer", "chosen", "label", "x")}


def rows_of(
    optional: dict[str, st.SearchStrategy[object]] | None = None,
    **keys: st.SearchStrategy[object],
) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries(keys, optional=optional or {})


good_rows: dict[RowFormat, st.SearchStrategy[Json]] = {
    "chat": st.tuples(talks, answers).map(lambda parts: {"messages": [*parts[0], *parts[1]]}),
    "preference": rows_of(
        input=rows_of(messages=talks), preferred_output=answers, non_preferred_output=others
    )
    | rows_of(prompt=talks, chosen=answers, rejected=others)
    | rows_of(prompt=said, chosen=said, rejected=said.map("{}!".format)),
    "kto": rows_of(prompt=talks, completion=answers, label=labels)
    | rows_of(prompt=said, completion=said, label=labels),
    "prompts": rows_of({**fields}, messages=talks) | rows_of({**fields}, prompt=talks | said),
}


@settings(deadline=None)
@given(st.data(), st.sampled_from(FORMS))
def test_a_good_row_of_any_format_has_no_error(data: st.DataObject, form: RowFormat) -> None:
    row = data.draw(good_rows[form])
    report = check(load([row]), rules=replace(ALL, format=form))
    assert {f.code for f in report.findings} == ({"one_label"} if form == "kto" else set())


@settings(deadline=None)
@given(st.data(), st.sampled_from(FORMS), st.sampled_from(["preference", "kto"]))
def test_a_good_row_of_another_format_is_one_finding(
    data: st.DataObject, form: RowFormat, wanted: RowFormat
) -> None:
    row = data.draw(good_rows[form])
    # A prompt with a field like that may be meant as the other format.
    assume(form != "prompts" or not ("chosen" in row or {"prompt", "label"} <= row.keys()))
    report = check(load([row]), rules=replace(ALL, format=wanted))
    assert [f.code for f in report.findings if f.line] == (
        [] if form == wanted else ["wrong_format"]
    )
