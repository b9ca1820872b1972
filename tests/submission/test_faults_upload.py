"""Group G2 of the faults: what goes wrong with a job's files before it is made, at each service."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk import (
    AuthenticationError,
    DatasetError,
    DatasetFileError,
    DatasetValidationError,
    FineTuneError,
    InvalidRequestError,
    PermissionDeniedError,
    ProviderError,
    UnsupportedError,
    WaitTimeoutError,
)
from finetune_sdk.providers._openai_talk import uploads
from finetune_sdk.providers.azure_openai import limits
from tests.standins.openai import (
    Action,
    CutBody,
    DropAfter,
    DropBefore,
    Edit,
    Garble,
    Reply,
    StoredFile,
)
from tests.submission.bench import (
    FILES,
    ROWS,
    Bench,
    Forks,
    become_nobody,
    bench_of,
    call,
    client_of,
    public_folder,
    tell,
)
from tests.submission.services import AZURE, KINDS, Kind

MIB = 1024 * 1024
LINES = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)
UPLOADS, PARTS, COMPLETE = "/uploads", "/uploads/[^/]+/parts", "/uploads/[^/]+/complete"


@pytest.fixture(params=KINDS)
def bench(
    request: pytest.FixtureRequest, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> Generator[Bench]:
    yield from bench_of(tmp_path, caplog, request.param)


@pytest.fixture
def public() -> Generator[Path]:
    yield from public_folder()


def kept(bench: Bench) -> list[StoredFile]:
    """The files at the service that jobs are made of, oldest first."""
    return [file for file in bench.service.files.values() if file.purpose == "fine-tune"]


def used(bench: Bench) -> StoredFile:
    """The file of the one job."""
    (job,) = bench.service.jobs.values()
    return bench.service.files[job.asked["training_file"]]


# UPL-01, UPL-02: the upload is lost


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_upl_01_an_upload_that_is_cut_half_way_begins_again_from_its_start(
    bench: Bench, reset: bool
) -> None:
    path = bench.folder / "train.jsonl"
    path.write_bytes(LINES * 400)
    bench.hurt(DropBefore(keep=len(LINES) * 200, reset=reset), path=FILES)
    bench.create(training_data=path)
    (file,) = kept(bench)
    assert file.blob.content == LINES * 400
    assert used(bench) is file


@pytest.mark.parametrize(
    "action",
    [DropAfter(), CutBody(), Reply(500, after=True), Garble("html"), Garble("truncated")],
    ids=repr,
)
def test_upl_02_an_upload_whose_answer_was_lost_is_made_again_and_the_orphan_is_listed(
    bench: Bench, action: Action
) -> None:
    client = bench.client()
    bench.hurt(action, path=FILES)
    bench.create(client)
    orphan, file = kept(bench)
    assert used(bench) is file
    assert {one.id for one in client.datasets.list()} == {orphan.id, file.id}
    # The same name: who finds the orphan knows what it was for.
    assert orphan.filename == file.filename


def test_an_upload_without_an_id_in_its_answer_makes_no_job(bench: Bench) -> None:
    bench.hurt(Garble("no_id"), path=FILES)
    caught = bench.refuses(ProviderError)
    assert "id" in str(caught)
    assert (bench.posts, bench.states) == (0, ["prepared"])
    bench.create()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, DatasetFileError),
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (413, DatasetFileError),
        (422, DatasetFileError),
    ],
)
def test_an_upload_that_is_refused_makes_no_job(
    bench: Bench, status: int, error: type[FineTuneError]
) -> None:
    bench.hurt(Reply(status), path=FILES)
    assert str(status) in str(bench.refuses(error))
    assert (bench.posts, bench.states, kept(bench)) == (0, ["prepared"], [])
    bench.create()


def test_a_file_of_an_earlier_try_is_used_again(bench: Bench) -> None:
    bench.hurt(Reply(403))
    bench.refuses(ProviderError, validation_data=ROWS[:3])
    job = bench.create(validation_data=ROWS[:3])
    assert len(bench.service.posts(FILES)) == 2
    assert bench.service.jobs[job.id].asked["validation_file"] in bench.service.files


def test_a_validation_file_of_an_earlier_try_is_used_again(bench: Bench) -> None:
    """The training file was given by its id, and needs no upload at all."""
    client = bench.client()
    words = {"training_data": client.datasets.upload(ROWS), "validation_data": ROWS[:3]}
    bench.hurt(Reply(403))
    bench.refuses(ProviderError, client, **words)
    bench.create(client, **words)
    assert len(bench.service.posts(FILES)) == 2


def test_a_file_of_an_earlier_try_that_is_gone_is_uploaded_anew(bench: Bench) -> None:
    client = bench.client()
    bench.hurt(Reply(403))
    bench.refuses(ProviderError, client)
    client.datasets.delete(kept(bench)[0].id)
    bench.create(client)
    assert used(bench) is kept(bench)[0]


# UPL-03, UPL-04, UPL-05: the file is there, and is not good or not ready


def test_a_file_is_waited_for_through_all_words_that_the_service_has_for_it(bench: Bench) -> None:
    """Each service has its own; at Azure a file is `pending` and `running` before it is good."""
    bench.service.file_delay = 20.0
    bench.service.strict_files = True
    bench.create()
    assert (bench.posts, bench.states) == (1, ["told"])
    assert bench.clock.monotonic() >= 20


def test_upl_03_a_file_that_is_refused_says_why_and_which_row(bench: Bench) -> None:
    bench.service.file_error = "Invalid file format. Line 7 has no `messages`."
    bench.service.file_delay = 20.0
    caught = bench.refuses(DatasetFileError)
    assert "Line 7 has no `messages`" in str(caught)
    assert (bench.posts, bench.states) == (0, ["prepared"])

    # The bad file is not taken for a good one by the next try.
    bench.service.file_error = None
    bench.create()
    assert used(bench) is kept(bench)[1]


@pytest.mark.parametrize("key", [None, "mine"], ids=["no key", "a key"])
def test_upl_04_a_file_that_is_never_ready_is_given_up_and_goes_on_later(
    bench: Bench, key: str | None
) -> None:
    two_hours = 2 * 3600.0
    bench.service.file_delay = two_hours
    caught = bench.refuses(WaitTimeoutError, idempotency_key=key)
    assert "no job was made" in str(caught)
    assert 1500 < bench.clock.monotonic() <= 1800
    assert (bench.posts, bench.states) == (0, ["prepared"])
    # So patient, and not so busy that anybody would mind.
    assert len(bench.service.requests) < 250

    bench.clock.advance(two_hours)
    bench.create(idempotency_key=key)
    assert used(bench) is kept(bench)[0]
    assert len(bench.service.posts(FILES)) == 1


@pytest.mark.parametrize("word", ["pending", "uploaded", "running"])
def test_upl_04_a_file_of_the_caller_is_not_waited_for_without_end(bench: Bench, word: str) -> None:
    client = bench.client()
    file = client.datasets.upload(ROWS)
    bench.service.say(file.id, word)
    bench.refuses(WaitTimeoutError, client, training_data=file)
    assert bench.clock.monotonic() <= 1800
    assert bench.posts == 0


@pytest.mark.parametrize("word", ["alien", "", None, 7])
def test_upl_04_a_word_that_nobody_knows_is_no_reason_to_wait(bench: Bench, word: object) -> None:
    """The create itself tells whether the file can be read."""
    client = bench.client()
    file = client.datasets.upload(ROWS)
    bench.service.say(file.id, word)
    bench.create(client, training_data=file)
    assert bench.clock.monotonic() == 0


def not_ready(bench: Bench) -> Reply:
    words = {"param": "training_file", "code": "file_not_ready"}
    return bench.says(400, "File 'file-1' is not ready.", **words)


def test_upl_05_a_job_that_does_not_see_its_file_yet_is_made_once(bench: Bench) -> None:
    bench.hurt(not_ready(bench), times=3)
    bench.create()
    assert (bench.posts, bench.states) == (4, ["told"])
    assert bench.clock.monotonic() >= 15
    assert (len(bench.service.posts(FILES)), bench.searches) == (1, 0)


def test_upl_05_a_job_that_never_sees_its_file_is_refused_and_goes_on_later(
    bench: Bench,
) -> None:
    bench.hurt(not_ready(bench), times=None)
    caught = bench.refuses(InvalidRequestError)
    assert (caught.effect, bench.posts, bench.states) == ("none", 5, ["prepared"])
    bench.service.faults.clear()
    bench.create()
    assert len(bench.service.posts(FILES)) == 1


def test_upl_05_of_a_create_that_is_lost_after_all_only_its_job_is_looked_for(
    bench: Bench,
) -> None:
    bench.hurt(not_ready(bench), times=2)
    bench.hurt(DropAfter())
    job = bench.create()
    assert (bench.made, bench.posts) == ([job.id], 3)


# UPL-07, UPL-09, UPL-10: what is refused before anything is sent


BOM, UTF_16 = b"\xef\xbb\xbf", LINES.decode().encode("utf-16")
SURROGATE = LINES.replace(b"What comes after 3?", b"What \\ud800 comes?")
NAN = LINES.replace(b'"What comes after 3?"', b"NaN")
SECRET = LINES.replace(b"What comes after 3?", b"My key is sk-abcdefghijklmnopqrstuvwx0123456789")


@pytest.mark.parametrize(
    "content",
    [b"", BOM, BOM + LINES, UTF_16, b"\n\n", SURROGATE, NAN, LINES[:-9], SECRET, LINES + b"[]\n"],
    ids=[
        "empty",
        "a mark alone",
        "a mark",
        "UTF-16",
        "no rows",
        "surrogate",
        "NaN",
        "cut",
        "a key",
        "a list",
    ],
)
def test_upl_07_and_upl_09_bad_rows_are_refused_before_anything_is_sent(
    bench: Bench, content: bytes
) -> None:
    """UPL-07 and UPL-09: which finding and on which line is held in `tests/datasets`."""
    path = bench.folder / "train.jsonl"
    path.write_bytes(content)
    caught = bench.refuses(DatasetError, training_data=path)
    if isinstance(caught, DatasetValidationError):
        assert caught.report.errors
    assert "sk-abcdef" not in "".join(bench.said)
    assert bench.service.requests == []


def test_upl_07_line_ends_of_windows_do_no_harm(bench: Bench) -> None:
    path = bench.folder / "train.jsonl"
    path.write_bytes(LINES.replace(b"\n", b"\r\n"))
    bench.create(training_data=path)
    assert [json.loads(line) for line in used(bench).blob.content.splitlines()] == ROWS


def test_upl_07_a_line_of_64_mib_is_refused_before_anything_is_sent(bench: Bench) -> None:
    path = bench.folder / "train.jsonl"
    with path.open("wb") as file:
        file.write(LINES + b'{"messages": [{"role": "user", "content": "')
        for _ in range(64):
            file.write(b"x" * MIB)
        file.write(b'"}]}\n')
    bench.refuses(DatasetError, training_data=path)
    assert bench.service.requests == []


def test_upl_09_a_key_in_a_row_goes_out_only_if_somebody_has_decided_so(bench: Bench) -> None:
    path = bench.folder / "train.jsonl"
    path.write_bytes(SECRET)
    job = bench.create(training_data=path, allow=["secret_in_text"])
    assert any("secret_in_text" in warning for warning in job.warnings)
    assert "sk-abcdef" not in job.to_json()


def fifo(path: Path) -> None:
    os.mkfifo(path)


def loop(path: Path) -> None:
    path.symlink_to(path)


def dangling(path: Path) -> None:
    path.symlink_to(path.with_name("nothing"))


def nothing(path: Path) -> None:
    """Not there."""


@pytest.mark.parametrize("make", [fifo, Path.mkdir, loop, dangling, nothing])
@pytest.mark.parametrize("role", ["training_data", "validation_data"])
def test_upl_10_what_is_no_file_is_refused_at_once(
    bench: Bench, make: Callable[[Path], None], role: str
) -> None:
    path = bench.folder / "rows.jsonl"
    make(path)
    words: dict[str, Any] = {role: path}
    caught = bench.refuses(DatasetError, **words)
    assert str(path) in str(caught)
    assert bench.service.requests == []


def test_upl_10_a_file_that_may_not_be_read_is_refused_at_once(bench: Bench, public: Path) -> None:
    path = public / "rows.jsonl"
    path.write_bytes(LINES)
    path.chmod(0)
    with Forks(__name__) as forks:
        (words,) = forks.run(reader, bench.service.url, str(public), str(path), bench.kind)
    assert words.startswith("DatasetError:")
    assert str(path) in words
    assert bench.service.requests == []


def test_rows_that_change_while_they_are_uploaded_make_no_job(bench: Bench) -> None:
    path = bench.folder / "rows.jsonl"
    path.write_bytes(LINES)

    def write(said: dict[str, Any]) -> dict[str, Any]:
        path.write_bytes(LINES * 2)
        return said

    bench.hurt(Edit(write), path=FILES)
    caught = bench.refuses(DatasetError, training_data=path)
    assert "changed" in str(caught)
    assert (bench.posts, bench.states) == (0, ["prepared"])


# UPL-08: large files


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """110 rows of a mebibyte each."""
    path = tmp_path_factory.mktemp("large") / "large.jsonl"
    head, tail = b'{"messages": [{"role": "user", "content": "', b'"}]}\n'
    row = head + b"x" * (MIB - len(head) - len(tail)) + tail
    with path.open("wb") as file:
        file.writelines(row for _ in range(110))
    return path


def test_upl_08_a_large_file_goes_in_parts_and_a_part_that_fails_goes_again(
    bench: Bench, large: Path
) -> None:
    bench.service.keep_bytes = False
    bench.take_parts()
    bench.hurt(DropBefore(keep=20 * MIB), path=PARTS, after=1)
    uploaded = bench.client().datasets.upload(large)
    (file,) = kept(bench)
    assert (file.id, file.blob.size, file.blob.lines) == (uploaded.id, 110 * MIB, 110)
    paths = [one.path.rpartition("/")[2] for one in bench.service.requests]
    assert paths == ["uploads", "parts", "parts", "parts", "complete"]


@pytest.fixture
def in_parts(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Everything is large."""
    monkeypatch.setattr(uploads, "ONE_REQUEST", 0)
    monkeypatch.setattr(uploads, "PART", 500)
    bench.take_parts()
    return bench


def test_upl_08_parts_make_the_same_file(in_parts: Bench) -> None:
    path = in_parts.folder / "rows.jsonl"
    path.write_bytes(LINES)
    in_parts.create(training_data=path)
    assert used(in_parts).blob.content == LINES
    assert len(in_parts.service.posts("/files")) == 0


@pytest.mark.parametrize("action", [DropAfter(), CutBody(), Reply(500, after=True)], ids=repr)
def test_upl_08_an_upload_that_is_complete_and_did_not_say_so_is_found(
    in_parts: Bench, action: Action
) -> None:
    in_parts.hurt(action, path=COMPLETE)
    in_parts.create()
    assert [used(in_parts)] == kept(in_parts)


def test_upl_08_a_part_that_came_twice_is_in_the_file_once(in_parts: Bench) -> None:
    in_parts.hurt(DropAfter(), path=PARTS)
    path = in_parts.folder / "rows.jsonl"
    path.write_bytes(LINES)
    in_parts.create(training_data=path)
    assert used(in_parts).blob.content == LINES


@pytest.mark.parametrize("path", [UPLOADS, PARTS, COMPLETE])
def test_upl_08_an_upload_that_is_refused_is_cancelled_and_makes_no_job(
    in_parts: Bench, path: str
) -> None:
    in_parts.hurt(Reply(400), path=path)
    in_parts.refuses(DatasetFileError)
    assert (in_parts.posts, kept(in_parts)) == (0, [])
    assert [one.status(0) for one in in_parts.service.uploads.values()] in ([], ["cancelled"])
    in_parts.create()


@AZURE
def test_upl_08_a_file_beyond_one_request_is_not_sent_in_parts_unasked(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has seen Azure take parts, so there a profile has to say it. OpenAI is known to."""
    monkeypatch.setattr(limits, "WHOLE_FILE", 500)
    caught = bench.refuses(UnsupportedError)
    assert "uploads = true" in str(caught)
    assert (bench.service.posts(FILES), bench.service.posts(UPLOADS), bench.posts) == ([], [], 0)
    assert bench.states == ["prepared"]

    # The same call goes on once the profile says it.
    monkeypatch.setattr(uploads, "PART", 500)
    monkeypatch.setattr(uploads, "ONE_REQUEST", 0)
    bench.take_parts()
    bench.create()
    assert [json.loads(line) for line in used(bench).blob.content.splitlines()] == ROWS
    assert len(bench.service.posts(UPLOADS)) == 1


@AZURE
def test_upl_08_a_large_file_goes_in_one_request_where_nobody_has_said_parts(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What OpenAI takes in parts goes to Azure whole, and is sent again whole."""
    monkeypatch.setattr(uploads, "ONE_REQUEST", 0)
    bench.hurt(DropBefore(keep=500), path=FILES)
    bench.create()
    assert (len(bench.service.posts(FILES)), bench.service.posts(UPLOADS)) == (2, [])
    assert [used(bench)] == kept(bench)


def test_upl_08_an_upload_whose_answer_has_no_id_makes_no_job(in_parts: Bench) -> None:
    in_parts.hurt(Garble("no_id"), path=UPLOADS)
    in_parts.refuses(ProviderError)
    assert in_parts.posts == 0
    in_parts.create()


def reader(url: str, home: str, path: str, kind: Kind) -> None:
    """Becomes nobody, and makes a job of a file that is somebody's."""
    client = client_of(url, home, kind)
    become_nobody()
    tell(lambda: client.jobs.create(**call(training_data=path)))
