"""Parquet files, and tables in memory of pandas, polars, Arrow and Hugging Face."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk.datasets import load
from finetune_sdk.errors import ConfigurationError, DatasetError
from tests.datasets.samples import ANSWER, ASSISTANT, CALLING, TOOL, USER, Json, numbered_rows, row

arrow: Any = pytest.importorskip("pyarrow")
parquet: Any = pytest.importorskip("pyarrow.parquet")
pandas: Any = pytest.importorskip("pandas")
polars: Any = pytest.importorskip("polars")
hub: Any = pytest.importorskip("datasets")
numpy: Any = pytest.importorskip("numpy")

# Rows whose objects have keys of their own: in a table each gets those of all the others.
CALL_MADE = {key: value for key, value in CALLING.items() if value is not None}
ROWS: list[Json] = [
    row(),
    row(USER, CALL_MADE, ANSWER, {**ASSISTANT, "weight": 0}, tools=[TOOL]),
    row({"role": "system", "content": ""}, USER, ASSISTANT, parallel_tool_calls=False),
]
ODD: list[Json] = [{"a": 1, "b": [1, None]}, {"b": []}, {"a": 3}]


def in_pandas(rows: list[Json]) -> Any:
    return pandas.DataFrame(rows)


def in_arrow(rows: list[Json]) -> Any:
    # Arrow looks at the first row alone for the names of columns.
    names = list({key: None for item in rows for key in item})
    return arrow.table({name: [item.get(name) for item in rows] for name in names})


def in_batch(rows: list[Json]) -> Any:
    return in_arrow(rows).combine_chunks().to_batches()[0]


def in_reader(rows: list[Json]) -> Any:
    return in_arrow(rows).to_reader(max_chunksize=2)


def in_polars(rows: list[Json]) -> Any:
    return polars.DataFrame(rows, infer_schema_length=None)


def in_lazy(rows: list[Json]) -> Any:
    return in_polars(rows).lazy()


def in_hub(rows: list[Json]) -> Any:
    return hub.Dataset(in_arrow(rows))


def in_stream(rows: list[Json]) -> Any:
    return in_hub(rows).to_iterable_dataset()


TABLES = [in_arrow, in_batch, in_reader, in_polars, in_lazy, in_hub, in_stream]
ALL = [in_pandas, *TABLES]


@pytest.mark.parametrize("table", ALL)
@pytest.mark.parametrize("rows", [ROWS, ODD, numbered_rows(1000)], ids=["chat", "odd", "many"])
def test_a_table_gives_its_rows_again_and_again(
    table: Callable[[list[Json]], Any], rows: list[Json]
) -> None:
    if rows is ODD and table is in_pandas:
        rows = [{"a": 1.0, "b": [1, None]}, {"b": []}, {"a": 3.0}]
    dataset = load(table(rows), name="mine")
    assert list(dataset.numbered()) == list(enumerate(rows, start=1))
    assert list(dataset) == rows
    assert len(dataset) == len(rows)
    assert (dataset.kind, dataset.path, dataset.place) == ("memory", None, "mine")


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("rows", [ROWS, ODD], ids=["chat", "odd"])
def test_a_table_may_be_pickled(table: Callable[[list[Json]], Any], rows: list[Json]) -> None:
    dataset = pickle.loads(pickle.dumps(load(table(rows))))  # noqa: S301 - our own bytes
    assert list(dataset) == rows


def test_a_parquet_file_gives_its_rows(tmp_path: Path) -> None:
    rows = ROWS * 300
    parquet.write_table(in_arrow(rows), tmp_path / "a.parquet", row_group_size=70)
    dataset = load(tmp_path / "a.parquet")
    assert list(dataset.numbered()) == list(enumerate(rows, start=1))
    hub.Dataset(in_arrow(ROWS)).to_parquet(tmp_path / "b.parquet")
    assert list(load(tmp_path / "b.parquet")) == ROWS
    in_polars(ROWS).write_parquet(tmp_path / "c.parquet")
    assert list(load(tmp_path / "c.parquet")) == ROWS


DAMAGES: list[Callable[[bytes], bytes]] = [
    lambda content: b"",
    lambda content: b"PAR1",
    lambda content: b'{"messages": []}\n' * 10,
    lambda content: content[: len(content) // 2],
    lambda content: content[:200] + b"\xff" * 400 + content[600:],
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_parquet_file_is_told(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(in_arrow(numbered_rows(500)), path, compression="gzip")
    path.write_bytes(damage(path.read_bytes()))
    dataset = load(path)
    with pytest.raises(DatasetError, match="cannot be read as Parquet after row 0: "):
        list(dataset)


def test_the_rows_before_a_damage_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(in_arrow(numbered_rows(600)), path, row_group_size=300)
    start = parquet.ParquetFile(path).metadata.row_group(1).column(0).dictionary_page_offset
    content = path.read_bytes()
    path.write_bytes(content[:start] + b"\xff" * 20 + content[start + 20 :])
    with pytest.raises(DatasetError, match="after row 256: "):
        list(load(path))


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    doubled = arrow.Table.from_arrays([arrow.array([1]), arrow.array([2])], names=["a", "a"])
    parquet.write_table(doubled, tmp_path / "a.parquet")
    with pytest.raises(DatasetError, match="two columns are called 'a'"):
        list(load(tmp_path / "a.parquet"))
    with pytest.raises(ConfigurationError, match="two columns called 'a'"):
        load(doubled)
    with pytest.raises(ConfigurationError, match="two columns called 'a'"):
        load(pandas.DataFrame([[1, 2]], columns=["a", "a"]))


def test_a_column_whose_name_is_no_text_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="a column called 0, which is no text"):
        load(pandas.DataFrame([[1, 2]]))


def codes(source: Any) -> list[object]:
    """Every row, or the code of what is wrong with it."""
    return [r.faults[0].code if r.faults else r.row for r in load(source).records()]


@pytest.mark.parametrize("table", ALL)
@pytest.mark.parametrize("value", [date(2026, 1, 1), b"salt"])
def test_what_json_cannot_hold_is_a_finding(
    table: Callable[[list[Json]], Any], value: object
) -> None:
    assert codes(table([{"a": "b"}, {"c": value}])) == [{"a": "b"}, "not_json"]


@pytest.mark.parametrize("table", TABLES)
def test_a_number_that_json_has_not_is_a_finding(table: Callable[[list[Json]], Any]) -> None:
    assert codes(table([{"a": 1.0}, {"a": float("inf")}])) == [{"a": 1.0}, "not_finite"]
    assert codes(table([{"a": 1.0}, {"a": float("nan")}])) == [{"a": 1.0}, "not_finite"]


def test_all_of_pandas_words_for_nothing_are_nothing() -> None:
    nothing = [None, float("nan"), numpy.float32("nan"), pandas.NA, pandas.NaT]
    frame = pandas.DataFrame({"a": "x", "b": pandas.Series(nothing, dtype=object)})
    assert codes(frame) == [{"a": "x"}] * 5
    assert codes(frame.convert_dtypes()) == [{"a": "x"}] * 5


def test_values_of_numpy_become_pythons() -> None:
    frame = pandas.DataFrame(
        {
            "a": pandas.Series([numpy.int64(1)], dtype=object),
            "b": [numpy.array([1.5, 2])],
            "c": [[numpy.bool_(True), {"d": numpy.array([{"e": None}], dtype=object)}]],
            "f": pandas.array([1], dtype="Int64"),
            "g": numpy.array([0.5], dtype="float32"),
        }
    )
    expected: Json = {"a": 1, "b": [1.5, 2.0], "c": [True, {"d": [{}]}], "f": 1, "g": 0.5}
    assert codes(frame) == [expected]


@pytest.mark.parametrize("value", ["2026-01-01", "NaT"])
def test_dates_of_numpy_are_never_taken_for_numbers(value: str) -> None:
    moment = numpy.datetime64(value, "ns")
    frame = pandas.DataFrame({"a": [[moment]], "b": [numpy.array([moment])]})
    assert codes(frame) == ["not_json"]
    assert codes(frame[["b"]]) == ["not_json"]


def test_a_value_that_holds_itself_is_a_finding() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert codes(pandas.DataFrame({"a": [loop, [1]]})) == ["not_json", {"a": [1]}]


def test_a_frame_is_read_as_it_is_when_it_is_read() -> None:
    frame = pandas.DataFrame({"a": ["x", "y"]})
    dataset = load(frame)
    frame.loc[0, "a"] = "z"
    assert list(dataset) == [{"a": "z"}, {"a": "y"}]


def test_a_frame_of_a_class_of_ones_own_is_a_frame() -> None:
    class Mine(pandas.DataFrame):  # type: ignore[misc] # pyright: ignore[reportUntypedBaseClass] - pandas has no types
        pass

    assert list(load(Mine({"a": ["x"]}, index=["i"]))) == [{"a": "x"}]


def test_a_query_is_run_once() -> None:
    runs: list[int] = []

    def seen(frame: Any) -> Any:
        runs.append(1)
        return frame

    dataset = load(in_polars(ODD).lazy().map_batches(seen, schema=in_polars(ODD).schema))
    assert list(dataset) == list(dataset) == ODD
    assert len(runs) == 1


def test_maps_are_objects_and_no_key_is_lost(tmp_path: Path) -> None:
    kind = arrow.map_(arrow.string(), arrow.int64())
    good = arrow.table({"m": arrow.array([[("a", 1), ("b", None)]], kind)})
    bad = arrow.table({"m": arrow.array([[("a", 1), ("a", 2)]], kind)})
    for table in (good, bad):
        parquet.write_table(table, tmp_path / "a.parquet")
        for source in (table, tmp_path / "a.parquet"):
            if table is good:
                assert list(load(source)) == [{"m": {"a": 1}}]
            else:
                with pytest.raises(DatasetError, match="a key twice"):
                    list(load(source))


def test_splits_are_named_when_one_has_to_be_chosen() -> None:
    splits = hub.DatasetDict({"train": in_hub(ODD), "test": in_hub(ODD)})
    with pytest.raises(ConfigurationError, match=r"'train', 'test'; .* `source\['train'\]`"):
        load(splits)
    streams = hub.IterableDatasetDict({"dev": in_stream(ODD)})
    with pytest.raises(ConfigurationError, match=r"'dev'; .* `source\['dev'\]`"):
        load(streams)
    assert list(load(splits["test"])) == ODD


def test_a_format_of_tensors_does_not_change_the_rows() -> None:
    dataset = in_hub([{"a": [1, 2], "b": "x"}]).with_format("numpy")
    assert list(load(dataset)) == [{"a": [1, 2], "b": "x"}]
    assert list(load(dataset.with_format("numpy", columns=["a"]))) == [{"a": [1, 2]}]


def test_a_transform_of_the_users_stays() -> None:
    def twice(batch: dict[str, list[str]]) -> dict[str, list[str]]:
        return {"b": [text * 2 for text in batch["a"]]}

    dataset = in_hub([{"a": "x"}]).with_transform(twice)
    assert list(load(dataset)) == [{"b": "xx"}]


def test_a_stream_of_hugging_face_is_read_anew_each_time() -> None:
    pulls: list[int] = []

    def rows() -> Iterator[Json]:
        pulls.append(1)
        yield from ODD[:1]

    dataset = load(hub.IterableDataset.from_generator(rows))
    for run in (1, 2):
        assert list(iter(dataset)) == ODD[:1]
        assert len(pulls) == run


def test_columns_of_json_are_json(tmp_path: Path) -> None:
    features = hub.Features({"a": hub.Json()})
    dataset = hub.Dataset.from_list([{"a": {"x": 1}}, {"a": [1, "b"]}], features=features)
    expected = [{"a": {"x": 1}}, {"a": [1, "b"]}]
    assert list(load(dataset)) == expected
    dataset.to_json(tmp_path / "a.json")
    assert list(load(tmp_path / "a.json")) == expected
    assert json.loads(next(load(dataset).lines())) == expected[0]


def text_that_is_none() -> Any:
    buffers = [None, arrow.py_buffer(b"\0\0\0\0\2\0\0\0"), arrow.py_buffer(b"\xff\xfe")]
    return arrow.Array.from_buffers(arrow.string(), 1, buffers)


@pytest.mark.parametrize(
    "column",
    [
        lambda: arrow.array([2**60], arrow.timestamp("us")),
        lambda: arrow.array([0], arrow.timestamp("us", "Foo/Bar")),
        text_that_is_none,
    ],
    ids=["a time beyond time", "a zone that is none", "no UTF-8"],
)
def test_values_that_python_has_not_are_told(tmp_path: Path, column: Callable[[], Any]) -> None:
    table = arrow.table({"prompt": ["a"], "odd": column()})
    parquet.write_table(table, tmp_path / "odd.parquet")
    for source in (table, tmp_path / "odd.parquet"):
        with pytest.raises(DatasetError, match=r"cannot be read|zone"):
            list(load(source).records())
