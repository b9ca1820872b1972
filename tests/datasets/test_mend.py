"""A mended copy: what can be mended is, and nothing else is touched."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_sdk.datasets import EVERYTHING, RowFormat, RowRules, load, mend
from finetune_sdk.datasets.codes import CODES
from finetune_sdk.errors import ConfigurationError, DatasetError
from finetune_sdk.types.dataset import MendReport
from tests.datasets.cases import CASES, Case, lines
from tests.datasets.samples import (
    ANSWER,
    ASSISTANT,
    CALL,
    CALLING,
    USER,
    WORSE,
    Json,
    line,
    numbered_rows,
    pair,
    row,
    thumb,
    trl_pair,
)
from tests.datasets.samples import judged as check
from tests.datasets.test_laws import near_rows

BOM = codecs.BOM_UTF8
G, H, J = map(line, numbered_rows(3))
ODD = b'{ "messages":[{"content":"\\u0065gg","role":"user"} , {"role":"assistant","content":"b"}]}'
AS_OBJECT: Json = {**CALL, "function": {"name": "scale", "arguments": {"by": 2}}}
AS_TEXT: Json = {**CALL, "function": {"name": "scale", "arguments": '{"by":2}'}}


def calling(call: Json) -> Json:
    return {**CALLING, "tool_calls": [call]}


def mended(data: bytes, folder: Path) -> tuple[bytes, list[tuple[int, str]], MendReport]:
    source, target = folder / "a.jsonl", folder / "b.jsonl"
    source.write_bytes(data)
    report = mend(load(source), target, overwrite=True)
    assert source.read_bytes() == data
    assert report.target == str(target)
    assert report.count == len(report.mends)
    assert report.rows_out == len(load(target))
    return target.read_bytes(), [(one.line, one.code) for one in report.mends], report


MENDS: list[tuple[bytes, bytes, list[tuple[int, str]]]] = [
    (lines(G, H), lines(G, H), []),
    (G, lines(G), []),
    (lines(G, ODD, H), lines(G, ODD, H), []),
    (G + b"\r\n" + ODD + b"\r\n", lines(G, ODD), []),
    (BOM + lines(G, H), lines(G, H), [(1, "byte_order_mark")]),
    (BOM + BOM + lines(G), lines(G), [(1, "byte_order_mark")] * 2),
    (lines(G, BOM + H), lines(G, H), [(2, "byte_order_mark")]),
    (BOM + lines(b"", G), lines(G), [(1, "byte_order_mark"), (1, "blank_line")]),
    (BOM, b"", [(1, "byte_order_mark"), (1, "blank_line")]),
    (b"", b"", []),
    (
        lines(b"", G, b" \t", H, b"", b""),
        lines(G, H),
        [(1, "blank_line"), (3, "blank_line"), (5, "blank_line"), (6, "blank_line")],
    ),
    (lines(G, H, G, J, H), lines(G, H, J), [(3, "duplicate_row"), (5, "duplicate_row")]),
    (
        lines(G, line({**numbered_rows(1)[0], "x": 1}), line({"x": 1, **numbered_rows(1)[0]})),
        lines(G, line({**numbered_rows(1)[0], "x": 1})),
        [(3, "duplicate_row")],
    ),
    (lines(G, b"{", b"{", b"[]", b"\xff", H), lines(G, b"{", b"{", b"[]", b"\xff", H), []),
]


@pytest.mark.parametrize(("data", "wanted", "told"), MENDS)
def test_what_can_be_mended_is_and_nothing_else(
    data: bytes, wanted: bytes, told: list[tuple[int, str]], tmp_path: Path
) -> None:
    out, mends, _ = mended(data, tmp_path)
    assert (out, sorted(mends)) == (wanted, sorted(told))
    again, more, _ = mended(out, tmp_path)
    assert (again, more) == (out, [])


def in_prompt(call: Json) -> list[Json]:
    return [USER, calling(call), ANSWER]


def in_all(call: Json) -> Json:
    return trl_pair(prompt=in_prompt(call), chosen=[calling(call)], rejected=[WORSE])


HOLDERS: list[tuple[RowFormat, Callable[[Json], Json]]] = [
    ("chat", lambda call: row(*in_prompt(call), ASSISTANT)),
    ("preference", lambda call: pair(input={"messages": in_prompt(call)})),
    ("preference", lambda call: pair(preferred_output=[calling(call)])),
    ("preference", lambda call: pair(non_preferred_output=[calling(call)])),
    ("preference", in_all),
    ("kto", lambda call: thumb(completion=[calling(call)])),
]


@pytest.mark.parametrize(("wanted", "made"), HOLDERS)
def test_arguments_become_texts_wherever_calls_stand(
    wanted: RowFormat, made: Callable[[Json], Json], tmp_path: Path
) -> None:
    bad, good = made(AS_OBJECT), made(AS_TEXT)
    out, mends, _ = mended(lines(ODD, line(bad), G), tmp_path)
    before, middle, after = out.splitlines()
    assert (before, json.loads(middle), after) == (ODD, good, G)
    assert mends == [(2, "bad_tool_arguments")]
    rules = RowRules(format=wanted, content=EVERYTHING)
    report = check(load([json.loads(middle)]), rules=rules)
    assert "bad_tool_arguments" not in {finding.code for finding in report.findings}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-be", "utf-32-be"])
def test_wide_text_becomes_utf_8(encoding: str, tmp_path: Path) -> None:
    text = lines(G, ODD, "{}é\u2028\x85\r{}".encode(), H).decode()
    mark = "" if encoding in ("utf-16", "utf-32") else "\ufeff"
    out, mends, _ = mended((mark + text).encode(encoding), tmp_path)
    assert out == text.encode()
    assert mends == [(0, "not_utf8")]


def test_wide_text_without_a_mark_is_not_guessed_at(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines(G).decode().encode("utf-16-le"))
    with pytest.raises(DatasetError, match="Nothing was written"):
        mend(load(tmp_path / "a.jsonl"), tmp_path / "b.jsonl")
    assert not (tmp_path / "b.jsonl").exists()


def test_a_copy_is_whole_or_not_there(tmp_path: Path) -> None:
    damaged = (
        "\ufeff".encode("utf-16-le") + lines(G, H).decode().encode("utf-16-le") + b"\x00\xdc\x01"
    )
    (tmp_path / "a.jsonl").write_bytes(damaged)
    with pytest.raises(DatasetError, match="cannot be read so"):
        mend(load(tmp_path / "a.jsonl"), tmp_path / "b.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_bytes(b"mine")
    with pytest.raises(ConfigurationError, match="is there already"):
        mend(load([row()]), tmp_path / "b.jsonl")
    assert (tmp_path / "b.jsonl").read_bytes() == b"mine"


MENDED = [
    case
    for case in CASES
    if CODES[case.code].mended and isinstance(case.bad, bytes) and b"\xe9" not in case.bad
]


@pytest.mark.parametrize("case", MENDED, ids=str)
def test_what_a_code_promises_to_be_mended_is(case: Case, tmp_path: Path) -> None:
    assert isinstance(case.bad, bytes)
    out, _, _ = mended(case.bad, tmp_path)
    assert check(load(tmp_path / "b.jsonl"), rules=RowRules(content=EVERYTHING)).findings == ()
    assert out == case.good


def test_every_code_that_can_be_mended_has_its_test() -> None:
    told = {code for _, _, mends in MENDS for _, code in mends}
    codes = {case.code for case in MENDED} | told | {"bad_tool_arguments"}
    assert codes >= {name for name, code in CODES.items() if code.mended}


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.sampled_from(
            [G, H, BOM + G, BOM, b"", b" ", b"{", ODD, line(row(USER, calling(AS_OBJECT)))]
        )
        | near_rows.map(line),
        max_size=6,
    )
)
def test_a_second_mend_finds_nothing(
    tmp_path_factory: pytest.TempPathFactory, rows: list[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("mend")
    out, mends, report = mended(lines(*rows), folder)
    assert set(out.splitlines()) <= {*rows} | {one.removeprefix(BOM) for one in rows} or any(
        code == "bad_tool_arguments" for _, code in mends
    )
    assert report.rows_out <= report.rows_in
    found = {
        f.code for f in check(load(folder / "b.jsonl"), rules=RowRules(content=EVERYTHING)).findings
    }
    assert not found & {"byte_order_mark", "blank_line", "blank_line_at_end", "duplicate_row"}
    again, more, _ = mended(out, folder)
    assert (again, more) == (out, [])
