"""`finetune local clean`: shown first, asked, deleted only then."""

from __future__ import annotations

import io
import sys

import pytest

from finetune_sdk.cli import main
from finetune_sdk.types import Leftover
from tests.cli.account import AccountProvider
from tests.cli.conftest import Command

ROWS = Leftover(
    kind="dataset file", words="no job stands on it", path="/s/rows", bytes=1500, regenerated=False
)
MERGED = Leftover(
    kind="merged copy", words="of ftjob-1", path="/s/merged", bytes=538_000_000, regenerated=True
)
CLEAN = ("local", "clean", "--profile", "desk")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def kept(account: AccountProvider) -> AccountProvider:
    account.leftovers = [ROWS, MERGED]
    return account


def test_without_anybody_to_ask_it_only_lists(finetune: Command, kept: AccountProvider) -> None:
    done = finetune(*CLEAN)
    assert done.code == 0
    for words in ("dataset file", "1.5 kB", "538 MB", "when needed", "/s/merged", "of ftjob-1"):
        assert words in done.out
    assert "Nothing was deleted; --yes deletes it" in done.err
    assert kept.leftovers == [ROWS, MERGED]


def test_yes_deletes_all_of_it(finetune: Command, kept: AccountProvider) -> None:
    done = finetune(*CLEAN, "--yes")
    assert done.code == 0
    assert "Freed 538 MB." in done.err
    assert kept.leftovers == []
    assert "nothing to clean" in finetune(*CLEAN).err


def test_only_one_kind(finetune: Command, kept: AccountProvider) -> None:
    assert finetune(*CLEAN, "--yes", "--kind", "merged copy").code == 0
    assert kept.leftovers == [ROWS]
    done = finetune(*CLEAN, "--yes", "--kind", "models")
    assert done.code == 1
    assert "there is: 'dataset file'" in done.err
    assert kept.leftovers == [ROWS]


@pytest.mark.parametrize(("answer", "code", "left"), [("n\n", 1, 2), ("y\n", 0, 0)])
def test_a_person_is_asked(
    finetune: Command,
    kept: AccountProvider,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    code: int,
    left: int,
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    assert main(list(CLEAN)) == code
    assert len(kept.leftovers) == left


def test_what_has_come_into_use_stays(finetune: Command, kept: AccountProvider) -> None:
    kept.used = {"/s/rows"}
    done = finetune(*CLEAN, "--yes")
    assert done.code == 0
    assert "Kept /s/rows: /s/rows is in use now" in done.err
    assert kept.leftovers == [ROWS]


def test_with_json_each_is_a_document(finetune: Command, kept: AccountProvider) -> None:
    listed = finetune(*CLEAN, "--json")
    assert [one["deleted"] for one in listed.documents] == [False, False]
    assert kept.leftovers == [ROWS, MERGED]
    deleted = finetune(*CLEAN, "--json", "--yes").documents
    assert [one["deleted"] for one in deleted] == [True, True]
    assert deleted[1]["bytes"] == MERGED.bytes


def test_a_provider_that_keeps_nothing_here_says_who_does(finetune: Command) -> None:
    done = finetune("local", "clean", "--profile", "fake")
    assert done.code == 1
    assert "'fake' keeps nothing on this machine" in done.err
    assert "account" in done.err
