"""What a check says of a dataset as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from finetune_sdk.datasets import RowRules, load
from finetune_sdk.datasets.check import check_both
from finetune_sdk.datasets.codes import CODES
from finetune_sdk.datasets.neighbours import Neighbours
from finetune_sdk.errors import ConfigurationError, DatasetError, DatasetValidationError
from tests.datasets.samples import ASSISTANT, USER, line, numbered_rows, row, written
from tests.datasets.samples import judged as check


def test_an_empty_dataset_is_one_error_of_the_whole() -> None:
    report = check(load([]))
    assert [(f.line, f.pointer, f.code) for f in report.findings] == [(0, "", "empty_dataset")]
    assert not report.ok


@pytest.mark.parametrize(("rows", "codes"), [(9, ["too_few_rows"]), (10, [])])
def test_too_few_rows(rows: int, codes: list[str]) -> None:
    report = check(load(numbered_rows(rows)), rules=RowRules(min_rows=10))
    assert [(f.code, f.line) for f in report.findings] == [(code, 0) for code in codes]


def test_a_repeated_row_is_a_warning_even_with_its_keys_in_another_order(tmp_path: Path) -> None:
    twin = row({"content": USER["content"], "role": "user"}, ASSISTANT)
    path = written(tmp_path / "a.jsonl", line(row()), line(numbered_rows(1)[0]), line(twin))
    report = check(load(path))
    assert [(f.code, f.line) for f in report.findings] == [("duplicate_row", 3)]
    assert report.ok


def test_findings_are_capped_and_counted_in_full() -> None:
    bad = [row(USER, n=n) for n in range(50)]
    report = check(load(bad), limit=10)
    assert (report.errors, report.warnings, len(report.findings)) == (50, 50, 10)
    assert check(load(bad), limit=0).findings == ()


def test_warnings_do_not_crowd_out_errors() -> None:
    rows = [row(n=n) for n in range(20)] + [row(USER)]
    report = check(load(rows), limit=5)
    assert [f.line for f in report.findings] == [1, 2, 3, 4, 21]
    assert "no_assistant_turn" in str(DatasetValidationError(report))


def test_what_speaks_of_the_whole_comes_first_and_is_never_cut_off() -> None:
    rows = [row({**USER, "content": str(n)}) for n in range(20)]
    report = check(load(rows), rules=RowRules(min_rows=30), limit=3)
    assert [f.line for f in report.findings] == [0, 1, 2]


def test_findings_are_in_the_order_of_the_lines() -> None:
    rows = [row(x=1), row(USER), row(x=2), row({"role": "user"}, ASSISTANT)]
    assert [f.line for f in check(load(rows)).findings] == [1, 2, 3, 4]


@pytest.mark.parametrize("limit", [-1, True, 1.5, "10", None])
def test_a_wrong_limit_is_refused(limit: object) -> None:
    with pytest.raises(ConfigurationError, match="`limit`"):
        check(load([]), limit=limit)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - wrong on purpose


def test_a_file_that_went_away_is_an_error_of_its_own(tmp_path: Path) -> None:
    dataset = load(written(tmp_path / "a.jsonl", line(row())))
    (tmp_path / "a.jsonl").unlink()
    with pytest.raises(DatasetError, match="there is no file"):
        check(dataset)


def test_every_code_says_how_to_mend_it() -> None:
    assert all(
        code.fix.endswith(".") and code.severity in ("error", "warning") for code in CODES.values()
    )


def test_many_findings_of_a_kind_do_not_crowd_out_another_kind() -> None:
    rows = [
        *({**row, "n": n} for n, row in enumerate(numbered_rows(30))),
        row(USER, ASSISTANT, USER),
    ]
    report = check(load(rows), limit=3)
    assert [f.code for f in report.findings] == [
        "unknown_row_key",
        "unknown_row_key",
        "ends_without_answer",
    ]
    assert report.codes == {"unknown_row_key": 30, "ends_without_answer": 1}


def test_a_report_shows_a_thousand_findings_where_nobody_says_how_many() -> None:
    bad = load([row(USER)] * 1001)
    rules = RowRules()
    reports = [check(bad), *check_both(bad, bad, rules=rules, validation_rules=rules)]
    assert [len(report.findings) for report in reports] == [1000, 1000, 1000]
    assert {report.errors for report in reports} == {1001}


def test_near_duplicates_of_a_large_dataset_are_looked_for_where_that_is_asked() -> None:
    large = 16 * 2**20 + 1
    assert not Neighbours(large - 1, asked=False).notes
    assert not Neighbours(large, asked=True).notes
    (note,) = Neighbours(large, asked=False).notes
    assert "`near_duplicates=True`" in note
