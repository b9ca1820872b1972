"""A written file is whole, or not there."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from finetune_sdk.datasets import Dataset, load
from finetune_sdk.datasets.lines import MemoryLines
from finetune_sdk.errors import ConfigurationError, DatasetError
from tests.datasets.samples import in_child, line, numbered_rows, row, written


def without_links(self: Path, target: Path) -> None:
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


def test_what_is_written_is_the_same_dataset(tmp_path: Path) -> None:
    dataset = load(numbered_rows(3))
    path = dataset.write(tmp_path / "out.jsonl")
    assert path == tmp_path / "out.jsonl"
    assert list(load(path)) == numbered_rows(3)
    assert load(path).digest() == dataset.digest()
    assert os.listdir(tmp_path) == ["out.jsonl"]  # noqa: PTH208 - hidden ones too


@pytest.mark.parametrize("dangling", [True, False])
def test_nothing_is_overwritten_unasked(tmp_path: Path, dangling: bool) -> None:
    path = tmp_path / "out.jsonl"
    if dangling:
        path.symlink_to("nowhere")
    else:
        path.write_text("precious")
    with pytest.raises(ConfigurationError, match="overwrite=True"):
        load(numbered_rows(1)).write(path)
    assert not path.exists() if dangling else path.read_text() == "precious"
    load(numbered_rows(1)).write(path, overwrite=True)
    assert list(load(path)) == numbered_rows(1)
    assert path.is_symlink() == dangling


def test_a_file_can_be_written_over_itself(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", *map(line, numbered_rows(3)))
    load(path).write(path, overwrite=True)
    assert list(load(path)) == numbered_rows(3)


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_appears_meanwhile_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    path = tmp_path / "out.jsonl"

    class Racing(Dataset):
        def lines(self) -> Iterator[bytes]:
            path.write_text("first")
            return super().lines()

    if not links:
        monkeypatch.setattr(Path, "hardlink_to", without_links)
    with pytest.raises((ConfigurationError, DatasetError)):
        Racing(MemoryLines((line(row()),)), name="rows", place="rows").write(path)
    assert path.read_text() == "first"
    assert os.listdir(tmp_path) == ["out.jsonl"]  # noqa: PTH208 - hidden ones too


def test_a_drive_without_links_is_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "hardlink_to", without_links)
    path = load(numbered_rows(2)).write(tmp_path / "out.jsonl")
    assert list(load(path)) == numbered_rows(2)
    assert os.listdir(tmp_path) == ["out.jsonl"]  # noqa: PTH208 - hidden ones too


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_bad_row_leaves_nothing_behind(tmp_path: Path, overwrite: bool) -> None:
    source = written(tmp_path / "in.jsonl", line(row()), b"{")
    with pytest.raises(DatasetError, match=r"in\.jsonl:2"):
        load(source).write(tmp_path / "out.jsonl", overwrite=overwrite)
    assert os.listdir(tmp_path) == ["in.jsonl"]  # noqa: PTH208 - hidden ones too


@pytest.mark.parametrize("name", ["no/such/folder.jsonl", "x" * 300, "a\0b"])
def test_where_nothing_can_be_written_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError, match="cannot be written"):
        load(numbered_rows(1)).write(tmp_path / name)
    assert not any(tmp_path.iterdir())


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no regular file"):
        load(numbered_rows(1)).write(tmp_path, overwrite=True)
    with pytest.raises(ConfigurationError, match="is there already"):
        load(numbered_rows(1)).write("/")


def test_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        with pytest.raises(DatasetError, match="no regular file"):
            load(numbered_rows(1)).write(tmp_path / name, overwrite=True)
    assert (tmp_path / "pipe").is_fifo()


FULL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
from finetune_sdk.datasets import load
from finetune_sdk.errors import DatasetError
try:
    load([{"n": n} for n in range(1000)]).write(sys.argv[1])
except DatasetError as error:
    sys.exit(0 if "File too large" in str(error) else 2)
sys.exit(3)
"""


def test_a_disk_that_takes_no_more_leaves_nothing_behind(tmp_path: Path) -> None:
    done = in_child(FULL, tmp_path / "out.jsonl")
    assert done.returncode == 0, done.stderr.decode()
    assert not any(tmp_path.iterdir())
