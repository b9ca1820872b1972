"""What is said of a submission, word by word: it is all that somebody has who may have paid."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import ClassVar

import pytest

from finetune_sdk import (
    ConfigurationError,
    FineTuneClient,
    IdempotencyConflictError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    ServerError,
    SubmissionUnknownError,
)
from finetune_sdk.submission import Journal, books_of
from finetune_sdk.submission.opening import FOLDER
from finetune_sdk.testing import FakeProvider
from finetune_sdk.types import Job, JobSpec
from tests.standins.openai import DropBefore, Edit, Reply
from tests.submission.bench import JOBS, ROWS, Bench
from tests.submission.test_journal import row

JOURNAL = "journal.sqlite3"
UNLISTED = "it is not in the provider's list"
REFUSED = "openai answered 403: Injected 403"


def unknown(submission: str, why: str) -> str:
    return (
        f"Nobody can tell whether 'openai' has made the job of the submission {submission!r}: "
        f"{why}. Nothing was sent twice. The ways on: look again later with "
        f'`jobs.recover("{submission}")`; create it again knowingly, with an `idempotency_key` of '
        f'its own; or give it up with `jobs.recover("{submission}", abandon=True)`, after which '
        "the same call makes a new job"
    )


def test_a_submission_has_a_name_that_can_be_told(bench: Bench) -> None:
    bench.create()
    assert re.fullmatch(r"sub-[0-9a-f]{16}", bench.submission)


# Nobody knows


def test_a_lost_job_that_is_not_listed(bench: Bench, client: FineTuneClient) -> None:
    bench.hurt(DropBefore())
    lost = bench.refuses(SubmissionUnknownError, client)
    first, dot, rest = str(lost).partition(". Nobody")
    assert first.startswith("openai: ")
    assert not first.endswith(".")
    assert dot + rest == f". {unknown(lost.submission_id, UNLISTED)}"
    again = bench.fails(SubmissionUnknownError, partial(client.jobs.recover, lost.submission_id))
    assert str(again) == rest_of(str(lost))


def rest_of(words: str) -> str:
    return words[words.index("Nobody can tell") :]


def test_a_lost_job_that_nobody_could_look_for(bench: Bench, client: FineTuneClient) -> None:
    bench.hurt(DropBefore())
    bench.hurt(Reply(403), method="GET", times=None)
    lost = bench.refuses(SubmissionUnknownError, client)
    given_up = bench.fails(
        SubmissionUnknownError, partial(client.jobs.recover, lost.submission_id, abandon=True)
    )
    for words in (rest_of(str(lost)), str(given_up)):
        assert UNLISTED not in words
        assert f"{lost.submission_id!r}: the last look for it failed: {REFUSED}. Not" in words


# Nothing is listed


def test_of_a_key_that_nobody_knows(bench: Bench, client: FineTuneClient) -> None:
    key = "k" * 90
    caught = bench.fails(NotFoundError, lambda: client.jobs.recover(key))
    assert str(caught) == (
        f"'openai' lists no job of the key {repr(key)[:80]}; unless its list lags behind, the "
        "create did not arrive: create it again with the same `idempotency_key`, which makes it "
        "once. A job that was made without a key is in `jobs.list`"
    )
    assert caught.provider == "openai"


def test_of_what_was_refused(bench: Bench, client: FineTuneClient) -> None:
    bench.hurt(Reply(403))
    bench.refuses(PermissionDeniedError)
    caught = bench.fails(NotFoundError, lambda: client.jobs.recover(bench.submission))
    assert str(caught) == (
        f"no job of the submission {bench.submission!r} is listed; create it again"
    )
    assert caught.provider == "openai"


# It was made before


def test_by_the_key(bench: Bench) -> None:
    bench.create(idempotency_key="mine")
    sent = bench.clock.now()
    bench.clock.advance(60)
    again = bench.create(idempotency_key="mine")
    assert again.warnings == (f"made before by the key 'mine', at {sent:%F %T} UTC",)


def test_by_the_key_on_another_machine(bench: Bench, elsewhere: FineTuneClient) -> None:
    bench.create(idempotency_key="mine")
    bench.clock.advance(60)
    assert bench.create(elsewhere, idempotency_key="mine").warnings == ()
    seen = bench.clock.now()
    bench.clock.advance(60)
    again = bench.create(elsewhere, idempotency_key="mine")
    assert again.warnings == (f"made before by the key 'mine', at {seen:%F %T} UTC",)


def test_by_a_call_that_nobody_heard_the_end_of(bench: Bench) -> None:
    job = bench.create()
    with closing(sqlite3.connect(bench.home / FOLDER / JOURNAL)) as database, database:
        database.execute("UPDATE submissions SET state = 'created'")
    again = bench.create()
    assert again.id == job.id
    words = f"made before by this call, which was cut short ({bench.submission})"
    assert again.warnings == (words,)
    assert bench.states == ["told"]


@pytest.mark.parametrize("many", [1, 2])
def test_of_the_key_there_are_more(bench: Bench, elsewhere: FineTuneClient, many: int) -> None:
    bench.intents = many + 1
    bench.create(idempotency_key="mine")
    (post,) = bench.service.posts(JOBS)
    for _ in range(many):
        bench.clock.advance(60)
        bench.service.handle("POST", "/v1/fine_tuning/jobs", post.headers, post.body)
    first, *others = bench.made
    found = elsewhere.jobs.recover("mine")
    listed = {one.id: one.status.value for one in elsewhere.jobs.list()}
    named = ", ".join(f"{other} ({listed[other]})" for other in others)
    assert found.id == first
    assert found.warnings == (
        f"the key 'mine' made {many} more: {named}; none was cancelled, end what is too many with "
        "`jobs.cancel`",
    )


# It is another's


def test_of_another_call(bench: Bench) -> None:
    bench.create(idempotency_key="mine")
    caught = bench.refuses(IdempotencyConflictError, idempotency_key="mine", seed=2)
    assert str(caught) == (
        f"the key 'mine' was used with another call (submission {bench.submission}); use a new key "
        "for a new job. Nothing was sent"
    )


def test_of_another_provider(bench: Bench, client: FineTuneClient) -> None:
    Journal(bench.home / FOLDER).add(row(owner="azure-eu", provider="azure_openai", account=""))
    caught = bench.fails(ConfigurationError, lambda: client.jobs.recover("sub-1"))
    assert str(caught) == (
        f"the submission 'sub-1' is of 'azure-eu' (azure_openai), and this client of "
        f"{client.provider.account}; open a client of that account for it"
    )


@pytest.mark.parametrize(
    ("provider", "account"), [("openai", "https://other.example"), ("azure_openai", "")]
)
def test_of_another_account(provider: str, account: str) -> None:
    client = FineTuneClient(FakeProvider())
    journal = books_of(client.provider, Path()).journal
    journal.add(row(provider=provider, account=account))
    with pytest.raises(ConfigurationError) as caught:
        client.jobs.recover("sub-1")
    assert str(caught.value) == (
        f"the submission 'sub-1' is of 'openai' ({account or provider}), and this client of "
        "fake; open a client of that account for it"
    )


# The journal


@pytest.fixture
def home(bench: Bench) -> Path:
    """A state folder that is not looked into afterwards."""
    return bench.folder / "odd"


def spoil(home: Path) -> Path:
    path = home / FOLDER / JOURNAL
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("This is no database. " * 50)
    return path


def change(home: Path, statement: str) -> None:
    with closing(sqlite3.connect(home / FOLDER / JOURNAL)) as database, database:
        database.execute(statement)


def test_it_cannot_be_opened(bench: Bench, home: Path) -> None:
    (home / FOLDER / JOURNAL).mkdir(parents=True)
    caught = bench.refuses(ConfigurationError, bench.client(home))
    assert str(caught) == unusable(home / FOLDER, "unable to open database file")


def unusable(folder: Path, why: str) -> str:
    return (
        f"the state folder {str(folder)!r} cannot be used ({why}): a create is written down there "
        "before it is sent, so none is sent; set FINETUNE_HOME to a folder that you may write to"
    )


def test_its_folder_is_none(home: Path) -> None:
    home.write_text("")
    with pytest.raises(ConfigurationError) as caught:
        Journal(home).add(row())
    assert str(caught.value) == unusable(home, "File exists")


def test_its_locks_cannot_be_made(bench: Bench, home: Path) -> None:
    locks = home / FOLDER / "locks"
    locks.parent.mkdir(parents=True)
    locks.write_text("")
    caught = bench.refuses(ConfigurationError, bench.client(home))
    assert str(caught) == (
        f"the state folder {str(locks)!r} cannot be used (File exists): creates wait for each "
        "other by locks there; set FINETUNE_HOME to a folder that you may write to"
    )
    assert bench.posts == 0


def test_it_is_damaged(bench: Bench, home: Path) -> None:
    path = spoil(home)
    caught = bench.refuses(ConfigurationError, bench.client(home))
    assert str(caught) == (
        f"{str(path)!r} is damaged (file is not a database): it says which creates may have been "
        "sent. Move it away to begin a new one, and look with `jobs.list` for jobs that you do not "
        "know of"
    )


def test_its_disk_is_full(bench: Bench) -> None:
    folder = bench.folder / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "nr_inodes=1", "tmpfs", str(folder)]
    if (
        not shutil.which("mount")
        or subprocess.run(mount, capture_output=True, check=False).returncode
    ):
        pytest.skip("no disk can be mounted here")
    try:
        with pytest.raises(QuotaExceededError) as caught:
            Journal(folder / "home").add(row())
    finally:
        subprocess.run(["umount", str(folder)], check=True)
    assert str(caught.value) == (
        f"{str(folder / 'home' / JOURNAL)!r} cannot be written, the disk is full: a create is "
        "written down there before it is sent, so none is sent now; make room and try again"
    )
    assert (caught.value.provider, caught.value.code) == ("journal", "disk_full")


def test_it_is_of_a_newer_package(bench: Bench, home: Path) -> None:
    bench.create(bench.client(home))
    change(home, "PRAGMA user_version = 99")
    caught = bench.refuses(ConfigurationError, bench.client(home), suffix="other")
    assert str(caught) == (
        f"{str(home / FOLDER / JOURNAL)!r} was written by a newer finetune-anywhere (version 99, "
        "this one knows 2); upgrade, or set FINETUNE_HOME to another folder"
    )


def test_a_row_of_it_is_of_a_newer_package(bench: Bench, home: Path) -> None:
    bench.create(bench.client(home), idempotency_key="mine")
    change(home, "UPDATE submissions SET id = 'sub-1', spec = '{}'")
    caught = bench.refuses(ConfigurationError, bench.client(home), idempotency_key="mine")
    words, _, why = str(caught).rpartition(" (")
    assert words == (
        "the submission 'sub-1' of the journal cannot be read, most likely because a newer "
        "finetune-anywhere has written it: upgrade, or set FINETUNE_HOME to another folder"
    )
    assert re.fullmatch(r"[0-9]+ validation errors for JobSpec\)", why)


# What is logged: it happened, and cannot be written down


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.name == "finetune_sdk"]


def test_a_job_that_is_not_written_down(
    bench: Bench, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench.hurt(Edit(lambda said: (spoil(home), said)[1]))
    job = bench.create(bench.client(home))
    damaged = f"{str(home / FOLDER / JOURNAL)!r} is damaged (file is not a database): "
    made, told = logged(caplog)
    assert made.startswith(
        f"the job {job.id} is made, and that could not be written down: {damaged}"
    )
    assert told.startswith(f"the journal cannot be written: {damaged}")


class Refusing(FakeProvider):
    """Refuses a job, and by then the journal is spoiled."""

    ephemeral: ClassVar[bool] = False

    def __init__(self, home: Path) -> None:
        super().__init__()
        self.home = home

    def create_job(self, spec: JobSpec, /) -> Job:
        spoil(self.home)
        raise ServerError("not now", provider="fake", effect="none")


def test_a_refusal_that_is_not_written_down(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client = FineTuneClient(Refusing(tmp_path), home=tmp_path)
    with pytest.raises(ServerError):
        client.jobs.create(model="base", training_data=ROWS)
    (words,) = logged(caplog)
    assert words.startswith("the create was refused, and that could not be written down: ")
