"""Token counts are tiktoken's, and what is no count says so."""

from __future__ import annotations

import pickle
import sys
import sysconfig
from base64 import b64encode
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from finetune_sdk.datasets.tokens import NAMES, Estimate, encoding
from finetune_sdk.errors import ConfigurationError, MissingDependencyError
from tests.datasets.reference import definition, reference

toktok: Any = import_module("toktok")

each_encoding = pytest.mark.parametrize("name", NAMES)
CORPUS = 4_000_000
# In these, what a character is decides how the text around it is cut.
TELLING = "{0}(name 1{0}234 !!{0}(name {0}'s"
SURROUNDINGS = [
    "{0}", " {0}", "  {0}", "\n{0}", "\t{0}", "a{0}", "{0}a", "A{0}a", "a{0}A", "{0}{0}", "{0} {0}",
    "{0}\n\n", "\n {0}\n\n//", "1{0}234", "{0}{0}{0}{0}12", "'{0}", "a'{0}", "{0}'s", "{0}'LL the",
    "!!{0}(name", "!{0}!", " {0}the {0} the", "\u0301{0}", "{0}\u0301x", "中{0}文", " {0}京赛车",
    "{0}ไทย {0}ไทย", "{0}\u200d", "😀{0}😀", "\ue000{0}\U000f0000",
]  # fmt: skip


def right(name: str, texts: Sequence[str]) -> list[int]:
    """The counts of tiktoken."""
    encode = reference(name).encode_ordinary
    return [len(encode(text)) for text in texts]


def assert_right(name: str, texts: Sequence[str]) -> None:
    counts = encoding(name).count(texts)
    wrong = [
        (text, mine, theirs)
        for text, mine, theirs in zip(texts, counts, right(name, texts), strict=True)
        if mine != theirs
    ]
    assert not wrong, f"{len(wrong)} of {len(texts)}: {wrong[:5]!r}"


def installed_texts(suffix: str) -> Iterator[str]:
    """Files of the packages that are installed, up to some megabytes."""
    left = CORPUS
    for path in sorted(Path(sysconfig.get_path("purelib")).glob(f"*/{suffix}"))[::3]:
        text = path.read_text(encoding="utf-8", errors="replace")
        left -= len(text)
        if left < 0:
            return
        yield text


@lru_cache
def characters() -> list[str]:
    """All of the planes that have characters; of those that have none, enough to see that."""
    codes = [*range(0x40000), *range(0x40000, sys.maxunicode, 61)]
    return [chr(code) for code in codes if not 0xD800 <= code < 0xE000]


@lru_cache
def newer(name: str) -> list[str]:
    """Characters that toktok by itself counts otherwise than tiktoken."""
    texts = [TELLING.format(character) for character in characters()]
    theirs, raw = right(name, texts), toktok.batch_count(texts, name)
    assert encoding(name).count(texts) == theirs
    return [c for c, a, b in zip(characters(), raw, theirs, strict=True) if a != b]


@each_encoding
def test_the_vocabulary_is_the_one_that_tiktoken_pins(name: str) -> None:
    tokens = toktok._encoding(name).token_byte_values()
    lines = (b64encode(token) + b" %d\n" % rank for rank, token in enumerate(tokens))
    assert sha256(b"".join(lines)).hexdigest() == definition(name)["digest"]


@each_encoding
@pytest.mark.parametrize("suffix", ["*.py", "METADATA"])
def test_files_of_code_and_prose(name: str, suffix: str) -> None:
    files = list(installed_texts(suffix))
    assert sum(map(len, files)) > 400_000
    assert_right(name, files)


@each_encoding
def test_every_character(name: str) -> None:
    assert len(newer(name)) in (4699, 4657), "toktok or tiktoken has moved to another Unicode"


@each_encoding
def test_newer_characters_in_all_surroundings(name: str) -> None:
    for surrounding in SURROUNDINGS:
        assert_right(name, [surrounding.format(character) for character in newer(name)])


@each_encoding
def test_newer_characters_before_what_merges_with_their_last_byte(name: str) -> None:
    tails: dict[int, list[str]] = {}
    for token in toktok._encoding(name).token_byte_values():
        rest = token[1:].decode(errors="replace")
        if 0x80 <= token[0] < 0xC0 and rest and "\ufffd" not in rest:
            tails.setdefault(token[0], []).append(rest)
    assert tails
    assert_right(
        name,
        [
            f"{before}{character}{tail}"
            for character in newer(name)
            for tail in tails.get(character.encode()[-1], ())
            for before in ("", " ")
        ],
    )


@each_encoding
@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_any_texts(name: str, data: st.DataObject) -> None:
    odd = st.sampled_from(newer(name)) | st.sampled_from(newer(name)[:40])
    some = st.characters() | odd | st.sampled_from([" ", "\n", "'s", "the", "12", "<|endoftext|>"])
    texts = st.lists(some, max_size=12).map("".join)
    assert_right(name, data.draw(st.lists(texts, max_size=6)))


@each_encoding
def test_what_is_written_like_a_control_token_is_text(name: str) -> None:
    assert_right(name, ["<|endoftext|>", "a<|im_start|>b", "<|endofprompt|>", ""])
    assert encoding(name).count(["<|endoftext|>"])[0] > 1


@each_encoding
def test_halves_of_a_character(name: str) -> None:
    assert_right(name, ["a\ud800b", "\udc00", "\ud83d\ude00", "\U0001e6c0\ud800"])


@each_encoding
def test_no_texts(name: str) -> None:
    assert encoding(name).count([]) == []


def test_known_counts() -> None:
    # The examples of the cookbook's "How to count tokens with tiktoken".
    texts = ["antidisestablishmentarianism", "2 + 2 = 4", "お誕生日おめでとう"]
    assert encoding("o200k_base").count(texts) == [6, 7, 8]
    assert encoding("cl100k_base").count(texts) == [6, 7, 9]


def test_an_encoding_says_what_it_is() -> None:
    made = encoding("o200k_base")
    assert (made.name, made.exact, made.note) == ("o200k_base", True, None)
    assert pickle.loads(pickle.dumps(made)).count(["eggs"]) == made.count(["eggs"])  # noqa: S301


def test_an_unknown_encoding() -> None:
    with pytest.raises(ConfigurationError, match=r"'p50k_base'.*o200k_base and cl100k_base"):
        encoding("p50k_base")


@each_encoding
def test_pieces_are_tokens(name: str) -> None:
    text = "Two eggs, antidisestablishmentarianism!\n\n  2345"
    tokens = reference(name)
    pieces = encoding(name).pieces(text)
    assert [piece.tokens for piece in pieces] == [1] * len(pieces)
    assert [piece.text for piece in pieces] == [
        tokens.decode([token]) for token in tokens.encode_ordinary(text)
    ]


def test_a_character_of_several_tokens_is_one_piece() -> None:
    pieces = encoding("o200k_base").pieces("a🧠b")
    assert [tuple(piece) for piece in pieces] == [("a", 1), ("🧠", 3), ("b", 1)]


@each_encoding
@settings(deadline=None)
@given(data=st.data())
@example(data=None)
def test_pieces_make_up_the_text(name: str, data: st.DataObject | None) -> None:
    basic = [character for character in newer(name) if character <= "\uffff"]
    some = st.characters(codec="utf-8") | st.sampled_from([*newer(name)[::50], *basic, " ", "the"])
    text = f" {basic[0]} {basic[-1]}京" if data is None else "".join(data.draw(st.lists(some)))
    pieces = encoding(name).pieces(text)
    assert "".join(piece.text for piece in pieces) == text
    assert sum(piece.tokens for piece in pieces) == encoding(name).count([text])[0]
    assert all(piece.text and piece.tokens > 0 for piece in pieces)


class TestWithoutToktok:
    @pytest.fixture(autouse=True)
    def _blocked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "toktok", None)

    def test_it_is_told(self) -> None:
        with pytest.raises(
            MissingDependencyError, match=r"toktok-rs.*finetune-anywhere\[datasets"
        ) as e:
            encoding("o200k_base")
        assert e.value.extra == "datasets"
        assert "finetune-anywhere[datasets]" in str(e.value)

    def test_an_estimate_is_asked_for_and_called_one(self) -> None:
        guess = encoding("o200k_base", estimate=True)
        assert guess.name == "estimate"
        assert guess.exact is False
        assert "estimate" in (guess.note or "")
        assert guess.count(["", "eggs", "eggs!", "é" * 4, "\ud800"]) == [0, 1, 2, 2, 1]

    def test_an_unknown_encoding_is_not_estimated(self) -> None:
        with pytest.raises(ConfigurationError):
            encoding("gpt2", estimate=True)


def test_where_toktok_is_nothing_is_estimated() -> None:
    assert encoding("o200k_base", estimate=True).exact


@each_encoding
@pytest.mark.parametrize("suffix", ["*.py", "METADATA"])
def test_the_estimate_is_as_good_as_it_says(name: str, suffix: str) -> None:
    files = list(installed_texts(suffix))
    guessed, counted = sum(Estimate().count(files)), sum(encoding(name).count(files))
    assert guessed == pytest.approx(counted, rel=0.15)


def test_an_estimate_is_in_one_piece() -> None:
    assert [tuple(piece) for piece in Estimate().pieces("eggs and salt")] == [("eggs and salt", 4)]
    assert Estimate().pieces("") == []
