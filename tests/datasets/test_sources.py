"""Files of every kind give the same rows, packed or not."""

from __future__ import annotations

import csv
import gzip
import json
import os
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk.datasets import Dataset, check, load
from finetune_sdk.errors import ConfigurationError, DatasetError, MissingDependencyError
from tests.datasets.samples import Json, in_child, line, numbered_rows, row, written

zstd: Any = pytest.importorskip(
    "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
)

ROWS = [*numbered_rows(3), row({"role": "user", "content": 'é "x",\ty\n[{'})]
JSONL = b"".join(line(item) + b"\n" for item in ROWS)


def csv_bytes(rows: list[Json], delimiter: str = ",") -> bytes:
    """A table with one column, as spreadsheets write it."""

    class Kept(list[str]):
        write = list[str].append

    kept = Kept()
    writer = csv.writer(kept, delimiter=delimiter)
    writer.writerow(["messages"])
    writer.writerows([json.dumps(item["messages"])] for item in rows)
    return "".join(kept).encode()


def parquet_bytes(rows: list[Json]) -> bytes:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    sink = arrow.BufferOutputStream()
    # Said, since versions differ in the order in which they find the words of a message.
    message = arrow.struct([("role", arrow.string()), ("content", arrow.string())])
    schema = arrow.schema([("messages", arrow.list_(message))])
    parquet.write_table(arrow.Table.from_pylist(rows, schema=schema), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


FILES: list[tuple[str, str, Callable[[], bytes]]] = [
    ("a.jsonl", "jsonl", lambda: JSONL),
    ("a.ndjson", "jsonl", lambda: JSONL),
    ("a", "jsonl", lambda: JSONL),
    ("a.json", "json", lambda: json.dumps(ROWS, indent=2).encode()),
    ("a.JSON", "json", lambda: json.dumps(ROWS).encode()),
    ("lines.json", "json", lambda: JSONL),
    ("a.csv", "csv", lambda: csv_bytes(ROWS)),
    ("a.tsv", "csv", lambda: csv_bytes(ROWS, "\t")),
    ("a.parquet", "parquet", lambda: parquet_bytes(ROWS)),
    ("a.jsonl.gz", "jsonl", lambda: gzip.compress(JSONL)),
    ("a.GZ", "jsonl", lambda: gzip.compress(JSONL)),
    ("a.json.gz", "json", lambda: gzip.compress(json.dumps(ROWS).encode())),
    ("a.csv.gz", "csv", lambda: gzip.compress(csv_bytes(ROWS))),
    ("a.jsonl.zst", "jsonl", lambda: zstd.compress(JSONL)),
    ("a.json.zstd", "json", lambda: zstd.compress(json.dumps(ROWS).encode())),
    ("a.tsv.zst", "csv", lambda: zstd.compress(csv_bytes(ROWS, "\t"))),
]


def made(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("name", "kind", "content"), FILES, ids=[file[0] for file in FILES])
def test_every_kind_of_file_gives_the_same_rows(
    tmp_path: Path, name: str, kind: str, content: Callable[[], bytes]
) -> None:
    path = made(tmp_path / name, content())
    dataset = load(path)
    assert (dataset.kind, dataset.path, dataset.name) == (kind, path, name)
    assert list(dataset) == ROWS == list(dataset)
    assert len(dataset) == len(ROWS)
    assert dataset
    assert dataset.digest() == load(ROWS).digest()
    assert dataset.write(tmp_path / "out").read_bytes() == b"".join(
        item + b"\n" for item in load(ROWS).lines()
    )
    assert check(dataset).rows == len(ROWS)


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.jsonl.gz"])
def test_a_file_without_a_row_is_false_and_a_finding(tmp_path: Path, name: str) -> None:
    content = gzip.compress(b"") if name.endswith(".gz") else b""
    dataset = load(made(tmp_path / name, content))
    assert not dataset
    assert [finding.code for finding in check(dataset).findings] == ["empty_dataset"]


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress])
def test_a_packed_file_is_known_by_its_first_bytes(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    assert list(load(made(tmp_path / "a.jsonl", pack(JSONL)))) == ROWS
    assert list(load(made(tmp_path / "a.jsonl.gz", pack(JSONL)))) == ROWS
    assert list(load(made(tmp_path / "a.json", pack(json.dumps(ROWS).encode())))) == ROWS


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress])
def test_packed_parts_one_after_another_are_one_text(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    half = len(JSONL) // 2
    path = made(tmp_path / "a.jsonl", pack(JSONL[:half]) + pack(JSONL[half:]))
    assert list(load(path)) == ROWS


def test_what_a_parallel_packer_writes_first_is_passed_over(tmp_path: Path) -> None:
    skipped = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
    assert list(load(made(tmp_path / "a.zst", skipped + zstd.compress(JSONL)))) == ROWS


@pytest.mark.parametrize(
    ("name", "content"), [("a.jsonl.gz", JSONL), ("a.zst", b""), ("a.csv.zst", b"a,b\n")]
)
def test_a_file_that_is_not_packed_as_it_is_called_is_refused(
    tmp_path: Path, name: str, content: bytes
) -> None:
    with pytest.raises(DatasetError, match=r"does not begin as a (gzip|zstd) file does"):
        load(made(tmp_path / name, content))


def test_a_parquet_file_that_is_packed_once_more_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="unpack it first"):
        load(made(tmp_path / "a.parquet.gz", gzip.compress(b"PAR1")))


PLACED = r"damaged or cut off: .* line \d+ of what it holds|a\.\w+:\d+: error "


def checked(content: bytes) -> bytes:
    """By zstd, with the checksum without which some damage cannot be seen."""
    packed: bytes = zstd.compress(content, options={zstd.CompressionParameter.checksum_flag: 1})
    return packed


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


BREAKS: list[Callable[[bytes], bytes]] = [
    lambda content: content[: len(content) // 2],
    lambda content: content[:-1],
    lambda content: content[:12],
    lambda content: flipped(content, len(content) // 2),
    lambda content: flipped(content, len(content) - 6),
    lambda content: content + b"garbage",
]


@pytest.mark.parametrize("damage", BREAKS)
@pytest.mark.parametrize("pack", [gzip.compress, checked])
@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv"])
def test_a_damaged_packed_file_is_told_with_the_place(
    tmp_path: Path, name: str, pack: Callable[[bytes], bytes], damage: Callable[[bytes], bytes]
) -> None:
    rows = [row(n=os.urandom(500).hex()) for _ in range(500)]
    content = b"".join(line(item) + b"\n" for item in rows)
    if name == "a.csv":
        content = csv_bytes(rows)
    dataset = load(made(tmp_path / name, damage(pack(content))))
    for work in (list, Dataset.digest):
        with pytest.raises(DatasetError, match=PLACED):
            work(dataset)


def test_the_place_of_a_damage_is_a_line(tmp_path: Path) -> None:
    pack = zlib.compressobj(wbits=31)
    whole = pack.compress(JSONL) + pack.flush(zlib.Z_SYNC_FLUSH)
    with pytest.raises(DatasetError, match=f"line {len(ROWS) + 1} of"):
        list(load(made(tmp_path / "a.gz", whole)))


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd.compress])
@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-be"])
def test_text_that_is_not_utf8_is_one_finding(
    tmp_path: Path, name: str, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    content = json.dumps(ROWS).encode(encoding)
    assert [
        (record.line, *(fault.code for fault in record.faults))
        for record in load(made(tmp_path / name, pack(content))).records()
    ] == [(1, "not_utf8")]


def test_blank_lines_of_a_packed_file_are_findings(tmp_path: Path) -> None:
    path = made(tmp_path / "a.gz", gzip.compress(b"\n" + JSONL + b" \n\n"))
    found = [(f.line, f.code) for f in check(load(path)).findings]
    assert (1, "blank_line") in found
    assert found[-2:] == [(6, "blank_line_at_end"), (7, "blank_line_at_end")]


@pytest.mark.timeout(10)
@pytest.mark.parametrize("name", ["a.gz", "a.json", "a.csv", "a.parquet"])
def test_a_pipe_that_takes_the_files_place_is_refused(tmp_path: Path, name: str) -> None:
    contents = {name: content for name, _, content in FILES} | {"a.gz": lambda: gzip.compress(b"")}
    path = made(tmp_path / name, contents[name]())
    dataset = load(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(DatasetError, match="not a regular file"):
        list(dataset)
    with pytest.raises(DatasetError, match="not a regular file"):
        print(dataset.bytes)


def test_what_is_said_of_the_rows_is_kept(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", line(row()))
    assert load(path).format is None
    assert load(path, format="chat").format == "chat"
    told = load(load([row()], name="mine"), format="prompts")
    assert (told.format, told.name, told.place, told.kind) == ("prompts", "mine", "mine", "memory")
    renamed = load(load(path, format="kto"), name="other")
    assert (renamed.format, renamed.name, renamed.kind) == ("kto", "other", "jsonl")


def test_a_word_that_is_no_format_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="`format` is 'chatml'; it is one of chat, "):
        load([row()], format="chatml")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - wrong on purpose


def test_a_dataset_knows_the_size_of_its_file(tmp_path: Path) -> None:
    path = made(tmp_path / "a.gz", gzip.compress(JSONL))
    assert load(path).bytes == path.stat().st_size
    assert load(ROWS).bytes is None


ABSENT = """
import sys
sys.modules[sys.argv[2]] = None
from finetune_sdk.datasets import load
from finetune_sdk.errors import MissingDependencyError
try:
    load(sys.argv[1])
except MissingDependencyError as error:
    sys.exit(0 if error.extra == "datasets" else 2)
sys.exit(3)
"""


@pytest.mark.parametrize(
    ("name", "package"), [("a.jsonl.zst", zstd.__name__), ("a.parquet", "pyarrow")]
)
def test_a_package_that_is_missing_is_named_at_once(
    tmp_path: Path, name: str, package: str
) -> None:
    contents = {name: content for name, _, content in FILES}
    done = in_child(ABSENT, made(tmp_path / name, contents[name]()), Path(package))
    assert done.returncode == 0, done.stderr.decode()
    assert issubclass(MissingDependencyError, ImportError)


LEAN = """
import sys
from finetune_sdk.datasets import load
list(load(sys.argv[1]))
load([{}])
sys.exit(bool({"pandas", "polars", "pyarrow", "datasets", "backports.zstd"} & set(sys.modules)))
"""


def test_no_package_is_imported_that_is_not_used(tmp_path: Path) -> None:
    assert in_child(LEAN, made(tmp_path / "a.json", b"[{}]")).returncode == 0
