"""What a check says of lines, texts, files and datasets, to the last word."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk.datasets import Counting, RowRules, check, load
from finetune_sdk.datasets.detect import detect
from finetune_sdk.datasets.near import NearDuplicates
from finetune_sdk.datasets.tokens import Piece
from finetune_sdk.errors import ConfigurationError, DatasetError
from tests.datasets.samples import (
    ASSISTANT,
    CALL,
    Json,
    judged,
    line,
    numbered_rows,
    row,
    text_pair,
    thumb,
    written,
)

Said = list[tuple[int, str, str, str]]
BLANK = "the line is blank"
HALF = "the text holds half of a surrogate pair"
GOOD, OTHER = line(row()), line(numbered_rows(1)[0])


def told(rows: Any, **rules: Any) -> Said:
    report = judged(load(rows), rules=RowRules(**rules))
    return [(one.line, one.code, one.pointer, one.message) for one in report.findings]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            GOOD + b"\n{'a': 1}\n" + OTHER,
            [
                (
                    2,
                    "not_json",
                    "",
                    "the line is no JSON: JSON is malformed: object keys must be strings (byte 1)",
                )
            ],
        ),
        (
            GOOD + b'\n{"a": 1}{"b": 2}',
            [
                (
                    2,
                    "not_json",
                    "",
                    "the line is no JSON: JSON is malformed: trailing characters (byte 9)",
                )
            ],
        ),
        (
            GOOD + b"\n" + OTHER + b"\xe9\n",
            [
                (
                    2,
                    "not_utf8",
                    "",
                    f"the line is no UTF-8 text: byte {len(OTHER) + 1} of the line is 0xe9",
                )
            ],
        ),
        (
            b"\xef\xbb\xbf" + GOOD,
            [
                (
                    1,
                    "byte_order_mark",
                    "",
                    "the line starts with a UTF-8 byte order mark (EF BB BF)",
                )
            ],
        ),
        (
            GOOD + b"\n[1]\n7\n",
            [
                (2, "not_an_object", "", "the row is [1], no object"),
                (3, "not_an_object", "", "the row is 7, no object"),
            ],
        ),
        (
            GOOD + b"\n" + GOOD[:-1] + b', "a": [1, -Infinity, {"b": NaN}]}',
            [
                (2, "not_finite", "/a/1", "-inf is no JSON number"),
                (2, "unknown_row_key", "/a", "'a' is no key of a chat row"),
                (2, "not_finite", "/a/2/b", "nan is no JSON number"),
            ],
        ),
        (
            GOOD + b"\n" + GOOD[:-1] + b', "b": [{"a\\ud83e": "x\\udd5a"}]}',
            [
                (2, "lone_surrogate", "/b/0/a\\ud83e", HALF),
                (2, "lone_surrogate", "/b/0/a\\ud83e", HALF),
                (2, "unknown_row_key", "/b", "'b' is no key of a chat row"),
            ],
        ),
        (
            b"\n\n" + GOOD + b"\n \n" + OTHER + b"\n\t\r\n\n",
            [
                (1, "blank_line", "", BLANK),
                (2, "blank_line", "", BLANK),
                (4, "blank_line", "", BLANK),
                (6, "blank_line_at_end", "", BLANK),
                (7, "blank_line_at_end", "", BLANK),
            ],
        ),
        (
            GOOD.decode().encode("utf-16"),
            [(1, "not_utf8", "", "the file is UTF-16 or UTF-32 text, or no text at all")],
        ),
        (
            GOOD + b"\n" + b"[" * 100_000,
            [(2, "not_json", "", "values are nested too deeply to be read")],
        ),
    ],
)
def test_a_line_is_told_all_that_is_wrong_with_it(tmp_path: Path, data: bytes, said: Said) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(data)
    assert sorted(told(path)) == sorted(said)


@pytest.mark.parametrize(
    ("value", "kind"), [(object(), "object"), ({1, 2}, "set"), (date(2026, 1, 1), "date")]
)
def test_what_json_has_no_word_for_is_told(value: object, kind: str) -> None:
    message = f"the row holds what JSON cannot: a value of type {kind}"
    assert told([{"a": [value]}]) == [(1, "not_json", "", message)]


# Texts

CARD = "the text holds 16 digits that may be a payment card's"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pay 4111 1111 1111 1111 12/27", [("card_number", CARD)]),
        ("4111-1111-1111-1111 5555555555554444", [("card_number", CARD)]),
        ("3782 822463 10005", [("card_number", CARD.replace("16", "15"))]),
        ("4111 1111 1111 1112", []),
        ("14111111111111111", []),
        (
            "key sk-" + "a1B2c3D4e5F6g7H8",
            [
                (
                    "secret_in_text",
                    "the text holds what looks like an OpenAI key, 19 characters long",
                )
            ],
        ),
        (
            "AKIA" + "ABCDEFGHIJKLMNOP",
            [
                (
                    "secret_in_text",
                    "the text holds what looks like an AWS access key, 20 characters long",
                )
            ],
        ),
        (
            "<|im_start|>a<|im_end|><|im_start|> <| x |>",
            [
                ("special_token", "the text holds the control token '<|im_end|>'"),
                ("special_token", "the text holds the control token '<|im_start|>'"),
            ],
        ),
    ],
)
def test_what_stands_in_a_text_is_told_with_its_place(
    text: str, said: list[tuple[str, str]]
) -> None:
    asked = {"role": "user", "content": [{"type": "text", "text": text}]}
    expected = [(1, code, "/messages/0/content/0/text", words) for code, words in said]
    assert told([row(asked, ASSISTANT)]) == expected
    called = {**CALL, "function": {"name": "scale", "arguments": f'{{"a": "{text}"}}'}}
    calling = {"role": "assistant", "content": None, "tool_calls": [called]}
    place = "/messages/1/tool_calls/0/function/arguments"
    expected = [(1, code, place, words) for code, words in said]
    content = frozenset({"text", "tools"})
    assert told([row({"role": "user", "content": "x"}, calling)], content=content) == expected


# Rows of other formats


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            {
                "conversations": [{"from": "human", "value": 7}, {"from": "gpt", "value": "x"}],
                "kto_tag": True,
                "id": 3,
            },
            [
                (
                    1,
                    "unread_key",
                    "/kto_tag",
                    "'kto_tag' is no key that is read of a row of `sharegpt`",
                ),
                (
                    1,
                    "wrong_content_type",
                    "/conversations/0/value",
                    "`content` is 7, neither text nor a list of parts",
                ),
                (
                    1,
                    "unknown_row_key",
                    "/id",
                    "'id' is no key that is read of a row of `sharegpt`",
                ),
            ],
        ),
        (
            {"conversations": [{"from": "alien", "value": "x"}]},
            [(1, "unknown_role", "/conversations/0/from", "the role 'alien' is not known")],
        ),
        (
            {"instruction": "a", "output": ""},
            [(1, "empty_content", "/output", "the assistant's text is empty")],
        ),
    ],
)
def test_a_row_of_another_format_is_told_of_in_its_own_words(found: Json, said: Said) -> None:
    assert sorted(told([found])) == sorted(said)


def test_a_row_that_is_of_another_format_than_the_others_is_told() -> None:
    rows = [{"instruction": "a", "output": "b"}, {"instruction": "c", "output": "d"}, row()]
    message = "the row is of the format `chat`, others are `alpaca`"
    assert told(rows) == [(3, "wrong_format", "", message)]


# Datasets


def labels(good: int, bad: int) -> list[Json]:
    return [thumb(prompt=f"{n} eggs", completion="x", label=n < good) for n in range(good + bad)]


def lengths(longer: int, shorter: int) -> list[Json]:
    answers = ["an egg"] * longer + ["e"] * shorter
    return [text_pair(prompt=f"{n} eggs", chosen=said) for n, said in enumerate(answers)]


@pytest.mark.parametrize(
    ("rows", "rules", "said"),
    [
        ([], {}, ["the dataset has no row"]),
        (numbered_rows(2), {"min_rows": 3}, ["the dataset has 2 row(s), and 3 are needed"]),
        (numbered_rows(3), {"min_rows": 3}, []),
        (
            labels(2, 0),
            {"format": "kto"},
            ["every `label` is true, and KTO learns from good and bad answers"],
        ),
        (
            labels(0, 2),
            {"format": "kto"},
            ["every `label` is false, and KTO learns from good and bad answers"],
        ),
        (labels(3, 17), {"format": "kto"}, ["3 answers are good and 17 are bad"]),
        (labels(17, 3), {"format": "kto"}, ["17 answers are good and 3 are bad"]),
        (labels(4, 16), {"format": "kto"}, []),
        (labels(1, 18), {"format": "kto"}, []),
        (
            lengths(19, 1),
            {"format": "preference"},
            ["the better answer is the longer one in 19 of 20 rows"],
        ),
        (
            lengths(1, 19),
            {"format": "preference"},
            ["the better answer is the shorter one in 19 of 20 rows"],
        ),
        (lengths(18, 2), {"format": "preference"}, []),
        (lengths(19, 0), {"format": "preference"}, []),
    ],
)
def test_a_dataset_is_told_what_it_lacks(
    rows: list[Json], rules: dict[str, Any], said: list[str]
) -> None:
    assert [(where, words) for where, _, _, words in told(rows, **rules)] == [
        (0, words) for words in said
    ]


def test_what_comes_twice_is_told_with_its_first_line() -> None:
    rows = [*numbered_rows(2), row(), *numbered_rows(1)]
    assert told(rows) == [(4, "duplicate_row", "", "the same row stands in line 1")]
    other = load([row(), *numbered_rows(2)], name="valid.jsonl")
    found = check(load(numbered_rows(3)), against=other, near_duplicates=False).findings
    assert [(one.line, one.message) for one in found] == [
        (1, "the same row stands in valid.jsonl, line 2"),
        (2, "the same row stands in valid.jsonl, line 3"),
    ]


def test_what_comes_nearly_twice_is_told_with_its_first_line() -> None:
    rows = [row(), row({"role": "user", "content": "2 EGGS, a pinch  of salt"}, ASSISTANT)]
    (found,) = check(load(rows)).findings
    assert (found.line, found.code) == (2, "near_duplicate_row")
    assert found.message == "nearly all of its words are those of line 1"


@pytest.mark.parametrize("threshold", [0, -0.1, 1.01])
def test_a_part_of_the_words_is_one(threshold: float) -> None:
    with pytest.raises(ConfigurationError) as caught:
        NearDuplicates(threshold)
    assert str(caught.value) == f"`threshold` is {threshold}; it is above 0 and at most 1"


def test_all_words_may_be_asked_for() -> None:
    seen = NearDuplicates(1)
    words = " ".join(map(str, range(60)))
    assert [seen.add(1, words), seen.add(2, f"{words} more"), seen.add(3, words)] == [None, None, 1]


class Words:
    """A token is a word."""

    name, exact, note = "words", True, None

    def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def pieces(self, text: str) -> list[Piece]:
        return [Piece(word, 1) for word in text.split()]


@pytest.mark.parametrize(
    ("limit", "said"), [(17, ["the row has 18 tokens, and the model reads 17"]), (18, [])]
)
def test_a_row_that_is_too_long_is_told_its_length(limit: int, said: list[str]) -> None:
    rows = [row({"role": "user", "content": "one two three four five"}, ASSISTANT)]
    report = check(load(rows), counting=Counting(Words(), limit=limit))
    assert [one.message for one in report.findings] == said
    assert report.tokens is not None
    assert (report.tokens.total, report.tokens.trained) == (18, 3)
    whole = check(load(rows), counting=Counting(Words(), train_on="all")).tokens
    assert whole is not None
    assert (whole.total, whole.trained) == (18, 18)


@pytest.mark.parametrize(
    ("rows", "wanted", "tokens"),
    [
        ([text_pair()], "preference", (4, 2)),
        ([thumb(prompt="2 eggs", completion="eggs")], "kto", (3, 1)),
        ([row(), row({"role": "user", "content": "x", "name": "bob"}, ASSISTANT)], "chat", (35, 6)),
    ],
)
def test_tokens_are_counted_in_rows_of_every_kind(
    rows: list[Json], wanted: Any, tokens: tuple[int, int]
) -> None:
    dataset = load(rows)
    counting = Counting(Words(), format=detect(dataset) or wanted, limit=0)
    report = check(dataset, rules=RowRules(format=wanted), counting=counting)
    assert report.tokens is not None
    assert (report.tokens.total, report.tokens.trained) == tokens
    long = [one.line for one in report.findings if one.code == "row_too_long"]
    assert long == list(range(1, len(rows) + 1))


# Files


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("row.jsonl", "there is no file {path}; did you mean 'rows.jsonl' or 'pipe.jsonl'?"),
        ("zzz", "there is no file {path}; check the path and the working folder"),
        (
            "none/a.jsonl",
            "there is no file {path}: its folder does not exist; check the path",
        ),
        ("folder", "{path} is a folder, not a regular file; give the path of a file of rows"),
        (
            "pipe.jsonl",
            "{path} is a pipe or a device, not a regular file; give the path of a file of rows",
        ),
        ("n" * 300, "{path} cannot be read: File name too long; check the path"),
        ("a\0b", "{path} cannot be read: embedded null byte; check the path"),
        (
            "socket",
            "{path} is a socket, not a regular file; give the path of a file of rows",
        ),
    ],
)
def test_what_is_no_file_of_rows_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    written(Path("rows.jsonl"), GOOD)
    Path("folder").mkdir()
    os.mkfifo("pipe.jsonl")
    with socket.socket(socket.AF_UNIX) as listening:
        # The longest path of a socket is short, so it is named from here.
        listening.bind("socket")
        with pytest.raises(DatasetError) as caught:
            load(name)
    assert str(caught.value) == words.format(path=repr(str(tmp_path / name)))
