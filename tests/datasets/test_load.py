"""Where rows come from, and what is refused at the door."""

from __future__ import annotations

import os
import pickle
import socket
from collections.abc import Iterator, Mapping
from datetime import date
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

import pytest

from finetune_sdk.datasets import Dataset, check, load
from finetune_sdk.errors import ConfigurationError, DatasetError
from finetune_sdk.types import DatasetFile
from tests.datasets.samples import (
    ASSISTANT,
    USER,
    Json,
    in_child,
    line,
    numbered_rows,
    row,
    written,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return written(tmp_path / "train.jsonl", *map(line, numbered_rows(3)))


def refusal(source: str | Path) -> str:
    with pytest.raises(DatasetError) as caught:
        load(source)
    return str(caught.value)


def test_a_file_is_read_anew_at_each_iteration(path: Path) -> None:
    dataset = load(path)
    assert list(dataset) == numbered_rows(3) == list(dataset)
    written(path, line(row()))
    assert list(dataset.numbered()) == [(1, row())]
    assert len(dataset) == 1


def test_a_file_is_named_as_it_was_given(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    dataset = load("./train.jsonl")
    monkeypatch.chdir("/")
    assert (dataset.name, dataset.path, dataset.place) == ("train.jsonl", path, "./train.jsonl")
    assert len(dataset) == 3
    assert load(path, name="mine").name == "mine"


def test_a_working_folder_that_is_gone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = path.parent / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert "'train.jsonl' is a path in the working folder" in refusal("train.jsonl")
    with pytest.raises(DatasetError, match="absolute path"):
        load([row()]).write("out.jsonl")
    assert len(load(path)) == 3


def test_the_home_folder_is_found(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(path.parent))
    assert load("~/train.jsonl").path == path
    assert "~nobody-of-this-name" in refusal("~nobody-of-this-name/train.jsonl")


def test_a_generator_is_gone_through_once_and_kept() -> None:
    pulls: list[int] = []

    def rows() -> Iterator[Json]:
        for number, item in enumerate(numbered_rows(3)):
            pulls.append(number)
            yield item

    dataset = load(rows())
    assert list(dataset) == list(dataset) == numbered_rows(3)
    assert pulls == [0, 1, 2]


def test_kept_rows_do_not_follow_the_callers_changes() -> None:
    rows = numbered_rows(1)
    dataset = load(rows)
    rows[0]["messages"] = []
    next(iter(dataset)).clear()
    assert list(dataset) == numbered_rows(1)


def test_any_mapping_and_any_sequence_of_messages_is_a_row() -> None:
    odd: Mapping[str, object] = MappingProxyType({"messages": (MappingProxyType(USER), ASSISTANT)})
    assert list(load([odd])) == [row()]


def test_a_dataset_is_given_back(path: Path) -> None:
    dataset = load(path)
    assert load(dataset) is dataset
    renamed = load(dataset, name="other")
    assert (renamed.name, renamed.path, list(renamed)) == ("other", path, list(dataset))
    assert load(load([]), name="other").place == "other"


def test_lines_are_compact_and_keep_the_order_of_keys(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", '{ "b": 1, "a": {"d": "é", "c": 1e2} }'.encode())
    dataset = load(path)
    assert list(dataset.lines()) == ['{"b":1,"a":{"d":"é","c":100.0}}'.encode()]


def test_the_digest_is_that_of_the_lines_wherever_they_lie(path: Path) -> None:
    memory, disk = load(numbered_rows(3)), load(path)
    text = b"".join(line + b"\n" for line in memory.lines())
    assert memory.digest() == disk.digest() == sha256(text).hexdigest()
    assert load(numbered_rows(2)).digest() != memory.digest()


def test_a_dataset_shows_no_row(path: Path) -> None:
    assert repr(load(path)) == f"Dataset('train.jsonl', path={str(path)!r})"
    assert repr(load(numbered_rows(3))) == "Dataset('rows', rows=3)"


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_dataset_pickles(path: Path, in_memory: bool) -> None:
    dataset = load(numbered_rows(3) if in_memory else path)
    copy: Dataset = pickle.loads(pickle.dumps(dataset))  # noqa: S301 - our own bytes
    assert list(copy) == list(dataset)


BAD_ROWS = [
    (row(day=date(2026, 1, 1)), "not_json", "date"),
    (row(day={1, 2}), "not_json", "set"),
    ({("a", "b"): 1}, "not_json", "tuple"),
    (row(n=float("nan")), "not_finite", "nan"),
    (row(n=10**5000), "not_json", "digits"),
    ("eggs", "not_an_object", "eggs"),
    ([USER, ASSISTANT], "not_an_object", "role"),
    (None, "not_an_object", "None"),
]


@pytest.mark.parametrize(("bad", "code", "word"), BAD_ROWS)
def test_a_bad_row_in_memory_is_found_by_the_check(bad: object, code: str, word: str) -> None:
    dataset = load([row(), bad])  # type: ignore[list-item] # pyright: ignore[reportArgumentType] - wrong on purpose
    finding = check(dataset).findings[0]
    assert (finding.line, finding.code) == (2, code)
    assert word in finding.message
    with pytest.raises(DatasetError, match="rows:2"):
        list(dataset)


def test_a_row_that_holds_itself_is_found() -> None:
    loop = row()
    loop["self"] = loop
    assert [f.code for f in check(load([loop])).findings] == ["not_json"]


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        (7, "path"),
        (None, "path"),
        (b"train.jsonl", "path"),
        (row(), r"\[row\]"),
        (DatasetFile(id="file-1"), "jobs.create"),
    ],
)
def test_what_is_no_source_is_refused(source: object, hint: str) -> None:
    with pytest.raises(ConfigurationError, match=f"`source` .*{hint}"):
        load(source)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - wrong on purpose


def test_a_missing_file_names_where_it_looked_and_what_is_near(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    text = refusal("trian.jsonl")
    assert str(path.parent / "trian.jsonl") in text
    assert "did you mean 'train.jsonl'" in text
    assert "did you mean" not in refusal("zzz")


def test_a_missing_folder_is_told() -> None:
    assert "its folder does not exist" in refusal("/no/such/folder/train.jsonl")


def test_a_file_taken_for_a_folder_is_told(path: Path) -> None:
    assert "its folder does not exist" in refusal(path / "train.jsonl")


@pytest.mark.timeout(10)
def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "a pipe or a device, not a regular file" in refusal(tmp_path / "pipe")
    assert "a pipe or a device, not a regular file" in refusal("/dev/zero")


@pytest.mark.timeout(10)
def test_a_pipe_that_takes_the_files_place_is_refused(path: Path) -> None:
    dataset = load(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(DatasetError, match="not a regular file"):
        list(dataset)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert "is a folder, not a regular file" in refusal(tmp_path)
    assert "is a folder, not a regular file" in refusal("")


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        assert "is a socket, not a regular file" in refusal("socket")


def test_a_loop_of_links_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert "symbolic links" in refusal(tmp_path / "a")


def test_a_link_to_a_file_is_followed(path: Path) -> None:
    link = path.with_name("link.jsonl")
    link.symlink_to(path)
    assert len(load(link)) == 3


@pytest.mark.parametrize("name", ["a\0b", "x" * 300])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    assert "cannot be read" in refusal(name)


def test_a_name_that_is_no_text_can_be_shown(tmp_path: Path) -> None:
    path = written(Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff.jsonl")), b"{")
    report = check(load(path))
    assert report.file.endswith("a\\udcff.jsonl")
    assert report.to_json().encode()


UNREADABLE = """
import os, sys
from finetune_sdk.datasets import load
from finetune_sdk.errors import DatasetError
os.setgid(65534); os.setuid(65534)
try:
    load(sys.argv[1])
except DatasetError as error:
    sys.exit(0 if "may not be read" in str(error) else 2)
sys.exit(3)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_unreadable_file_is_told(tmp_path: Path) -> None:
    secret = tmp_path / "secret.jsonl"
    secret.touch(mode=0o000)
    done = in_child(UNREADABLE, secret)
    assert done.returncode == 0, done.stderr.decode()
