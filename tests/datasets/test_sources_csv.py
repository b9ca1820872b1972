"""CSV and TSV: keys from the header, cells as text, and what is told of records that do not fit."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from threading import Thread
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_sdk.datasets import load
from finetune_sdk.datasets.lines import MAX_LINE
from tests.datasets.samples import Json, row


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("csv") / "a.csv"


def found(path: Path, content: bytes | str) -> list[tuple[int, object]]:
    """Every row with its line, or the code of what is wrong there."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [
        (record.line, record.faults[0].code if record.faults else record.row)
        for record in load(path).records()
    ]


TEXTS = st.text(st.characters(codec="utf-8")).filter(lambda text: text[:1] not in ("[", "{"))
NAMES = st.lists(st.text("ab,\n\"'é ", min_size=1, max_size=4), min_size=1, max_size=4, unique=True)


@given(
    data=st.data(),
    names=NAMES,
    # Without quotes around all, some versions of the writer leave a lone "\r" as it is.
    style=st.sampled_from([("\n", csv.QUOTE_ALL), ("\r\n", csv.QUOTE_MINIMAL)]),
)
def test_records_come_back_with_their_lines(
    path: Path, data: st.DataObject, names: list[str], style: tuple[str, Literal[0, 1]]
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=style[0], quoting=style[1])
    writer.writerow(names)
    expected: list[tuple[int, object]] = []
    cells = st.lists(TEXTS, min_size=len(names), max_size=len(names)).filter(any)
    for record in data.draw(st.lists(cells, max_size=5)):
        line = text.getvalue().count("\n") + 1
        expected.append((line, {n: c for n, c in zip(names, record, strict=True) if c}))
        writer.writerow(record)
    assert found(path, text.getvalue()) == expected


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("5", "5"),
        ("true", "true"),
        (" [1]", " [1]"),
        ('[{"role": "user"}]', [{"role": "user"}]),
        ('{"a": null}', {"a": None}),
        ("[1, 2", "[1, 2"),
        ("{eggs}", "{eggs}"),
        ("[NaN]", "[NaN]"),
        ("[" * 200_000 + "]" * 200_000, "[" * 200_000 + "]" * 200_000),
        ("[100000000000000000000000000]", [100000000000000000000000000]),
    ],
)
def test_only_what_is_json_in_brackets_is_read_as_json(
    path: Path, cell: str, value: object
) -> None:
    quoted = cell.replace('"', '""')
    assert found(path, f'a,b\n"{quoted}",x\n')[0][1] == {"a": value, "b": "x"}


@pytest.mark.parametrize("name", ["label", "weight"])
@pytest.mark.parametrize(
    ("cell", "value"),
    [("true", True), ("FALSE", False), ("True", True), ("1", 1), ("0", 0), ("yes", "yes")],
)
def test_flags_are_read_in_their_columns(path: Path, name: str, cell: str, value: object) -> None:
    path.write_text(f"{name},b\n{cell},x\n")
    (read,) = load(path)
    assert read == {name: value, "b": "x"}
    # A mark is true or false, a weight is a number.
    assert type(read[name]) is (bool if name == "label" and cell in "01" else type(value))


CASES: list[tuple[bytes | str, list[tuple[int, object]]]] = [
    ("a,b\n", []),
    ("a,b\n1,\n,2\n,\n", [(2, {"a": "1"}), (3, {"b": "2"}), (4, {})]),
    ("a\n\n1\n\n2", [(3, {"a": "1"}), (5, {"a": "2"})]),
    ("\ufeffa\r\n1\r\n", [(2, {"a": "1"})]),
    ('\ufeff"a"\n1\n', [(2, {"a": "1"})]),
    ("a,b\n1\n1,2,3\n1,2\n", [(2, "bad_csv"), (3, "bad_csv"), (4, {"a": "1", "b": "2"})]),
    ("a,,b\n1,2,3\n", [(1, "bad_csv")]),
    ("a,b,a\n1,2,3\n", [(1, "bad_csv")]),
    ("\n\na,a\n", [(3, "bad_csv")]),
    ('a\n"1" 2\n3\n', [(2, "bad_csv"), (3, {"a": "3"})]),
    ('a\n1\n"2\n3\n', [(2, {"a": "1"}), (3, "bad_csv")]),
    ('a\n"x\ny"\n2\n', [(2, {"a": "x\ny"}), (4, {"a": "2"})]),
    (b"a\n1\n\xe9\n2\n", [(2, {"a": "1"}), (3, "not_utf8"), (4, {"a": "2"})]),
    (b'a\n"x\n\xe9"\n2\n', [(2, "not_utf8"), (4, {"a": "2"})]),
    (b"\xe9\n2\n", [(1, "not_utf8")]),
    (b"a\r1\r2\r", [(1, "bad_csv")]),
]


@pytest.mark.parametrize(("content", "expected"), CASES)
def test_what_is_wrong_is_told_and_the_rest_is_read(
    path: Path, content: bytes | str, expected: list[tuple[int, object]]
) -> None:
    assert found(path, content) == expected


def test_a_record_of_the_wrong_length_names_both(path: Path) -> None:
    path.write_text("a,b\n1\n")
    (record,) = load(path).records()
    assert "1 cell(s), and the header names 2" in record.faults[0].message


def test_a_conversation_far_longer_than_the_limit_of_the_csv_module(path: Path) -> None:
    limit = csv.field_size_limit()
    long = row({"role": "user", "content": "egg " * limit})
    text = json.dumps(long["messages"]).replace('"', '""')
    assert found(path, f'messages\n"{text}"\n') == [(2, long)]
    assert csv.field_size_limit() == limit


def test_many_readers_at_once_leave_the_limit_as_it_was(path: Path) -> None:
    limit = csv.field_size_limit()
    path.write_text("a,b\n" + f"{'x' * (limit + 1)},2\n" * 20)
    counts: list[int] = []
    threads = [Thread(target=lambda: counts.append(len(list(load(path))))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [20] * 4
    assert csv.field_size_limit() == limit


def test_a_quote_that_is_never_closed_does_not_fill_the_memory(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b'a\n"1\n')
        file.writelines(b"x" * 1023 + b"\n" for _ in range(MAX_LINE // 1024))
        file.write(b"2\n")
    results = found(path, path.read_bytes())
    assert results[0] == (2, "line_too_long")
    assert results[-1] == (MAX_LINE // 1024 + 3, {"a": "2"})


def test_a_line_that_is_too_long_is_told(path: Path) -> None:
    content = b"a\n" + b"x" * (MAX_LINE + 1) + b"\n1\n"
    assert found(path, content) == [(2, "line_too_long"), (3, {"a": "1"})]


def test_pairs_of_text_are_rows_of_a_format(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text('prompt\tcompletion\tlabel\n2 eggs, salt\t"eggs\tsalt"\tTRUE\n')
    expected: Json = {"prompt": "2 eggs, salt", "completion": "eggs\tsalt", "label": True}
    assert list(load(path)) == [expected]
