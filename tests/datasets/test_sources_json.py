"""JSON files: where rows begin and end, and what is told of those that do not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_sdk.datasets import Dataset, load
from finetune_sdk.datasets.lines import MAX_LINE
from finetune_sdk.datasets.sources.values import ValueLines
from tests.datasets.samples import Json

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.just(0.5)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ROWS = st.lists(st.dictionaries(st.text(max_size=5), VALUES, max_size=3), max_size=5)
CHUNKS = st.integers(1, 40)


def opened(path: Path, chunk: int) -> Dataset:
    return Dataset(ValueLines(path, chunk), name="a", place="a")


def found(path: Path, content: bytes, chunk: int = 7) -> list[tuple[int, object]]:
    """Every row with its line, or the code of what is wrong there."""
    path.write_bytes(content)
    return [
        (record.line, record.faults[0].code if record.faults else record.row)
        for record in opened(path, chunk).records()
    ]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("json") / "a.json"


@given(
    rows=ROWS,
    chunk=CHUNKS,
    indent=st.sampled_from([None, 0, 2]),
    ascii_only=st.booleans(),
    form=st.sampled_from([("[", ",\n", "]"), ("\r\n[ \n", " , ", "\n]\n"), ("", "\n", "\n")]),
)
def test_rows_come_back_with_their_lines_however_they_are_laid_out(
    path: Path,
    rows: list[Json],
    chunk: int,
    indent: int | None,
    ascii_only: bool,
    form: tuple[str, str, str],
) -> None:
    begin, between, end = form
    text, expected = begin, list[tuple[int, object]]()
    for number, item in enumerate(rows):
        text += between if number else ""
        expected.append((text.count("\n") + 1, item))
        text += json.dumps(item, indent=indent, ensure_ascii=ascii_only)
    assert found(path, (text + end).encode(), chunk) == expected


@given(rows=ROWS, chunk=CHUNKS)
def test_rows_that_stick_together_are_told_apart(path: Path, rows: list[Json], chunk: int) -> None:
    text = "".join(map(json.dumps, rows)).encode()
    assert found(path, text, chunk) == [(1, item) for item in rows]


PIECES = st.sampled_from(
    [
        *(bytes([byte]) for byte in b'{}[],:"\\\n\r 1\xff\0'),
        *(b"null", b'{"a": "b"}', b"\n  {", b'"\\"', b"\xef\xbb\xbf", b"\\u0041", b'\n{"c": [{}]}'),
    ]
)


@given(pieces=st.lists(PIECES, max_size=30), chunk=CHUNKS)
def test_what_is_found_does_not_depend_on_the_chunks(
    path: Path, pieces: list[bytes], chunk: int
) -> None:
    content = b"".join(pieces)
    assert found(path, content, chunk) == found(path, content, 1000)


@given(pieces=st.lists(PIECES, max_size=30), chunk=CHUNKS)
def test_a_file_without_a_finding_is_json(path: Path, pieces: list[bytes], chunk: int) -> None:
    content = b"[" + b"".join(pieces) + b"]"
    results = found(path, content, chunk)
    try:
        rows: object = json.loads(content)
    except ValueError:
        rows = None
    good = all(isinstance(result, dict) for _, result in results)
    if good and rows is not None:
        assert [result for _, result in results] == rows
    elif good:
        # Several lists are read as one, but never without a word.
        pytest.fail(f"nothing was found in {content!r}")


CASES: list[tuple[bytes, list[tuple[int, object]]]] = [
    (b"", []),
    (b" \n ", []),
    (b"[]", []),
    (b"{}", [(1, {})]),
    (b"[\n{}\n", [(2, {}), (2, "not_json")]),
    (b"[", [(1, "not_json")]),
    (b"[{},\n", [(1, {}), (1, "not_json")]),
    (b'[{},\n{"a": ', [(1, {}), (2, "not_json")]),
    (b'[{},\n{"a": "b\\', [(1, {}), (2, "not_json")]),
    (b"[{}\n{}]", [(1, {}), (2, "not_json"), (2, {})]),
    (b"[{},\n,{}]", [(1, {}), (2, "not_json"), (2, {})]),
    (b"[,{}]", [(1, "not_json"), (1, {})]),
    (b"[{},]", [(1, {}), (1, "not_json")]),
    (b"[{}]\n]", [(1, {}), (2, "not_json")]),
    (b"[{}]\n{}", [(1, {}), (2, "not_json"), (2, {})]),
    (b"[{}]\nend", [(1, {}), (2, "not_json"), (2, "not_json")]),
    (b"{}}\n{}", [(1, {}), (1, "not_json"), (2, {})]),
    (b"{},\n{}", [(1, {}), (1, "not_json"), (2, {})]),
    (b"[{},\neggs\n,{}]", [(1, {}), (2, "not_json"), (3, {})]),
    (b"[{},\n{],\n{}]", [(1, {}), (2, "not_json"), (3, {})]),
    (b'{"a": 1 "b"}\n{}', [(1, "not_json"), (2, {})]),
    (b'[1,\n"a, [b]",\n[{}],\nnull]', [(n, "not_an_object") for n in (1, 2, 3, 4)]),
    (b"[[{}]]", [(1, "not_an_object")]),
    (b'"eggs"', [(1, "not_an_object")]),
    (b'[{"a": "\xff"}]', [(1, "not_utf8")]),
    (b'[{"a": NaN}]', [(1, "not_finite")]),
    (b'\xef\xbb\xbf[\n{"a": 1}, {}]', [(2, "byte_order_mark"), (2, {})]),
    (b"\xef\xbb\xbf{}", [(1, "byte_order_mark")]),
]


@pytest.mark.parametrize(("content", "expected"), CASES)
@pytest.mark.parametrize("chunk", [1, 1000])
def test_what_is_wrong_is_told_and_the_rest_is_read(
    path: Path, content: bytes, expected: list[tuple[int, object]], chunk: int
) -> None:
    assert found(path, content, chunk) == expected


@pytest.mark.parametrize(
    "broken",
    ['{"a": "b}', '{"a": {"b": 1}', '{"a": [1, 2}', '{"a": "b\\"}', '{"a": "b', '{"a":', "{"],
)
@pytest.mark.parametrize("frame", [("", "\n", ""), ("[\n  ", ",\n  ", "\n]"), ("[\n", ",\n", "]")])
def test_rows_after_one_without_an_end_are_read(
    path: Path, broken: str, frame: tuple[str, str, str]
) -> None:
    begin, between, end = frame
    text = begin + between.join(['{"n": [{}]}', broken, '{"n": 2}', broken, '{"n": 3}']) + end
    lines = [text.count("\n", 0, len(begin)) + number for number in range(1, 6)]
    results = found(path, text.encode())
    assert [result for result in results if result[1] != "not_json"] == [
        (lines[0], {"n": [{}]}),
        (lines[2], {"n": 2}),
        (lines[4], {"n": 3}),
    ]
    assert [line for line, row in results if row == "not_json"] == [lines[1], lines[3]]


def test_a_text_that_is_broken_over_lines_does_not_hide_the_rows_after_it(path: Path) -> None:
    rows: list[Json] = [{"a": "x"}, {"a": "y#z", "b": {"c": [{}]}}, {"a": "z"}]
    text = json.dumps(rows, indent=2).replace("#", "\n")
    assert [row for _, row in found(path, text.encode())] == [rows[0], "not_json", rows[2]]


@pytest.mark.timeout(30)
def test_a_file_of_nothing_but_broken_rows_is_gone_through_once(path: Path) -> None:
    path.write_bytes(b'{"messages": [{"role": "user"}\n' * 50_000)
    results = [record.line for record in load(path).records() if record.row is None]
    assert results == list(range(1, 50_001))


def test_a_row_that_is_too_long_is_told_and_the_rest_is_read(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b'[{"a": 1},\n{"a":\n"')
        for _ in range(33):
            file.write(b"x" * 1024**2)
        file.write(b'"},\n{"a": 2}\n,' + b"y" * (MAX_LINE + 1) + b',\n{"a": 3}]')
    results = [
        (record.line, record.faults[0].code if record.faults else record.row)
        for record in load(path).records()
    ]
    assert results == [
        (1, {"a": 1}),
        (2, "line_too_long"),
        (4, {"a": 2}),
        (5, "line_too_long"),
        (6, {"a": 3}),
    ]


def test_the_longest_row_is_read_whole(path: Path) -> None:
    content = json.dumps({"a": "x" * (MAX_LINE - 10)}).encode() + b'\n{"a": 1}'
    path.write_bytes(content)
    assert [len(str(row["a"])) for row in load(path)] == [MAX_LINE - 10, 1]


def test_a_row_over_several_lines_is_one_line_when_written(path: Path) -> None:
    path.write_bytes(json.dumps([{"a": ["b", {"c": "d\n"}]}], indent=1).encode())
    assert list(load(path).lines()) == [b'{"a":["b",{"c":"d\\n"}]}']


def test_values_that_are_nested_without_an_end_are_a_finding(path: Path) -> None:
    depth = 200_000
    content = b"[" + b"{}," + b'{"a":' * depth + b"1" + b"}" * depth + b"]"
    assert found(path, content, 65_536) == [(1, {}), (1, "not_json")]
