"""Tokens that are counted while rows are checked are those that are counted by themselves."""

from __future__ import annotations

import gc
import gzip
import json
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_sdk.datasets import EVERYTHING, Counting, RowFormat, RowRules, load, marks
from finetune_sdk.datasets.rules import SPELLINGS
from finetune_sdk.datasets.tokens import Piece, TrainOn, count, counted, encoding
from finetune_sdk.errors import DatasetError
from tests.datasets.cases import SYSTEM, said
from tests.datasets.samples import ASSISTANT, Json, line, numbered_rows, row, written
from tests.datasets.samples import judged as check
from tests.datasets.strategies import of_format

SOURCES: list[RowFormat] = ["chat", "preference", "preference_trl", "kto", "prompts"]
TRAINED: list[TrainOn] = ["assistant", "all"]


class Words:
    """A token is a word."""

    name = "words"
    exact = True
    note: str | None = None

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def pieces(self, text: str) -> list[Piece]:
        return [Piece(word, 1) for word in text.split()]


def workers() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("finetune_sdk-tokens")]


@settings(deadline=None, max_examples=200)
@given(
    st.data(),
    st.sampled_from(SOURCES),
    st.sampled_from(TRAINED),
    st.sampled_from([None, 3, 12]),
    st.booleans(),
)
def test_counted_on_the_way_is_counted_by_itself(
    data: st.DataObject, source: RowFormat, train_on: TrainOn, limit: int | None, rich: bool
) -> None:
    rows = data.draw(st.lists(of_format[source], max_size=6))
    dataset = load(rows, name="a", format=source)
    counting = Counting(Words(), format=source, train_on=train_on, limit=limit)
    rules = RowRules(
        format=SPELLINGS.get(source, source),
        content=EVERYTHING if rich else frozenset({"text"}),
        provider="local",
    )
    report = check(dataset, rules=rules, counting=counting)
    alone = count(dataset, counter=Words(), format=source, train_on=train_on, limit=limit)
    assert report.tokens == alone
    long = [finding.line for finding in report.findings if finding.code == "row_too_long"]
    lengths = counted(dataset_rows(rows), Words(), format=source)
    assert sorted(long) == [one.line for one in lengths if limit is not None and one.total > limit]
    assert workers() == []


def dataset_rows(rows: list[Json]) -> list[tuple[int, Json]]:
    return [
        (record.line, record.row)
        for record in load(rows).records()
        if record.row and not record.faults
    ]


def many() -> list[Json]:
    """Rows over many blocks: plain ones, rich ones and bad ones."""
    plain = numbered_rows(3000)
    for number in range(0, 3000, 7):
        plain[number] = row(
            SYSTEM, said(f"{number} eggs", "user"), {**ASSISTANT, "weight": number % 2}
        )
    for number in range(0, 3000, 501):
        plain[number] = {"messages": [said(str(number))], "x": 1}
    return plain


@pytest.mark.parametrize("train_on", TRAINED)
def test_a_large_file_is_counted_exactly(train_on: TrainOn, tmp_path: Path) -> None:
    dataset = load(written(tmp_path / "a.jsonl", *map(line, many())))
    counter = encoding("o200k_base")
    counting = Counting(counter, train_on=train_on, limit=40)
    report = check(dataset, counting=counting, limit=10)
    assert report.tokens == count(dataset, counter=counter, train_on=train_on, limit=40)
    assert workers() == []


def test_the_longest_row_is_the_first_of_them_wherever_it_is_counted() -> None:
    odd = {**numbered_rows(1)[0], "note": 1}
    for rows in ([odd, *numbered_rows(2)], [*numbered_rows(2), odd]):
        tokens = check(load(rows), counting=Counting(Words())).tokens
        assert tokens is not None
        assert tokens.longest_line == 1


def test_rows_that_are_too_long_may_be_lived_with() -> None:
    rows = load([row(said("egg " * 50), ASSISTANT)])
    for allowed, grave in ((frozenset[str](), "error"), (frozenset({"row_too_long"}), "warning")):
        counting = Counting(Words(), limit=20)
        report = check(rows, rules=RowRules(allowed=allowed), counting=counting)
        assert [(f.code, f.severity) for f in report.findings] == [("row_too_long", grave)]


def test_an_estimate_tells_no_row_that_is_too_long() -> None:
    class Guess(Words):
        exact = False

    counting = Counting(Guess(), limit=5)
    assert check(load([row()]), counting=counting).findings == ()


def test_a_file_that_breaks_in_the_middle_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marks, "_IN_MEMORY", 1000)
    whole = gzip.compress(b"".join(line(one) + b"\n" for one in numbered_rows(40_000)))
    (tmp_path / "a.jsonl.gz").write_bytes(whole[:-200])
    dataset = load(tmp_path / "a.jsonl.gz")
    with pytest.raises(DatasetError):
        check(dataset, counting=Counting(Words()))
    assert workers() == []
    # A file that nobody has closed would be told here.
    gc.collect()


def test_a_counter_that_breaks_leaves_nothing_behind() -> None:
    class Broken(Words):
        def count(self, texts: Sequence[str]) -> list[int]:
            raise DatasetError("the counter is broken")

    with pytest.raises(DatasetError, match="broken"):
        check(load(json.loads(json.dumps(numbered_rows(600)))), counting=Counting(Broken()))
    assert workers() == []
