"""LOC-22 and the journal's part of LOC-10: it opens whatever has happened, or says why not."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk import (
    ConfigurationError,
    DatasetFile,
    JobSpec,
    NotFoundError,
    OpenAIOptions,
    QuotaExceededError,
    SubmissionUnknownError,
    Supervised,
)
from finetune_sdk.providers.openai.options import WandbIntegration, WandbProject
from finetune_sdk.submission import Journal, Row, State
from finetune_sdk.submission import journal as journals
from finetune_sdk.submission.opening import FOLDER
from tests.standins.openai import DropAfter, Edit, Lag
from tests.submission.bench import (
    FILES,
    JOBS,
    Bench,
    Forks,
    become_nobody,
    call,
    client_of,
    public_folder,
    say,
    states,
    tell,
)

ORDER = (State.PREPARED, State.SUBMITTING, State.CREATED)
CANARY = "planted-canary-of-the-caller"
JOURNAL = "journal.sqlite3"
ONE_MORE = "ALTER TABLE submissions ADD COLUMN note TEXT;"


@pytest.fixture(scope="module")
def forks() -> Generator[Forks]:
    with Forks(__name__) as forks:
        yield forks


@pytest.fixture
def public() -> Generator[Path]:
    yield from public_folder()


def row(name: str = "1", **fields: Any) -> Row:
    words: dict[str, Any] = {
        "id": f"sub-{name}",
        "provider": "openai",
        "account": "https://api.openai.com/v1",
        "owner": "openai",
        "key": f"key-{name}",
        "call": "a-digest",
        "state": State.PREPARED,
        "spec": JobSpec(
            key=f"key-{name}", model="m", method=Supervised(), training_file=DatasetFile(id="f")
        ),
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return Row(**{**words, **fields})


def standing(folder: Path) -> dict[str, str]:
    """How each submission of a journal stands, read by nobody's code of ours."""
    with closing(sqlite3.connect(folder / JOURNAL)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return dict(database.execute("SELECT id, state FROM submissions").fetchall())


def version(folder: Path) -> int:
    with closing(sqlite3.connect(folder / JOURNAL)) as database:
        return int(database.execute("PRAGMA user_version").fetchone()[0])


def posts(bench: Bench) -> list[str]:
    return [one.path for one in bench.service.requests if one.method == "POST"]


# What is in it, and who may read it


def test_the_journal_is_its_owners_alone(bench: Bench) -> None:
    folder = bench.home / FOLDER
    before = os.umask(0)
    try:
        bench.create()
        # With a second reader its log stays, which is as private.
        with closing(sqlite3.connect(folder / JOURNAL)) as database:
            database.execute("SELECT * FROM submissions").fetchall()
            Journal(folder).add(row())
            modes = {path.name: path.stat().st_mode & 0o777 for path in folder.glob("journal*")}
    finally:
        os.umask(before)
    names = {JOURNAL, f"{JOURNAL}-wal", f"{JOURNAL}-shm"}
    assert modes == dict.fromkeys(names, 0o600)


def test_the_callers_own_words_are_not_in_the_journal(bench: Bench) -> None:
    """Metadata and options may hold anything, and telling calls apart needs their digest alone."""
    bench.hurt(DropAfter())
    bench.hurt(Lag(1e6), method="GET", times=None)
    wandb = WandbIntegration(wandb=WandbProject(project=CANARY))
    words: dict[str, Any] = {
        "metadata": {"note": CANARY},
        "options": [OpenAIOptions(integrations=(wandb,))],
    }
    bench.refuses(SubmissionUnknownError, **words)
    assert bench.states == ["submitting"]
    written = [path.read_bytes() for path in bench.home.rglob("*") if path.is_file()]
    assert not any(CANARY.encode() in text for text in written)

    # They went out, and the same call is known again without them.
    (post,) = bench.service.posts(JOBS)
    assert post.body.count(CANARY.encode()) == 2
    bench.service.faults.clear()
    assert bench.create(**words).id == bench.made[0]
    bench.intents = 2
    words["metadata"] = {"note": "other"}
    bench.create(**words)
    assert len(bench.made) == 2


def test_reading_makes_no_file(bench: Bench) -> None:
    client = bench.client()
    list(client.jobs.list())
    bench.fails(NotFoundError, lambda: client.jobs.recover("nobody-knows"))
    assert not bench.home.exists()


def test_a_state_folder_may_have_any_name(bench: Bench) -> None:
    home = bench.folder / "Rezepte für Ärzte 食 ?mode=ro#%20;" / ("x" * 200)
    job = bench.create(bench.client(home), idempotency_key="mine")
    assert bench.create(bench.client(home), idempotency_key="mine").id == job.id
    assert bench.posts == 1


# LOC-22: killed while it writes


def write_on(folder: str, name: str) -> None:
    """Writes rows until it is killed, and says each of them when it is on the disk."""
    journal = Journal(Path(folder))
    for number in count():
        one = row(f"{name}-{number}")
        journal.add(one)
        say(f"{one.id} {State.PREPARED}")
        one = journal.change(one, state=State.SUBMITTING, submitted_at=datetime.now(UTC))
        say(f"{one.id} {State.SUBMITTING}")
        journal.change(one, state=State.CREATED, job_id=f"ftjob-{number}")
        say(f"{one.id} {State.CREATED}")


def killed(forks: Forks, folder: Path, name: str, chance: random.Random) -> dict[str, str]:
    """What somebody said was written who is killed at a random moment."""
    child = forks.start(write_on, str(folder), name)
    said = [forks.line() for _ in range(chance.randrange(4))]
    threading.Event().wait(chance.random() * 0.004)
    os.kill(child, signal.SIGKILL)
    more, code = forks.end()
    assert code == -signal.SIGKILL
    return dict(line.split() for line in said + more)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_loc_22_what_was_written_is_there_after_a_kill_at_any_moment(
    tmp_path: Path,
) -> None:
    chance = random.Random(22)  # noqa: S311 - no secret is made of it
    with Forks(__name__, warm=False) as forks:
        for number in range(200):
            said = killed(forks, tmp_path, str(number), chance)
            Journal(tmp_path).unsettled()
            there = standing(tmp_path)
            for name, state in said.items():
                # One more change may be there than anybody was told of.
                told, real = ORDER.index(State(state)), ORDER.index(State(there[name]))
                assert real - told in (0, 1)


def crashed(folder: Path, target: Path, *gone: str) -> Journal:
    """A journal as a crash leaves it, with a row in its log alone, and files deleted since."""
    Journal(folder).add(row("old"))
    with closing(sqlite3.connect(folder / JOURNAL)) as database:
        # While somebody reads, nobody moves the log into the file.
        database.execute("SELECT * FROM submissions").fetchall()
        Journal(folder).add(row("new"))
        shutil.copytree(folder, target)
    assert (target / f"{JOURNAL}-wal").stat().st_size
    for end in gone:
        (target / f"{JOURNAL}-{end}").unlink()
    return Journal(target)


@pytest.mark.parametrize(
    ("gone", "left"),
    [
        ([], {"sub-old", "sub-new"}),
        (["shm"], {"sub-old", "sub-new"}),
        (["wal"], {"sub-old"}),
        (["wal", "shm"], {"sub-old"}),
    ],
    ids=["nothing", "shm", "wal", "both"],
)
def test_loc_22_a_journal_opens_when_its_log_is_gone(
    tmp_path: Path, gone: list[str], left: set[str]
) -> None:
    """What is only in the log goes with it; each of our changes moves the log into the file."""
    journal = crashed(tmp_path / "first", tmp_path / "second", *gone)
    assert journal.get("sub-old") == row("old")
    journal.add(row("newest"))
    assert set(standing(tmp_path / "second")) == left | {"sub-newest"}


def test_loc_22_after_a_change_nothing_is_in_the_log(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.change(row(), state=State.SUBMITTING)
    assert [path.name for path in tmp_path.iterdir()] == [JOURNAL]


def test_a_file_that_a_crash_left_empty_is_a_new_journal(tmp_path: Path) -> None:
    (tmp_path / JOURNAL).touch()
    journal = Journal(tmp_path)
    assert journal.get("sub-1") is None
    journal.add(row())
    assert journal.get("sub-1") == row()


# LOC-22: older and newer


@contextmanager
def later_version(script: str = ONE_MORE) -> Generator[None]:
    """A version of the package that has one more migration."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journals, "MIGRATIONS", (*journals.MIGRATIONS, script))
        yield


def test_loc_22_an_older_journal_is_brought_up(tmp_path: Path) -> None:
    Journal(tmp_path).add(row())
    before = version(tmp_path)
    with later_version(f"{ONE_MORE} CREATE INDEX by_note ON submissions (note);"):
        journal = Journal(tmp_path)
        assert journal.get("sub-1") == row()
        journal.add(row("2"))
        assert version(tmp_path) == len(journals.MIGRATIONS) == before + 1
    assert set(standing(tmp_path)) == {"sub-1", "sub-2"}


def test_loc_22_a_journal_of_the_first_version_is_read(tmp_path: Path) -> None:
    one = row(state=State.CREATED, job_id="ftjob-1", keyed=True)
    with closing(sqlite3.connect(tmp_path / JOURNAL)) as database, database:
        database.executescript(f"{journals.MIGRATIONS[0]}; PRAGMA user_version = 1;")
        values = (one.id, one.provider, one.account, one.owner, one.key, one.call, one.state.value)
        more = (one.spec.to_json(), one.job_id, one.created_at.isoformat(), None)
        database.execute(
            "INSERT INTO submissions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values + more
        )
    # Whose the key was nobody has written down then; that of the caller is the safer one.
    assert Journal(tmp_path).get(one.id) == one
    assert version(tmp_path) == len(journals.MIGRATIONS)


def test_loc_22_only_one_of_many_brings_it_up(tmp_path: Path) -> None:
    Journal(tmp_path).add(row())
    with later_version():
        failed = at_once(8, lambda number: Journal(tmp_path).add(row(f"more-{number}")))
    assert failed == []
    assert len(standing(tmp_path)) == 9


def test_loc_22_a_migration_that_fails_leaves_the_journal_as_it_was(tmp_path: Path) -> None:
    Journal(tmp_path).add(row())
    before = version(tmp_path)
    with later_version(f"{ONE_MORE} NO SUCH WORD;"), pytest.raises(ConfigurationError):
        Journal(tmp_path).get("sub-1")
    assert version(tmp_path) == before
    assert Journal(tmp_path).get("sub-1") == row()


def test_loc_22_a_newer_journal_is_refused_and_nothing_is_sent(bench: Bench) -> None:
    home = bench.folder / "newer"
    with later_version():
        bench.create(bench.client(home), idempotency_key="mine")
    before = (home / FOLDER / JOURNAL).read_bytes()
    asked = len(bench.service.requests)
    for key in (None, "mine", "other"):
        caught = bench.refuses(ConfigurationError, bench.client(home), idempotency_key=key)
        assert "newer finetune-anywhere" in str(caught)
        assert "FINETUNE_HOME" in str(caught)
    assert len(bench.service.requests) == asked
    assert (home / FOLDER / JOURNAL).read_bytes() == before


def test_a_row_that_a_newer_package_has_written_is_refused_and_nothing_is_sent(
    bench: Bench,
) -> None:
    home = bench.folder / "newer"
    bench.create(bench.client(home), idempotency_key="mine")
    with closing(sqlite3.connect(home / FOLDER / JOURNAL)) as database, database:
        database.execute(
            "UPDATE submissions SET spec = replace(spec, '\"schema_version\":1', ?)",
            ('"schema_version":99',),
        )
    asked = len(bench.service.requests)
    caught = bench.refuses(ConfigurationError, bench.client(home), idempotency_key="mine")
    assert "newer finetune-anywhere" in str(caught)
    assert len(bench.service.requests) == asked


# Damaged, or no journal at all


def garbage(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(20_000))  # noqa: S311


def words(path: Path) -> None:
    path.write_text("This is no database. " * 50)


def cut(path: Path) -> None:
    journal = Journal(path.parent)
    for number in range(40):
        journal.add(row(str(number)))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def scratched(path: Path) -> None:
    cut(path)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)


@pytest.mark.parametrize("spoil", [garbage, words, cut, scratched])
def test_loc_22_a_damaged_journal_is_refused_clearly_and_nothing_is_sent(
    bench: Bench, spoil: Callable[[Path], None]
) -> None:
    home = bench.folder / "damaged"
    path = home / FOLDER / JOURNAL
    path.parent.mkdir(parents=True)
    spoil(path)
    before = path.read_bytes()
    for key in (None, "key-1"):
        caught = bench.refuses(ConfigurationError, bench.client(home), idempotency_key=key)
        assert str(path) in str(caught)
        assert "damaged" in str(caught)
    assert posts(bench) == []
    assert path.read_bytes() == before

    # As the message says: moved away, and all is well.
    path.rename(path.with_suffix(".old"))
    bench.create(bench.client(home))


def test_something_else_in_its_place_is_refused_clearly(bench: Bench) -> None:
    home = bench.folder / "odd"
    (home / FOLDER / JOURNAL).mkdir(parents=True)
    caught = bench.refuses(ConfigurationError, bench.client(home))
    assert "FINETUNE_HOME" in str(caught)
    assert posts(bench) == []


# Many at once


def at_once(many: int, function: Callable[[int], object]) -> list[BaseException]:
    """Runs the function on threads that begin together; what they raised."""
    gate, failed = threading.Barrier(many), list[BaseException]()

    def run(number: int) -> None:
        gate.wait()
        try:
            function(number)
        except Exception as caught:  # noqa: BLE001 - whatever it is
            failed.append(caught)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed


@pytest.mark.parametrize("statement", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_a_journal_that_another_one_is_making_is_waited_for(tmp_path: Path, statement: str) -> None:
    """SQLite itself does not wait there: one of two processes was told that it is locked."""
    with closing(sqlite3.connect(tmp_path / JOURNAL, check_same_thread=False)) as other:
        other.execute(statement)
        timer = threading.Timer(0.1, other.commit)
        timer.start()
        Journal(tmp_path).add(row())
        timer.join()
    assert set(standing(tmp_path)) == {"sub-1"}


def test_a_journal_that_stays_locked_is_refused_clearly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "_BUSY_SECONDS", 0.05)
    with closing(sqlite3.connect(tmp_path / JOURNAL)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ConfigurationError, match="locked"):
            Journal(tmp_path).add(row())


def test_many_write_at_once_from_the_very_beginning(tmp_path: Path) -> None:
    def write(number: int) -> None:
        for more in range(5):
            journal = Journal(tmp_path)
            journal.change(row(f"{number}-{more}"), state=State.SUBMITTING)
            journal.add(row(f"{number}-{more}"))

    assert at_once(12, write) == []
    assert len(standing(tmp_path)) == 60


# LOC-10: a full disk


@pytest.fixture
def tight(bench: Bench) -> Generator[Path]:
    """A state folder on a disk of one mebibyte; skips where this user may not mount one."""
    folder = bench.folder / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"no disk can be mounted here: {error}")
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(disk: Path) -> None:
    with (disk / "filler").open("wb", buffering=0) as file:
        for size in (2**16, 2**12, 1):
            with suppress(OSError):
                while file.write(bytes(size)):
                    pass


def make_room(disk: Path) -> None:
    (disk / "filler").unlink()


def filling(disk: Path) -> Edit:
    """The disk is full by the time of the answer."""

    def change(said: Any) -> Any:
        fill(disk)
        return said

    return Edit(change)


@pytest.mark.parametrize("used", [False, True], ids=["new", "used before"])
@pytest.mark.parametrize("key", [None, "mine"], ids=["no key", "a key"])
def test_loc_10_a_full_disk_is_told_before_anything_is_sent(
    bench: Bench, tight: Path, key: str | None, used: bool
) -> None:
    client = bench.client(tight)
    if used:
        bench.create(client, suffix="earlier")
        bench.intents = 2
    before = posts(bench)
    fill(tight)
    caught = bench.refuses(QuotaExceededError, client, idempotency_key=key)
    assert caught.code == "disk_full"
    assert str(tight) in str(caught)
    assert posts(bench) == before
    # Reading needs no journal.
    assert [job.id for job in client.jobs.list()] == bench.made

    make_room(tight)
    assert bench.create(client, idempotency_key=key).id == bench.made[-1]


def test_loc_10_a_disk_that_fills_while_rows_are_uploaded_stops_the_create(
    bench: Bench, tight: Path
) -> None:
    client = bench.client(tight)
    bench.hurt(filling(tight), path=FILES)
    bench.refuses(QuotaExceededError, client)
    assert (bench.made, bench.posts) == ([], 0)

    make_room(tight)
    assert bench.create(client).id == bench.made[0]
    assert states(tight) == ["told"]


@pytest.mark.parametrize("key", [None, "mine"], ids=["no key", "a key"])
def test_loc_10_a_job_is_given_to_its_caller_though_the_disk_is_full(
    bench: Bench, tight: Path, key: str | None
) -> None:
    client = bench.client(tight)
    bench.hurt(filling(tight))
    job = bench.create(client, idempotency_key=key)
    assert bench.made == [job.id]

    # Nobody could write it down, so the next one looks for it and does not post.
    make_room(tight)
    assert states(tight) == ["submitting"]
    assert bench.create(client, idempotency_key=key).id == job.id
    assert (bench.posts, states(tight)) == (1, ["told"])


def test_loc_10_a_lost_job_is_found_when_there_is_room_again(bench: Bench, tight: Path) -> None:
    client = bench.client(tight)
    bench.hurt(DropAfter())
    bench.hurt(filling(tight), method="GET")
    caught = bench.refuses(SubmissionUnknownError, client)
    make_room(tight)
    assert states(tight) == ["submitting"]
    assert client.jobs.recover(caught.submission_id).id == bench.made[0]
    assert (bench.posts, states(tight)) == (1, ["told"])


def test_a_journal_that_is_spoiled_after_the_create_left_does_not_deny_it(bench: Bench) -> None:
    """What was sent is unknown, and not "none is sent"."""
    home = bench.folder / "other"

    def spoil(said: Any) -> Any:
        words(home / FOLDER / JOURNAL)
        return said

    bench.hurt(DropAfter())
    bench.hurt(Edit(spoil), method="GET")
    caught = bench.refuses(SubmissionUnknownError, bench.client(home))
    assert "damaged" in str(caught)
    assert bench.posts == 1


# A state folder that may not be written to


def stranger(url: str, home: str, job: str) -> None:
    """Becomes nobody, then reads and tries to make jobs."""
    client = client_of(url, home)
    become_nobody()
    tell(lambda: client.jobs.get(job).id)
    tell(lambda: [job.id for job in client.jobs.list()])
    tell(lambda: client.jobs.create(**call()))
    tell(lambda: client.jobs.create(**call(idempotency_key="mine")))


def empty(home: Path) -> None:
    home.mkdir()


def used(home: Path) -> None:
    Journal(home / FOLDER).add(row())
    (home / FOLDER / JOURNAL).chmod(0o644)


def private(home: Path) -> None:
    used(home)
    (home / FOLDER / JOURNAL).chmod(0o600)


def closed(home: Path) -> None:
    used(home)
    home.chmod(0o700)


def no_folder(home: Path) -> None:
    home.write_text("")


@pytest.mark.parametrize("make", [empty, used, private, closed, no_folder])
def test_without_a_folder_to_write_to_one_may_read_and_not_spend(
    bench: Bench, public: Path, forks: Forks, make: Callable[[Path], None]
) -> None:
    job, home = bench.create(), public / "home"
    before = posts(bench)
    make(home)
    got, listed, *refused = forks.run(stranger, bench.service.url, str(home), job.id)
    assert (got, listed) == (job.id, str([job.id]))
    assert len(refused) == 2
    for words in refused:
        assert words.startswith("ConfigurationError:")
        assert "FINETUNE_HOME" in words
    assert posts(bench) == before
