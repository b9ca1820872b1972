"""What was about to be sent, and what became of it: a row a submission, in SQLite.

A row is on the disk before its create leaves (WAL, `synchronous=FULL`). Each operation opens the
file anew: creates are rare, and so nothing is held over a fork, between threads or at an exit.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from weakref import finalize

from finetune_sdk.errors import ConfigurationError, QuotaExceededError
from finetune_sdk.types import JobSpec

_BUSY_SECONDS, _BUSY_PAUSE = 30.0, 0.01
_FULL = ("disk is full", "disk I/O error")

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE submissions (
        id TEXT PRIMARY KEY,
        provider TEXT NOT NULL,
        account TEXT NOT NULL,
        owner TEXT NOT NULL,
        key TEXT NOT NULL,
        call TEXT NOT NULL,
        state TEXT NOT NULL,
        spec TEXT NOT NULL,
        job_id TEXT,
        created_at TEXT NOT NULL,
        submitted_at TEXT
    );
    CREATE INDEX by_key ON submissions (provider, account, key);
    CREATE INDEX by_call ON submissions (provider, account, call, state);
    """,
    "ALTER TABLE submissions ADD COLUMN keyed INTEGER NOT NULL DEFAULT 1",
)
"""Each takes the file one version on; `PRAGMA user_version` says how many it has behind it."""

_COLUMNS = (
    "id, provider, account, owner, key, call, state, spec, job_id, created_at, submitted_at, keyed"
)


_INSERT = f"INSERT INTO submissions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608


class State(StrEnum):
    """Where a submission stands.

    PREPARED    nothing was sent that costs; its files may be there already
    SUBMITTING  a create may have been sent: nobody posts, everybody looks
    CREATED     the job is known, and may be to nobody else yet
    TOLD        whoever asked for the job has it
    ABANDONED   somebody has decided that it is none
    """

    PREPARED = "prepared"
    SUBMITTING = "submitting"
    CREATED = "created"
    TOLD = "told"
    ABANDONED = "abandoned"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A submission.

    Attributes:
        id: its name, for people and for `jobs.recover`.
        account: whose it is; see `FineTuneProvider.account`.
        owner: the profile, or the provider, that it was made with.
        key: the idempotency key, the caller's or ours.
        keyed: it is the caller's.
        call: digest of the whole call.
        spec: what was or will be sent, without the caller's own words and options, which may hold
            anything; enough to know the job by.
        submitted_at: when the create left, or was about to.
    """

    id: str
    provider: str
    account: str
    owner: str
    key: str
    call: str
    state: State
    spec: JobSpec
    job_id: str | None = None
    created_at: datetime
    submitted_at: datetime | None = None
    keyed: bool = False


class Journal:
    """The submissions of a state folder; without one, of this process."""

    def __init__(self, folder: Path | None) -> None:
        """Names the journal. Nothing is opened or made yet.

        Args:
            folder: for the file and its locks; None keeps everything in memory.
        """
        self.folder = folder
        self._memory: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    def add(self, row: Row) -> None:
        """Writes a new row. It is on the disk when this returns."""
        self._change(_INSERT, _values(row))

    def change(self, row: Row, **fields: object) -> Row:
        """The row with other fields. It is on the disk when this returns."""
        changed = replace(row, **fields)  # type: ignore[arg-type]
        self._change(
            "UPDATE submissions SET state = ?, spec = ?, job_id = ?, submitted_at = ? WHERE id = ?",
            (
                changed.state.value,
                _kept(changed.spec),
                changed.job_id,
                _told(changed.submitted_at),
                changed.id,
            ),
        )
        return changed

    def get(self, id_: str) -> Row | None:
        """The row of that id."""
        return next(iter(self._rows("id = ?", (id_,))), None)

    def of_key(self, provider: str, account: str, key: str) -> Row | None:
        """The newest row of a key that nobody has abandoned."""
        where = "provider = ? AND account = ? AND key = ? AND state != ?"
        found = self._rows(where, (provider, account, key, State.ABANDONED.value))
        return found[-1] if found else None

    def of_call(self, provider: str, account: str, call: str, state: State) -> list[Row]:
        """The rows of a call that stand so, oldest first."""
        where = "provider = ? AND account = ? AND call = ? AND state = ?"
        return self._rows(where, (provider, account, call, state.value))

    def tell(self, provider: str, account: str, job_id: str) -> None:
        """Whoever asked for the job has it now."""
        self._change(
            "UPDATE submissions SET state = ? WHERE state = ? AND provider = ? AND account = ? "
            "AND job_id = ?",
            (State.TOLD.value, State.CREATED.value, provider, account, job_id),
        )

    def unsettled(self) -> list[Row]:
        """The rows of which nobody knows what became, of all accounts, oldest first."""
        return self._rows("state = ?", (State.SUBMITTING.value,))

    def job_ids(self, provider: str, account: str, *, but: str) -> set[str]:
        """The jobs that other rows own."""
        where = "provider = ? AND account = ? AND job_id IS NOT NULL AND id != ?"
        return {found[0] for found in self._select("job_id", where, (provider, account, but))}

    # The file

    def _rows(self, where: str, values: Sequence[object]) -> list[Row]:
        return [_row(found) for found in self._select(_COLUMNS, where, values)]

    def _select(self, columns: str, where: str, values: Sequence[object]) -> list[Sequence[str]]:
        with self._told_errors():
            if self.folder is not None and not self._path.exists():
                return []  # Reading makes no file.
        # Columns and conditions are ours, all of them; what comes from outside is in the values.
        query = f"SELECT {columns} FROM submissions WHERE {where} ORDER BY created_at, rowid"  # noqa: S608
        with self._opened() as database:
            return database.execute(query, values).fetchall()

    def _change(self, statement: str, values: Sequence[object]) -> None:
        with self._opened() as database, database:
            database.execute(statement, values)

    @property
    def _path(self) -> Path:
        return Path(self.folder or "", "journal.sqlite3")

    @contextmanager
    def _opened(self) -> Generator[sqlite3.Connection]:
        if self.folder is None:
            with self._lock:
                yield self._in_memory()
            return
        with self._told_errors(), closing(self._connect()) as database:
            _turn_on_wal(database)
            database.execute("PRAGMA synchronous = FULL")
            _bring_up(database, str(self._path))
            yield database

    def _in_memory(self) -> sqlite3.Connection:
        if self._memory is None:
            self._memory = sqlite3.connect(":memory:", check_same_thread=False)
            # Python warns of a connection that goes unclosed, from 3.13 on.
            finalize(self, self._memory.close)
            _bring_up(self._memory, "memory")
        return self._memory

    def _connect(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if not self._path.exists():
            # Before SQLite makes it: what people call their jobs is theirs alone.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        return sqlite3.connect(self._path, timeout=_BUSY_SECONDS)

    @contextmanager
    def _told_errors(self) -> Generator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self._fault(error) from None

    def _fault(self, error: Exception) -> Exception:
        words = getattr(error, "strerror", None) or str(error)
        if any(one in words for one in _FULL) or getattr(error, "errno", None) == 28:
            return QuotaExceededError(
                f"{str(self._path)!r} cannot be written, the disk is full: a create is written "
                "down there before it is sent, so none is sent now; make room and try again",
                provider="journal",
                code="disk_full",
            )
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(
            error, sqlite3.OperationalError
        ):
            return ConfigurationError(
                f"{str(self._path)!r} is damaged ({words}): it says which creates may have been "
                "sent. Move it away to begin a new one, and look with `jobs.list` for jobs that "
                "you do not know of"
            )
        return ConfigurationError(
            f"the state folder {str(self.folder)!r} cannot be used ({words}): a create is written "
            "down there before it is sent, so none is sent; set FINETUNE_HOME to a folder that "
            "you may write to"
        )


def _turn_on_wal(database: sqlite3.Connection) -> None:
    end = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # Its timeout does not hold here: of two that make the file at once, one is told that
            # it is locked, and not after 30 s but at once (SQLite 3.40).
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(_BUSY_PAUSE)


def _bring_up(database: sqlite3.Connection, place: str) -> None:
    """Takes the file to the version of this package.

    Raises:
        ConfigurationError: a newer package has written it.
    """
    version = int(database.execute("PRAGMA user_version").fetchone()[0])
    if version > len(MIGRATIONS):
        raise ConfigurationError(
            f"{place!r} was written by a newer finetune-anywhere (version {version}, this one "
            f"knows {len(MIGRATIONS)}); upgrade, or set FINETUNE_HOME to another folder"
        )
    if version == len(MIGRATIONS):
        return
    database.execute("BEGIN IMMEDIATE")
    # Another process may have done it meanwhile.
    version = int(database.execute("PRAGMA user_version").fetchone()[0])
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        for statement in filter(str.strip, script.split(";")):
            database.execute(statement)
        database.execute(f"PRAGMA user_version = {number}")
    database.commit()


def _values(row: Row) -> tuple[object, ...]:
    return (
        row.id,
        row.provider,
        row.account,
        row.owner,
        row.key,
        row.call,
        row.state.value,
        _kept(row.spec),
        row.job_id,
        _told(row.created_at),
        _told(row.submitted_at),
        int(row.keyed),
    )


def _kept(spec: JobSpec) -> str:
    return spec.model_copy(update={"options": {}, "metadata": {}}).to_json()


def _told(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _row(found: Sequence[str]) -> Row:
    try:
        return _read(dict(zip(_COLUMNS.split(", "), found, strict=True)))
    except ValueError as error:
        raise ConfigurationError(
            f"the submission {found[0]!r} of the journal cannot be read, most likely because a "
            "newer finetune-anywhere has written it: upgrade, or set FINETUNE_HOME to another "
            f"folder ({str(error).splitlines()[0]})"
        ) from None


def _read(values: Mapping[str, str]) -> Row:
    submitted = values["submitted_at"]
    return Row(
        id=values["id"],
        provider=values["provider"],
        account=values["account"],
        owner=values["owner"],
        key=values["key"],
        call=values["call"],
        state=State(values["state"]),
        spec=JobSpec.from_json(values["spec"]),
        job_id=values["job_id"],
        created_at=datetime.fromisoformat(values["created_at"]),
        submitted_at=datetime.fromisoformat(submitted) if submitted else None,
        keyed=bool(values["keyed"]),
    )
