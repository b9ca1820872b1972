"""`finetune data`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import ROW, Command


def test_good_rows_end_with_0_and_the_next_command(finetune: Command) -> None:
    done = finetune("data", "check", "train.jsonl")
    assert done.code == 0
    assert "10 row(s)" in done.err
    assert "--training-data train.jsonl" in done.err


def test_each_fault_is_a_line_with_its_place(finetune: Command, project: Path) -> None:
    (project / "bad.jsonl").write_text(ROW % 1 + '{"messages": []}\n')
    done = finetune("data", "check", "bad.jsonl")
    assert done.code == 1
    assert "bad.jsonl:2 /messages: error" in done.out


def test_with_json_the_report_is_one_document(finetune: Command, project: Path) -> None:
    (project / "bad.jsonl").write_text("not json\n")
    done = finetune("data", "check", "bad.jsonl", "--json")
    assert done.code == 1
    assert done.documents[0]["errors"] == 1
    assert done.err == ""


@pytest.mark.parametrize("content", [None, ""])
def test_a_missing_or_empty_file_ends_with_1(
    finetune: Command, project: Path, content: str | None
) -> None:
    if content is not None:
        (project / "rows.jsonl").write_text(content)
    done = finetune("data", "check", "rows.jsonl")
    assert done.code == 1
    assert "rows.jsonl" in done.out + done.err


def test_without_a_profile_rows_are_checked_against_no_provider(
    finetune: Command, project: Path
) -> None:
    (project / "finetune.toml").unlink()
    done = finetune("data", "check", "train.jsonl")
    assert done.code == 0
    assert "No profile is chosen" in done.err


PAIR = '{"prompt": "a", "chosen": "b", "rejected": "c"}\n'


@pytest.mark.parametrize("profile", [True, False])
def test_rows_are_checked_for_the_method_that_is_named(
    finetune: Command, project: Path, profile: bool
) -> None:
    if not profile:
        (project / "finetune.toml").unlink()
    (project / "pairs.jsonl").write_text(PAIR)
    done = finetune("data", "check", "--method", "dpo", "pairs.jsonl")
    assert done.code == 0
    assert "1 row(s) of format preference_trl, 0 error(s)" in done.err
    assert "--training-data pairs.jsonl --method dpo" in done.err


def test_rows_of_another_format_name_the_methods_that_take_them(
    finetune: Command, project: Path
) -> None:
    (project / "pairs.jsonl").write_text(PAIR)
    done = finetune("data", "check", "pairs.jsonl")
    assert done.code == 1
    assert "wrong_format" in done.out
    assert "for `dpo`, `orpo` or `reward`" in done.out


def test_a_method_that_nobody_knows_is_refused_with_the_names(finetune: Command) -> None:
    done = finetune("data", "check", "train.jsonl", "--method", "dop")
    assert done.code == 2
    assert "supervised" in done.err


def test_split_writes_parts_that_make_up_the_whole(finetune: Command, project: Path) -> None:
    done = finetune("data", "split", "train.jsonl", "--parts", "0.6,0.2,0.2", "--out", "parts")
    assert done.code == 0
    parts = [project / "parts" / f"train.{name}.jsonl" for name in ("train", "validation", "test")]
    rows = [part.read_text().splitlines() for part in parts]
    assert sum(map(len, rows)) == 10
    assert len({row for part in rows for row in part}) == 10


def test_split_does_not_write_over_a_file_unless_told(finetune: Command, project: Path) -> None:
    there = project / "train.train.jsonl"
    there.write_text("mine")
    refused = finetune("data", "split", "train.jsonl")
    assert refused.code == 1
    assert there.read_text() == "mine"
    assert finetune("data", "split", "train.jsonl", "--yes", "--json").documents[0]["rows"] == 9


@pytest.mark.parametrize("parts", ["1", "a,b", "0.25,0.25,0.25,0.25", ""])
def test_wrong_parts_are_one_clear_error(finetune: Command, parts: str) -> None:
    done = finetune("data", "split", "train.jsonl", "--parts", parts)
    assert done.code == 1
    assert "`--parts`" in done.err
