"""What holds for any bytes and any row."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any, cast

from hypothesis import example, given, settings
from hypothesis import strategies as st

from finetune_sdk.datasets import RowRules, check, load
from finetune_sdk.errors import DatasetError
from finetune_sdk.types import DatasetReport
from tests.datasets.samples import ANSWER, ASSISTANT, CALLING, TOOL, USER, Json

ALL = RowRules(content=frozenset({"text", "image", "tools"}))
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
    report, readable = checked(data)
    assert_well_formed(report)
    assert readable == (not any(f.code in UNREADABLE for f in report.findings))


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_what_is_no_json_object_has_an_error(data: bytes) -> None:
    data = data.replace(b"\n", b"")
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
