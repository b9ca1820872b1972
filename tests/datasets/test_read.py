"""Lines that are no rows: each is named with its line, by `check` and by whoever reads."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from finetune_sdk.datasets import load
from finetune_sdk.datasets.lines import MAX_LINE
from finetune_sdk.errors import DatasetError
from tests.datasets.samples import ASSISTANT, USER, line, numbered_rows, row, written
from tests.datasets.samples import judged as check

GOOD = line(row())

BAD_LINES = [
    (b"{", "not_json", ""),
    (b"{'messages': []}", "not_json", ""),
    (GOOD + b",", "not_json", ""),
    (GOOD + GOOD, "not_json", ""),
    (b'{"messages": [' + b"[" * 100_000, "not_json", ""),
    (b'{"messages": ' + b"9" * 5000 + b"}", "not_json", ""),
    (b'{"messages": "\x00"}', "not_json", ""),
    (b"[" + GOOD + b"]", "not_an_object", ""),
    (b'"eggs"', "not_an_object", ""),
    (b"null", "not_an_object", ""),
    (b"7", "not_an_object", ""),
    (b"[" * 500 + b"]" * 500, "not_an_object", ""),
    (GOOD.replace(b"eggs", b"\xffggs", 1), "not_utf8", ""),
    (GOOD.replace(b"eggs", b"\xed\xa0\x80", 1), "not_utf8", ""),
    (b"\xff", "not_utf8", ""),
    (GOOD.replace(b"eggs", b"\\ud800", 1), "lone_surrogate", "/messages/0/content"),
    (codecs.BOM_UTF8 + line(row({**USER, "content": "salt"}, ASSISTANT)), "byte_order_mark", ""),
    (b"", "blank_line", ""),
    (b" \t\r", "blank_line", ""),
]
NUMBERS = [b"NaN", b"Infinity", b"-Infinity", b"1e400"]


def broken(folder: Path, bad: bytes) -> Path:
    return written(folder / "train.jsonl", GOOD, bad, line(numbered_rows(1)[0]))


@pytest.mark.parametrize(("bad", "code", "pointer"), BAD_LINES)
def test_a_bad_line_is_one_finding(tmp_path: Path, bad: bytes, code: str, pointer: str) -> None:
    path = broken(tmp_path, bad)
    report = check(load(path))
    assert [(f.line, f.code, f.pointer) for f in report.findings] == [(2, code, pointer)]
    assert report.findings[0].file == str(path)
    assert report.rows == (2 if code == "blank_line" else 3) == len(load(path))


@pytest.mark.parametrize(("bad", "code"), [(bad, code) for bad, code, _ in BAD_LINES])
def test_reading_stops_at_a_bad_line_and_names_it(tmp_path: Path, bad: bytes, code: str) -> None:
    rows = iter(load(broken(tmp_path, bad)))
    assert next(rows) == row()
    with pytest.raises(DatasetError, match=rf"train\.jsonl:2.* {code}: "):
        next(rows)


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_that_json_has_not_are_found_at_their_place(tmp_path: Path, number: bytes) -> None:
    bad = b'{"messages": [{"role": "user", "content": "x", "weight": ' + number + b"}]}"
    report = check(load(broken(tmp_path, bad)))
    assert ("not_finite", "/messages/0/weight") in {(f.code, f.pointer) for f in report.findings}
    with pytest.raises(DatasetError, match="not_finite"):
        list(load(broken(tmp_path, bad)))


def test_a_byte_order_mark_does_not_hide_the_rows_own_faults(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", codecs.BOM_UTF8 + line(row(USER)))
    report = check(load(path))
    assert [(f.line, f.code) for f in report.findings] == [
        (1, "byte_order_mark"),
        (1, "no_assistant_turn"),
    ]
    assert "utf-8-sig" in report.findings[0].fix


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_wide_text_is_one_finding_for_the_file(tmp_path: Path, encoding: str) -> None:
    text = "\n".join(line(row).decode() for row in numbered_rows(5))
    (tmp_path / "a.jsonl").write_bytes(text.encode(encoding))
    report = check(load(tmp_path / "a.jsonl"))
    assert [(f.line, f.code) for f in report.findings] == [(1, "not_utf8")]
    assert "UTF-16" in report.findings[0].message


def test_windows_line_ends_and_a_missing_last_one_are_fine(tmp_path: Path) -> None:
    rows = numbered_rows(3)
    (tmp_path / "a.jsonl").write_bytes(b"\r\n".join(map(line, rows)))
    dataset = load(tmp_path / "a.jsonl")
    assert list(dataset) == rows
    assert check(dataset).findings == ()


def test_blank_lines_at_the_end_are_only_warned_of(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", GOOD, b"", b"  ")
    report = check(load(path))
    assert [(f.line, f.code, f.severity) for f in report.findings] == [
        (2, "blank_line_at_end", "warning"),
        (3, "blank_line_at_end", "warning"),
    ]
    assert report.rows == len(list(load(path))) == 1


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n \n"])
def test_a_file_without_rows_is_empty(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jsonl").write_bytes(content)
    dataset = load(tmp_path / "a.jsonl")
    report = check(dataset)
    assert [f.code for f in report.findings if f.severity == "error"] == ["empty_dataset"]
    assert (len(dataset), bool(dataset), list(dataset)) == (0, False, [])


def test_a_line_without_end_is_named_and_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with path.open("wb") as file:
        file.write(GOOD + b'\n{"messages": "')
        file.seek(2 * MAX_LINE, 1)
        file.write(b"\n" + line(numbered_rows(1)[0]) + b"\n")
    report = check(load(path))
    assert [(f.line, f.code) for f in report.findings] == [(2, "line_too_long")]
    assert report.rows == 3


@pytest.mark.parametrize("depth", [50, 500, 900, 960, 985, 1000, 5000])
def test_deep_nesting_never_escapes(tmp_path: Path, depth: int) -> None:
    deep = b'{"messages": [{"role": "user", "content": ' + b"[" * depth + b"]" * depth + b"}]}"
    dataset = load(broken(tmp_path, deep))
    report = check(dataset)
    assert {f.line for f in report.findings} == {2}
    assert report.findings[0].code in ("wrong_content_type", "not_json")


def test_the_last_of_two_like_keys_counts(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", b'{"messages": 1, ' + GOOD[1:])
    assert list(load(path)) == [row()]
