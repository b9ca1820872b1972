"""Memory stays flat, whatever the kind of the file."""

from __future__ import annotations

import csv
import gzip
import json
import random
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk.datasets import Dataset, load
from finetune_sdk.datasets.lines import MAX_LINE
from tests.datasets.samples import ASSISTANT, USER, Json, line, row

zstd: Any = pytest.importorskip(
    "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
)

MEGABYTE = 1_000_000


def rows() -> Iterator[Json]:
    """20 MB of rows that cannot be packed to less than half."""
    chance = random.Random(7)  # noqa: S311 - not for secrets
    for _ in range(4000):
        yield row({**USER, "content": chance.randbytes(2500).hex()}, ASSISTANT)


def write_lines(path: Path, opener: Callable[..., Any]) -> None:
    with opener(path, "wb") as file:
        file.writelines(line(item) + b"\n" for item in rows())


def write_json(path: Path, indent: int | None = None) -> None:
    with path.open("w") as file:
        begin = "["
        for item in rows():
            file.write(begin + json.dumps(item, indent=indent))
            begin = ", "
        file.write("]")


def write_csv(path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["messages"])
        writer.writerows([json.dumps(item["messages"])] for item in rows())


def write_parquet(path: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    # One group of rows, as most writers make for so few.
    parquet.write_table(arrow.Table.from_pylist(list(rows())), path)


WRITERS: dict[str, Callable[[Path], None]] = {
    "a.jsonl.gz": lambda path: write_lines(path, gzip.open),
    "a.jsonl.zst": lambda path: write_lines(path, zstd.open),
    "a.json": write_json,
    "indented.json": lambda path: write_json(path, 2),
    "a.csv": write_csv,
    "a.parquet": write_parquet,
}


def peak(work: Callable[[], object]) -> int:
    """Bytes that Python held at most while it worked."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module", params=list(WRITERS))
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    name: str = request.param
    path = tmp_path_factory.mktemp("large") / name
    WRITERS[name](path)
    return path


def consume(dataset: Dataset) -> int:
    return sum(1 for _ in dataset)


@pytest.mark.parametrize("work", [consume, len, Dataset.digest])
def test_a_large_file_is_gone_through_in_little_memory(
    large: Path, work: Callable[[Dataset], object]
) -> None:
    # A batch of 256 rows of Parquet is held at once; of all others a chunk.
    limit = 6 if large.suffix == ".parquet" else 3
    assert peak(lambda: work(load(large))) < limit * MEGABYTE


def test_arrow_holds_little_of_a_parquet_file(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    write_parquet(tmp_path / "a.parquet")
    before = arrow.total_allocated_bytes()
    held = max(arrow.total_allocated_bytes() - before for _ in load(tmp_path / "a.parquet"))
    assert 0 < held < 10 * MEGABYTE


@pytest.mark.parametrize("begin", [b'[{"a": "', b"[", b'{"a": [', b'"', b"x"])
def test_a_value_without_an_end_takes_no_more_than_the_longest_line(
    tmp_path: Path, begin: bytes
) -> None:
    path = tmp_path / "endless.json"
    with path.open("wb") as file:
        file.write(begin)
        for _ in range(100):
            file.write(b"x" * MEGABYTE)
    dataset = load(path)
    assert peak(lambda: [record.line for record in dataset.records()]) < 3 * MAX_LINE


def test_what_unpacks_to_far_more_than_it_is_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress(b" " * 50 * MEGABYTE + b"{}"))
    assert peak(lambda: list(load(path).records())) < 3 * MEGABYTE
