"""Every code is found where it is, as grave as it is for whom, and its mend is true."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from finetune_sdk.datasets import Counting, Dataset, check, load
from finetune_sdk.datasets.codes import CODES
from finetune_sdk.datasets.tokens import Piece
from finetune_sdk.types import Finding
from finetune_sdk.types.dataset import Severity
from tests.datasets.cases import CASES, Case
from tests.datasets.samples import line, row, written

PROVIDERS = (None, "openai", "azure_openai", "local")
OPENAI = {"openai", "azure_openai"}
CONCERNED = {
    "roles_do_not_alternate": {"local", "autotrain"},
    "system_in_prompt": {"azure_openai"},
    "unanswered_tool_call": OPENAI,
    "too_many_images": OPENAI,
    "too_many_image_rows": OPENAI,
    "image_too_large": OPENAI,
    "image_format": OPENAI,
}
"""Faults that some providers alone mind."""

WARNINGS = {
    *("blank_line_at_end", "duplicate_row", "near_duplicate_row", "validation_overlap"),
    *("unknown_row_key", "unknown_message_key", "empty_content", "ends_without_answer"),
    *("system_not_first", "roles_do_not_alternate", "undeclared_tool", "one_label"),
    *("unbalanced_labels", "unbalanced_lengths", "system_in_prompt", "card_number"),
}

each_case = pytest.mark.parametrize("case", CASES, ids=str)


class Words:
    """A token is a word."""

    name = "words"
    exact = True
    note: str | None = None

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def pieces(self, text: str) -> list[Piece]:
        return [Piece(word, 1) for word in text.split()]


@pytest.fixture
def held_out(tmp_path: Path) -> Dataset:
    return load(written(tmp_path / "valid.jsonl", line(row())))


def found(
    case: Case, content: object, folder: Path, provider: str | None, held_out: Dataset
) -> list[Finding]:
    if isinstance(content, bytes):
        (folder / case.name).write_bytes(content)
        dataset = load(folder / case.name)
    else:
        dataset = load(content, name=case.name)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - rows
    rules = case.held_against(provider)
    counting = Counting(Words(), limit=case.limit) if case.limit else None
    report = check(
        dataset,
        rules=rules,
        near_duplicates=case.code == "near_duplicate_row",
        counting=counting,
        against=held_out if case.code == "validation_overlap" else None,
    )
    assert all(CODES[f.code].fix == f.fix for f in report.findings)
    assert report.errors + report.warnings == len(report.findings)
    return [finding for finding in report.findings if finding.code not in case.also]


def severity(code: str, provider: str | None) -> Severity | None:
    concerned = CONCERNED.get(code)
    if concerned and provider and provider not in concerned:
        return None
    return "warning" if code in WARNINGS or (concerned and not provider) else "error"


def test_every_code_has_its_case() -> None:
    assert {case.code for case in CASES} == set(CODES)


def test_the_codes_say_whom_they_concern_and_how_grave_they_are() -> None:
    assert {name: set(code.providers) for name, code in CODES.items() if code.providers} == (
        CONCERNED
    )
    assert {name for name, code in CODES.items() if code.severity == "warning"} == WARNINGS


@each_case
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_fault_is_found_where_it_is_by_whom_it_concerns(
    case: Case, provider: str | None, tmp_path: Path, held_out: Dataset
) -> None:
    grave = severity(case.code, provider)
    here = [
        (f.line, f.pointer, f.code, f.severity)
        for f in found(case, case.bad, tmp_path, provider, held_out)
    ]
    assert here == ([] if grave is None else [(case.line, case.pointer, case.code, grave)])


@each_case
@pytest.mark.parametrize("provider", PROVIDERS)
def test_mended_as_the_finding_says_it_is_gone_and_nothing_else_came(
    case: Case, provider: str | None, tmp_path: Path, held_out: Dataset
) -> None:
    assert found(case, case.good, tmp_path, provider, held_out) == []
