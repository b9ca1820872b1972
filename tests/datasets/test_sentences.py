"""What a check says of lines, texts and files, to the last word."""

from __future__ import annotations

import os
import socket
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk.datasets import RowRules, load
from finetune_sdk.errors import DatasetError
from tests.datasets.samples import (
    ASSISTANT,
    CALL,
    Json,
    judged,
    line,
    numbered_rows,
    row,
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
        *(
            (data, [(1, "not_utf8", "", "the file is UTF-16 or UTF-32 text, or no text at all")])
            for data in (GOOD.decode().encode("utf-16-le"), "жо".encode("utf-16"))
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


def test_lengths_are_told_of_rows_that_are_looked_at_one_by_one() -> None:
    rows = [
        {
            "input": {"messages": [{"role": "user", "content": f"{number} of what?"}]},
            "preferred_output": [{"role": "assistant", "content": "an egg"}],
            "non_preferred_output": [{"role": "assistant", "content": "e"}],
            "note": number,
        }
        for number in range(20)
    ]
    text = "the better answer is the longer one in 20 of 20 rows"
    assert (None, "unbalanced_lengths", "", text) in [
        (None, *words[1:]) for words in told(rows, format="preference")
    ]


def test_a_thumb_without_its_prompt_is_one() -> None:
    rows = [{"label": True, "completion": [{"role": "assistant", "content": "4"}]}]
    [(_, code, _, words)] = told(rows, format="chat")
    assert (code, words.partition(",")[0]) == ("wrong_format", "the row is of the format `kto`")


@pytest.mark.parametrize("less", [-90_000, -10, 0, 5, 10, 20, 40])
def test_however_deep_values_are_it_is_told_in_words(tmp_path: Path, less: int) -> None:
    """Which depth can be read, and which can be looked at, depends on Python's version."""
    path = tmp_path / "a.jsonl"
    depth = sys.getrecursionlimit() - less
    path.write_bytes(b'{"a": ' + b"[" * depth + b"]" * depth + b"}")
    deep = [words for words in told(path) if words[1] == "not_json"]
    assert [words[:3] for words in deep] in ([], [(1, "not_json", "")])
    assert all(words[3].startswith("values are nested too deeply to be ") for words in deep)
    assert deep or less > -90_000


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


def test_what_stands_behind_a_list_is_told_too() -> None:
    asked = {"role": "user", "content": [{"type": "text", "text": "x"}], "name": "4" + "1" * 15}
    found = told([{**row(asked, ASSISTANT), "more": [["x"], "4" + "1" * 15]}])
    cards = [pointer for _, code, pointer, _ in found if code == "card_number"]
    assert cards == ["/messages/0/name", "/more/1"]


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
        ("a\0b", "{path} cannot be read: its name has a null character in it; check the path"),
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
