"""Memory stays flat, however large the file."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from finetune_sdk.datasets import Dataset, check, load
from finetune_sdk.datasets.lines import MAX_LINE
from tests.datasets.samples import ASSISTANT, USER, line, row

MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 MB of good rows, all different."""
    path = tmp_path_factory.mktemp("large") / "large.jsonl"
    end = b" " + b"egg " * 1250
    with path.open("wb") as file:
        for number in range(4000):
            text = line(row({**USER, "content": f"{number}#"}, ASSISTANT))
            file.write(text.replace(b"#", end) + b"\n")
    assert path.stat().st_size > 20 * MEGABYTE
    return path


def peak(work: Callable[[], object]) -> int:
    """Bytes that Python held at most while it worked."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def consume(dataset: Dataset) -> int:
    return sum(1 for _ in dataset)


@pytest.mark.parametrize("work", [check, consume, len, Dataset.digest])
def test_a_large_file_is_gone_through_in_little_memory(
    large: Path, work: Callable[[Dataset], object]
) -> None:
    assert peak(lambda: work(load(large))) < 2 * MEGABYTE


def test_writing_takes_little_memory(large: Path, tmp_path: Path) -> None:
    assert peak(lambda: load(large).write(tmp_path / "out.jsonl")) < 2 * MEGABYTE


def test_a_file_of_one_endless_line_takes_no_more_than_the_longest_line(tmp_path: Path) -> None:
    path = tmp_path / "endless.jsonl"
    with path.open("wb") as file:
        file.write(b'{"messages": "')
        file.truncate(8 * MAX_LINE)
    assert peak(lambda: check(load(path))) < 3 * MAX_LINE


def test_countless_faults_take_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(b"{}\n" * 20_000 + b"\n" * 20_000)
    assert peak(lambda: check(load(path), limit=10)) < 2 * MEGABYTE
