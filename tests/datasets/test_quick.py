"""The quick look and the slow one say the same, however the rows are written and wherever."""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_sdk.datasets import EVERYTHING, FORMATS, RowFormat, RowRules, lines, load
from finetune_sdk.datasets import sieve as sieves
from finetune_sdk.datasets.formats import row_faults
from finetune_sdk.datasets.quick import quick
from finetune_sdk.datasets.rules import SPELLINGS
from finetune_sdk.datasets.tally import severity_of
from finetune_sdk.errors import FineTuneError
from finetune_sdk.types import DatasetReport
from tests.datasets.cases import CASES, SYSTEM, TEXT, Case, picture, reversed_keys, said
from tests.datasets.samples import (
    ANSWER,
    ASSISTANT,
    CALLING,
    TOOL,
    USER,
    Json,
    line,
    numbered_rows,
    pair,
    row,
    text_pair,
    thumb,
    trl_pair,
)
from tests.datasets.samples import judged as check
from tests.datasets.strategies import LOOKED_AT, any_rows, of_any, rules_of
from tests.datasets.test_laws import near_rows

ALL = RowRules(content=EVERYTHING)


def good_by_quick(source: RowFormat, rules: RowRules, data: bytes) -> bool:
    made = quick(source, rules)
    look = made(data, 1) if made is not None else None
    return look is not None and not look.odd


@settings(deadline=None, max_examples=1500)
@given(of_any(), rules_of)
def test_what_the_quick_look_passes_has_no_fault(
    given: tuple[RowFormat, Json], rules: RowRules
) -> None:
    source, one = given
    rules = replace(rules, format=SPELLINGS.get(source, source))
    if good_by_quick(source, rules, line(one)):
        faults = row_faults(json.loads(line(one)), rules, source)
        assert [f for f in faults if severity_of(f.code, rules)] == []


GOOD: list[tuple[RowFormat, Json]] = [
    ("chat", row()),
    ("chat", row(SYSTEM, USER, ASSISTANT, USER, ASSISTANT)),
    ("chat", row(USER, CALLING, ANSWER, ASSISTANT, tools=[TOOL], parallel_tool_calls=False)),
    ("chat", row({**USER, "name": "ann"}, {**ASSISTANT, "weight": 1})),
    ("chat", row(said([TEXT, picture()]), ASSISTANT)),
    ("preference", pair()),
    ("preference_trl", trl_pair()),
    ("preference_trl", text_pair()),
    ("kto", thumb()),
]


@pytest.mark.parametrize(("source", "one"), GOOD)
def test_good_rows_are_seen_as_good_at_once(source: RowFormat, one: Json) -> None:
    """Otherwise the law above would hold for a look that passes nothing."""
    rules = replace(ALL, format=SPELLINGS.get(source, source))
    assert good_by_quick(source, rules, line(one))


def found(
    data: bytes, rules: RowRules, name: str = "a.jsonl", source: RowFormat | None = None
) -> list[tuple[object, ...]]:
    """The findings in a file of these bytes, without its place."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(data)
        return told(check(load(path, format=source), rules=rules))


def told(report: DatasetReport) -> list[tuple[object, ...]]:
    return sorted(
        (f.line, f.pointer, f.code, f.severity, f.message.replace(report.file, ""))
        for f in report.findings
    )


def good_of(source: RowFormat, count: int) -> list[bytes]:
    """Good rows of a format, all different."""
    made: dict[RowFormat, Callable[[int], Json]] = {
        "chat": lambda n: row(said(f"good {n}"), ASSISTANT),
        "preference": lambda n: pair(input={"messages": [said(f"good {n}")]}),
        "preference_trl": lambda n: trl_pair(prompt=[said(f"good {n}")]),
        "kto": lambda n: thumb(prompt=[said(f"good {n}")], label=n % 2 == 0),
    }
    return [line(made[source](n)) for n in range(count)]


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(LOOKED_AT), st.lists(any_rows, max_size=2), rules_of)
def test_a_row_is_judged_alike_alone_and_among_many(
    source: RowFormat, some: list[Json], rules: RowRules
) -> None:
    rules = replace(rules, format=SPELLINGS.get(source, source), images=None)
    good = good_of(source, 40)
    alone = found(b"\n".join([*good[:2], *map(line, some)]), rules, source=source)
    among = found(b"\n".join([*good[:2], *map(line, some), *good[2:]]), rules, source=source)
    assert [one for one in among if one[0]] == [one for one in alone if one[0]]


def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if Hyperscan were not installed."""
    monkeypatch.setitem(sys.modules, "hyperscan", None)
    monkeypatch.setattr(sieves, "_ours", threading.local())


CORPUS = [case for case in CASES if isinstance(case.bad, list)]
EACH = pytest.mark.parametrize("case", CORPUS, ids=str)


def rules_for(case: Case) -> RowRules:
    return case.held_against(None)


def rows_of(case: Case) -> list[Json]:
    return cast("list[Json]", case.bad)


@EACH
def test_hyperscan_is_only_quicker(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"\n".join(map(line, rows_of(case)))
    with_it = found(data, rules_for(case))
    plain(monkeypatch)
    assert sieves.sieve() is sieves.plain
    assert found(data, rules_for(case)) == with_it


WRITTEN: dict[str, Callable[[Json], str]] = {
    "other order": lambda row: json.dumps(reversed_keys(row)),
    "no blanks": lambda row: json.dumps(row, separators=(",", ":")),
    "many blanks": lambda row: json.dumps(row, separators=("  ,\t", "\t:  ")),
    "raw": lambda row: json.dumps(row, ensure_ascii=False),
    "all escaped": lambda row: escaped(json.dumps(row)),
}


def escaped(text: str) -> str:
    """Every letter of every string as an escape."""
    out: list[str] = []
    inside = after = False
    for letter in text:
        if letter == '"' and not after:
            inside = not inside
        elif inside and letter.isalpha() and not after and not out[-1].endswith("\\u"):
            letter = f"\\u{ord(letter):04x}"
        after = letter == "\\" and not after
        out.append(letter)
    return "".join(out)


@EACH
@pytest.mark.parametrize("how", WRITTEN)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_the_way_of_writing_changes_nothing(case: Case, how: str, end: bytes) -> None:
    data = b"\n".join(map(line, rows_of(case)))
    other = end.join(WRITTEN[how](one).encode() for one in rows_of(case))
    rules = rules_for(case)
    assert json.loads(WRITTEN[how](rows_of(case)[0])) == rows_of(case)[0]
    assert found(other, rules) == found(other + end, rules) == found(data, rules)


@settings(deadline=None, max_examples=150)
@given(
    st.lists(
        st.sampled_from([*(line(one) for one in numbered_rows(4)), b"", b" ", b"{}", b"[]", b"{"])
        | near_rows.map(line),
        max_size=8,
    ),
    st.integers(1, 400),
    st.sampled_from([b"\n", b"\r\n"]),
    st.booleans(),
)
def test_the_borders_of_blocks_change_nothing(
    rows: list[bytes], size: int, end: bytes, last: bool
) -> None:
    data = end.join(rows) + (end if last else b"")
    whole = found(data, RowRules())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "_BLOCK", size)
        assert found(data, RowRules()) == whole


G, H = map(line, numbered_rows(2))
OVER = G.replace(b", ", b",\n")
TOGETHER: list[tuple[list[bytes], list[tuple[int, str]] | None]] = [
    ([G + H], [(1, "not_json")]),
    ([G + b" " + H, H], [(1, "not_json")]),
    ([G + b"\t\r" + H], [(1, "not_json")]),
    ([OVER], [(n, "not_json") for n in range(1, OVER.count(b"\n") + 2)]),
    # As many values as lines.
    ([b'{"messages":', G[len('{"messages": ') :] + H, G], None),
    ([G.replace(b": ", b":\n", 1) + H], [(1, "not_json"), (2, "not_json")]),
    ([G, G.replace(b": ", b":\n", 1) + b" " + H], [(2, "not_json"), (3, "not_json")]),
    ([b"", G + H], [(1, "blank_line"), (2, "not_json")]),
    ([G.replace(b": ", b":\r", 1), H], []),
    ([line(row(said("a}{b} {"), ASSISTANT)), H], []),
]


@pytest.mark.parametrize("installed", [True, False])
@pytest.mark.parametrize(("rows", "wanted"), TOGETHER)
def test_a_line_is_a_row_and_a_row_is_a_line(
    rows: list[bytes],
    wanted: list[tuple[int, str]] | None,
    installed: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not installed:
        plain(monkeypatch)
    for more in ([], good_of("chat", 30)):
        seen = [(f[0], f[2]) for f in found(b"\n".join([*rows, *more]), RowRules())]
        assert seen == wanted or (wanted is None and ("not_json" in {code for _, code in seen}))


FIRST = b'{"role": "user", "content": "a"}'
LAST = b'{"role": "assistant", "content": "b"}'
TALK = b'"messages": [%s, %s]' % (FIRST, LAST)
TWICE = [
    b"{%s}" % TALK.replace(b'"b"', b'"b", "role": "user"'),
    b"{%s}" % TALK.replace(b'"role": "assistant"', b'"role": "user", "role": "assistant"'),
    b"{%s}" % TALK.replace(b'"a"', b'"a", "content": 7'),
    b'{"messages": [], %s}' % TALK,
    b"{%s}" % TALK.replace(b'"a"', b'[{"type": "text", "text": "a", "type": "image_url"}]'),
    b'{"tools": [], %s, "tools": [{}]}' % TALK,
]


@pytest.mark.parametrize("data", TWICE)
def test_the_last_of_like_keys_counts_in_both_looks(data: bytes) -> None:
    if good_by_quick("chat", ALL, data):
        assert list(row_faults(json.loads(data), ALL, "chat")) == []


def random_lines() -> Iterator[bytes]:
    """50,000 lines that are more or less rows."""
    random = Random(13)  # noqa: S311 - nothing is kept secret by it
    seeds = [line(one) for case in CORPUS for one in rows_of(case)]
    for _ in range(50_000):
        seed = bytearray(random.choice(seeds))
        for _ in range(random.choice([0, 1, 1, 2, 20])):
            place = random.randrange(len(seed))
            if random.random() < 0.5:
                seed[place] = random.choice(b'{}[]",:\\0eu\xff\x00 ntf-')
            else:
                del seed[place : place + random.randrange(1, 9)]
                seed = seed or bytearray(b"{")
        yield bytes(seed).replace(b"\n", b" ")


def test_sec_13_fifty_thousand_random_lines_are_only_told(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(random_lines()))
    dataset = load(tmp_path / "a.jsonl")
    for wanted in sorted(set(FORMATS.values())):
        report = check(dataset, rules=RowRules(format=wanted), limit=10)
        assert report.rows == len(dataset)
        assert not report.ok
    with pytest.raises(FineTuneError):
        list(dataset)
