"""The journal and its locks by themselves: what is asked for comes, and nothing of others."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from finetune_sdk import FineTuneClient
from finetune_sdk.submission import Journal, Row, State, call_digest
from finetune_sdk.submission.locks import Locks
from finetune_sdk.testing import FakeProvider
from finetune_sdk.types import DatasetFile, Job, JobSpec, Supervised
from tests.submission.bench import ROWS
from tests.submission.test_journal import row

ACCOUNT = "https://api.openai.com/v1"
NOW = datetime(2026, 11, 27, 12, 30, tzinfo=UTC)
DIGEST = "fce6c33bf3cfe3540de85805cf0eb56aad0f18cac966e3f974d89a3285ed7e05"


@pytest.fixture(params=["a folder", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path / "deep" / "folder" if request.param == "a folder" else None


@pytest.fixture
def journal(folder: Path | None) -> Journal:
    return Journal(folder)


@pytest.mark.parametrize(
    "kept",
    [
        row(),
        row(keyed=True, state=State.TOLD, job_id="ftjob-1", submitted_at=NOW),
        row("2", provider="azure_openai", account="", owner="azure-eu", call="another"),
    ],
)
def test_a_row_comes_back_as_it_was(journal: Journal, kept: Row) -> None:
    journal.add(row("3"))
    journal.add(kept)
    assert journal.get(kept.id) == kept
    assert journal.get("sub-4") is None


def test_a_change_is_of_one_row(journal: Journal) -> None:
    journal.add(row("1"))
    journal.add(row("2"))
    file = DatasetFile(id="file-2")
    spec = row("2").spec.model_copy(update={"training_file": file})
    changed = journal.change(
        row("2"), state=State.CREATED, spec=spec, job_id="ftjob-2", submitted_at=NOW
    )
    assert changed == replace(
        row("2"), state=State.CREATED, spec=spec, job_id="ftjob-2", submitted_at=NOW
    )
    assert (journal.get("sub-1"), journal.get("sub-2")) == (row("1"), changed)


def test_of_a_key_the_newest_counts_that_is_not_abandoned(journal: Journal) -> None:
    for name, state in (("1", State.TOLD), ("2", State.PREPARED), ("3", State.ABANDONED)):
        journal.add(row(name, key="mine", state=state, created_at=NOW + timedelta(days=int(name))))
    for name, fields in (("4", {"account": "other"}), ("5", {"provider": "azure_openai"})):
        journal.add(row(name, key="mine", created_at=NOW + timedelta(days=9), **fields))
    found = journal.of_key("openai", ACCOUNT, "mine")
    assert found is not None
    assert found.id == "sub-2"
    assert journal.of_key("openai", ACCOUNT, "yours") is None


def test_of_a_call_the_oldest_comes_first(journal: Journal) -> None:
    for name in ("2", "1", "3"):
        journal.add(row(name, created_at=NOW + timedelta(days=int(name))))
    journal.add(row("4", state=State.SUBMITTING))
    journal.add(row("5", call="another"))
    journal.add(row("6", account="other"))
    journal.add(row("7", provider="azure_openai"))
    found = journal.of_call("openai", ACCOUNT, "a-digest", State.PREPARED)
    assert [one.id for one in found] == ["sub-1", "sub-2", "sub-3"]


def test_what_is_told_was_created_and_is_of_that_account(journal: Journal) -> None:
    rows = [
        row("1", state=State.CREATED, job_id="ftjob-1"),
        row("2", state=State.SUBMITTING, job_id="ftjob-1"),
        row("3", state=State.CREATED, job_id="ftjob-2"),
        row("4", state=State.CREATED, job_id="ftjob-1", account="other"),
        row("5", state=State.CREATED, job_id="ftjob-1", provider="azure_openai"),
    ]
    for one in rows:
        journal.add(one)
    journal.tell("openai", ACCOUNT, "ftjob-1")
    assert [journal.get(one.id) for one in rows] == [replace(rows[0], state=State.TOLD), *rows[1:]]


def test_the_jobs_of_others(journal: Journal) -> None:
    journal.add(row("1", job_id="ftjob-1"))
    journal.add(row("2", job_id="ftjob-2"))
    journal.add(row("3"))
    journal.add(row("4", job_id="ftjob-4", account="other"))
    journal.add(row("5", job_id="ftjob-5", provider="azure_openai"))
    assert journal.job_ids("openai", ACCOUNT, but="sub-1") == {"ftjob-2"}
    assert journal.job_ids("openai", ACCOUNT, but="") == {"ftjob-1", "ftjob-2"}


def test_what_nobody_knows_is_of_all_accounts(journal: Journal) -> None:
    journal.add(row("1", state=State.SUBMITTING))
    journal.add(row("2", state=State.CREATED))
    journal.add(row("3", state=State.SUBMITTING, provider="azure_openai", account=""))
    assert [one.id for one in journal.unsettled()] == ["sub-1", "sub-3"]


def test_it_is_one_journal_for_all_threads(journal: Journal) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda number: journal.add(row(str(number))), range(20)))
    assert len(journal.of_call("openai", ACCOUNT, "a-digest", State.PREPARED)) == 20


# Locks


@pytest.fixture
def locks(folder: Path | None) -> Locks:
    return Locks(folder)


def test_an_intent_is_held_once(locks: Locks) -> None:
    with locks.held("openai", "mine") as first:
        assert first
        with locks.held("openai", "mine", wait=False) as second:
            assert not second
        with locks.held("openai", "yours", wait=False) as other:
            assert other
    with locks.held("openai", "mine", wait=False) as again:
        assert again


def test_who_waits_gets_it_when_it_is_free(locks: Locks) -> None:
    got = threading.Event()

    def wait() -> None:
        with locks.held("mine") as mine:
            assert mine
            got.set()

    thread = threading.Thread(target=wait)
    with locks.held("mine"):
        thread.start()
        assert not got.is_set()
    thread.join(60)
    assert got.is_set()


def test_of_two_intents_the_parts_are_told_apart(locks: Locks) -> None:
    with locks.held("a", "bc"), locks.held("ab", "c", wait=False) as other:
        assert other


def test_a_lock_is_a_file_with_a_short_name(tmp_path: Path) -> None:
    with Locks(tmp_path / "locks").held("openai", "mine"):
        pass
    with Locks(tmp_path / "locks", digits=12).held("openai", "mine"):
        pass
    name = sha256(b"openai\0mine").hexdigest()
    made = sorted(path.name for path in (tmp_path / "locks").iterdir())
    assert made == [f"{name[:3]}.lock", f"{name[:12]}.lock"]


class Slow(FakeProvider):
    """Gives whoever comes second a moment to get ahead."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.ahead = threading.Event(), threading.Event()

    def create_job(self, spec: JobSpec, /) -> Job:
        self.entered.set()
        self.ahead.wait(0.3)
        return super().create_job(spec)


def test_who_says_the_key_meanwhile_waits_for_its_job() -> None:
    provider = Slow()
    client = FineTuneClient(provider)

    def create() -> str:
        return client.jobs.create(model="base", training_data=ROWS, idempotency_key="mine").id

    def second() -> str:
        provider.entered.wait(60)
        try:
            return create()
        finally:
            provider.ahead.set()

    with ThreadPoolExecutor(2) as threads:
        made = [threads.submit(create), threads.submit(second)]
        assert len({one.result() for one in made}) == 1
    assert [call.name for call in provider.calls].count("create_job") == 1


# When two calls are the same


def specs() -> Iterator[JobSpec]:
    first = JobSpec(
        key="one", model="m", method=Supervised(epochs=3), training_file=DatasetFile(id="a")
    )
    yield first
    for fields in ({"model": "n"}, {"method": Supervised(epochs=4)}, {"seed": 1}, {"suffix": "s"}):
        yield first.model_copy(update=fields)


def test_calls_differ_by_their_words_and_rows() -> None:
    digests = [call_digest(spec, rows) for spec in specs() for rows in (["a"], ["b"], ["a", "b"])]
    assert len(set(digests)) == len(digests)
    assert all(len(digest) == 64 for digest in digests)


def test_a_call_is_the_same_with_another_key_and_its_files_elsewhere() -> None:
    first = next(specs())
    other = first.model_copy(
        update={
            "key": "two",
            "call": "a-digest",
            "training_file": DatasetFile(id="b"),
            "validation_file": DatasetFile(id="c"),
        }
    )
    assert call_digest(first, ["a"]) == call_digest(other, ["a"])


def test_a_digest_is_the_same_in_every_version() -> None:
    """A journal of yesterday has them: a call that had another one would be paid anew."""
    spec = JobSpec(
        key="one",
        model="mod\u00e8le",
        method=Supervised(epochs=3),
        training_file=DatasetFile(id="a"),
        suffix="recipes",
        seed=7,
    )
    assert call_digest(spec, ["b", "a"]) == DIGEST
