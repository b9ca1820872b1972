"""`finetune data`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

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
    assert "1 row(s) of format preference_trl for dpo, 0 error(s)" in done.err
    assert "--training-data pairs.jsonl --method dpo" in done.err


def test_rows_of_another_format_name_the_methods_that_take_them(
    finetune: Command, project: Path
) -> None:
    (project / "pairs.jsonl").write_text(PAIR)
    assert "for dpo, 0 error(s)" in finetune("data", "check", "pairs.jsonl").err
    done = finetune("data", "check", "pairs.jsonl", "--method", "supervised")
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


ALPACA = '{"instruction": "Name %d.", "output": "eggs %d"}\n'
SECRET = "sk-" + "abcd1234" * 4


def rows_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_mended_copy_is_written_and_checked(finetune: Command, project: Path) -> None:
    path = project / "bad.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + (ROW % 1 + "\n" + ROW % 1 + ROW % 2).encode())
    done = finetune("data", "check", "bad.jsonl", "--fix", "good.jsonl")
    assert done.code == 0
    assert "mended byte_order_mark" in done.err
    assert "mended duplicate_row" in done.err
    assert (project / "good.jsonl").read_text() == ROW % 1 + ROW % 2
    again = finetune("data", "check", "bad.jsonl", "--fix", "good.jsonl")
    assert again.code == 1
    assert "is there already" in again.err


def test_a_finding_that_may_be_lived_with_can_be_allowed(finetune: Command, project: Path) -> None:
    (project / "keys.jsonl").write_text(ROW.replace("a%d", SECRET))
    refused = finetune("data", "check", "keys.jsonl")
    assert refused.code == 1
    assert "secret_in_text" in refused.out
    assert SECRET not in refused.out + refused.err
    assert finetune("data", "check", "keys.jsonl", "--allow", "secret_in_text").code == 0
    assert finetune("data", "check", "keys.jsonl", "--allow", "bad_json").code == 1


def test_rows_that_stand_in_both_files_are_told(finetune: Command, project: Path) -> None:
    (project / "valid.jsonl").write_text(ROW % 3 + ROW % 99)
    done = finetune("data", "check", "valid.jsonl", "--against", "train.jsonl")
    assert (
        "valid.jsonl:1: warning validation_overlap: the same row stands in train.jsonl, line 4"
        in (done.out)
    )
    assert done.out.count("validation_overlap") == 1


@pytest.mark.parametrize("profile", [True, False])
def test_rows_are_converted_and_what_was_renamed_is_told(
    finetune: Command, project: Path, profile: bool
) -> None:
    if not profile:
        (project / "finetune.toml").unlink()
    (project / "alpaca.jsonl").write_text("".join(ALPACA % (n, n) for n in range(3)))
    done = finetune("data", "convert", "alpaca.jsonl", "--out", "chat.jsonl")
    assert done.code == 0
    assert "3 row(s) of format chat" in done.out
    assert "renamed" in done.out
    assert [set(row) for row in rows_of(project / "chat.jsonl")] == [{"messages"}] * 3


def test_what_would_be_lost_is_refused_until_it_is_allowed(
    finetune: Command, project: Path
) -> None:
    (project / "pairs.jsonl").write_text(PAIR)
    words = ("data", "convert", "pairs.jsonl", "--to", "chat", "--out", "chat.jsonl")
    refused = finetune(*words)
    assert refused.code == 1
    assert "rejected" in refused.err
    assert not (project / "chat.jsonl").exists()
    assert finetune(*words, "--allow-loss", "rejected").code == 0


@pytest.mark.parametrize("word", ["--format", "--to"])
def test_a_format_that_is_none_is_told_with_what_there_is(finetune: Command, word: str) -> None:
    command = ("data", "convert", "train.jsonl", "--out", "x.jsonl", word, "sharegtp")
    done = finetune(*command)
    assert done.code == 1
    assert "did you mean `sharegpt`" in done.err or "sharegpt" in done.err


def test_tokens_are_counted_with_a_histogram(finetune: Command) -> None:
    done = finetune("data", "count", "train.jsonl", "--model", "gpt-4.1-mini", "--profile", "fake")
    assert done.code == 0
    assert "o200k_base" in done.out
    assert "carry loss" in done.out
    assert "┤" in done.out or "#" in done.out
    document = finetune(
        "data", "count", "train.jsonl", "--model", "gpt-4.1-mini", "--profile", "fake", "--json"
    ).documents[0]
    assert document["rows"] == 10
    assert document["exact"] is True


def test_rows_are_shown_as_conversations_and_what_is_learned_is_marked(finetune: Command) -> None:
    done = finetune("data", "show", "train.jsonl", "--rows", "1", "--line", "3")
    assert done.code == 0
    assert "train.jsonl:3" in done.out
    assert "assistant *:" in done.out
    assert "user:" in done.out
    pieces = finetune("data", "show", "train.jsonl", "--rows", "1", "--json").documents[0]["pieces"]
    assert pieces == [
        {"speaker": "user", "text": "a0", "learned": "no"},
        {"speaker": "assistant", "text": "b", "learned": "yes"},
    ]


def test_texts_are_cut_into_the_tokens_of_a_model(finetune: Command) -> None:
    words = ("data", "show", "train.jsonl", "--rows", "1", "--model", "gpt-4o", "--json")
    pieces = cast("list[dict[str, str]]", finetune(*words).documents[0]["pieces"])
    assert [piece["text"] for piece in pieces] == ["a", "0", "b"]


def test_parts_share_a_value(finetune: Command, project: Path) -> None:
    thumbs = "".join(
        json.dumps({"prompt": f"q{n}", "completion": f"a{n}", "label": n % 4 == 0}) + "\n"
        for n in range(40)
    )
    (project / "kto.jsonl").write_text(thumbs)
    done = finetune("data", "split", "kto.jsonl", "--parts", "0.8,0.2", "--stratify", "/label")
    assert done.code == 0
    small = rows_of(project / "kto.validation.jsonl")
    assert (len(small), sum(row["label"] is True for row in small)) == (8, 2)
    assert "--against" in done.err
