"""Rows that say nearly the same are found, and others are not."""

from __future__ import annotations

import tracemalloc
from itertools import accumulate
from random import Random

import pytest
from hypothesis import given, settings

from finetune_sdk.datasets.near import NearDuplicates, text_of
from finetune_sdk.errors import ConfigurationError
from tests.datasets.samples import (
    CALLING,
    USER,
    Json,
    in_child,
    pair,
    row,
    text_pair,
    thumb,
    trl_pair,
)
from tests.datasets.test_convert_readers import foreign_rows
from tests.datasets.test_laws import near_forms, near_rows

WORDS = [f"w{number:x}" for number in range(20_000)]
OFTEN = list(accumulate(1 / (number + 2.7) for number in range(len(WORDS))))


def words(chance: Random, count: int) -> list[str]:
    """Words as they come in speech, few of them often and most of them seldom (Zipf's law)."""
    return chance.choices(WORDS, cum_weights=OFTEN, k=count)


def seeded(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - rows, and no secrets


def found(*texts: str) -> list[int | None]:
    near = NearDuplicates()
    return [near.add(line, text) for line, text in enumerate(texts, start=1)]


def edited(chance: Random, text: list[str]) -> list[str]:
    """The text with one word changed, dropped or put in."""
    place = chance.randrange(len(text))
    return [
        *text[:place],
        *chance.choice([["zzzzz"], [], ["zzzzz", text[place]]]),
        *text[place + 1 :],
    ]


@pytest.mark.parametrize("length", [50, 70, 100, 130, 200, 400, 1000])
def test_an_edit_of_a_word_in_a_long_row_is_found(length: int) -> None:
    chance, near, hits, alarms = seeded(length), NearDuplicates(), 0, 0
    for line in range(0, 600, 2):
        text = words(chance, length)
        alarms += near.add(line, " ".join(text)) is not None
        hits += near.add(line + 1, " ".join(edited(chance, text))) == line
    assert hits >= 297
    assert alarms == 0


@pytest.mark.parametrize("share", [0.15, 0.3, 0.5])
def test_rows_that_share_much_but_not_nearly_all_are_not(share: float) -> None:
    chance, near = seeded(5), NearDuplicates()
    for line in range(0, 400, 2):
        text = words(chance, 200)
        other = [chance.choice(words(chance, 1)) if chance.random() < share else w for w in text]
        assert near.add(line, " ".join(text)) is None
        assert near.add(line + 1, " ".join(other)) is None


def chat(*turns: str) -> str:
    roles = ("user", "assistant") * len(turns)
    return text_of(row(*({"role": r, "content": t} for r, t in zip(roles, turns, strict=False))))


@pytest.mark.parametrize("template", [10, 40, 300])
def test_rows_of_one_template_are_not(template: int) -> None:
    chance, near = seeded(7), NearDuplicates()
    head = " ".join(words(chance, template))
    for line in range(1000):
        asked, answer = " ".join(words(chance, 12)), " ".join(words(chance, 3))
        assert near.add(line, chat(f"{head} {asked}", answer)) is None


def test_a_template_whose_answers_are_the_same_is_soon_known() -> None:
    chance, near = seeded(7), NearDuplicates()
    head = " ".join(words(chance, 300))
    told = [
        line
        for line in range(1000)
        if near.add(line, chat(f"{head} {' '.join(words(chance, 12))}", "positive")) is not None
    ]
    assert all(line <= 20 for line in told)


def test_an_edit_in_the_content_of_a_template_is_found() -> None:
    chance, near = seeded(7), NearDuplicates()
    head, hits = " ".join(words(chance, 150)), 0
    for line in range(0, 400, 2):
        text = words(chance, 120)
        near.add(line, chat(f"{head} {' '.join(text)}", "positive"))
        text[60] = "zzzzz"
        hits += near.add(line + 1, chat(f"{head} {' '.join(text)}", "positive")) == line
    assert hits >= 185


def test_a_long_system_message_does_not_make_short_rows_alike() -> None:
    head = " ".join(words(seeded(1), 300))
    turns = [chat(head, f"{number} eggs", "eggs") for number in range(50)]
    assert found(*turns) == [None] * 50


def test_short_rows_are_the_same_only_word_by_word() -> None:
    assert found("2 eggs", "3 eggs", "2 eggs and salt", "2 egg", "eggs 2") == [None] * 5
    assert found("2 eggs", "2  Eggs\n", "2 eggs") == [None, 1, 1]
    assert found("a b a", "a b a b a", "b a b") == [None] * 3
    assert found("", " ", "") == [None] * 3
    nineteen = [f"word{n}" for n in range(19)]
    assert found(" ".join(nineteen), " ".join([*nineteen[:-1], "x"])) == [None, None]


def test_rows_that_say_the_same_over_and_over_are_the_same_only_word_by_word() -> None:
    chance = seeded(3)
    bits = [" ".join(chance.choices("01", k=300)) for _ in range(50)]
    digits = [" ".join(chance.choices("0123456789", k=1000)) for _ in range(50)]
    assert found(*bits, *digits) == [None] * 100
    assert found(bits[0], bits[1], bits[0]) == [None, None, 1]


def test_turns_are_compared_each_by_itself() -> None:
    chance = seeded(2)
    question, answer = (" ".join(words(chance, 200)) for _ in range(2))
    long = " ".join(words(chance, 1000))
    assert found(chat(question, answer), chat(f"{question} x", answer)) == [None, 1]
    assert found(chat(question, answer), chat(f"{question} {answer}", "")) == [None, None]
    assert found(chat(long, "yes"), chat(long, "no")) == [None, None]
    assert found(chat(long, " ".join(words(chance, 50))), chat(long, answer[:300])) == [None, None]


def test_words_need_no_blanks_between_them() -> None:
    text = "".join(chr(0x4E00 + n * 7) for n in range(60))
    other = "".join(chr(0x5E00 + n * 7) for n in range(60))
    assert found(text, text.replace(text[30], "。"), other) == [None, 1, None]


def test_of_several_the_first_is_told_and_a_chain_is_followed() -> None:
    text = words(seeded(4), 100)
    first, second = list(text), list(text)
    first[10], second[90] = "xxx", "yyy"
    both = list(first)
    both[90] = "yyy"
    assert found(*map(" ".join, [text, first, second, both]))[:3] == [None, 1, 1]
    assert found(*map(" ".join, [first, second, both])) == [None, 1, 1]


def test_the_threshold_decides() -> None:
    chance = seeded(6)
    text = words(chance, 100)
    half = [*text[:70], *words(chance, 30)]
    strict, loose = NearDuplicates(0.95), NearDuplicates(0.4)
    for near in (strict, loose):
        assert near.add(1, " ".join(text)) is None
    assert strict.add(2, " ".join(half)) is None
    assert loose.add(2, " ".join(half)) == 1
    for wrong in (0, -1, 1.5, float("nan")):
        with pytest.raises(ConfigurationError, match="`threshold`"):
            NearDuplicates(wrong)


def test_a_few_words_more_are_too_many() -> None:
    chance = seeded(7)
    for _ in range(50):
        text = chance.sample(WORDS, 30)
        longer = [*text, *chance.sample(WORDS, 4)]
        assert found(" ".join(text), " ".join(longer)) == [None, None]
        assert found(" ".join(longer), " ".join(text)) == [None, None]


def test_memory_is_bounded() -> None:
    chance = seeded(8)
    near = NearDuplicates(limit=500)
    texts = [chat(" ".join(words(chance, 300)), " ".join(words(chance, 100))) for _ in range(1500)]
    for line, text in enumerate(texts[:500]):
        near.add(line, text)
    tracemalloc.start()
    try:
        for line, text in enumerate(texts[500:], start=500):
            assert near.add(line, text) is None
        assert tracemalloc.get_traced_memory()[0] < 300_000
    finally:
        tracemalloc.stop()
    assert near.add(2000, texts[3]) == 3
    assert near.add(2001, texts[700]) is None


PROCESS = """
from random import Random
from finetune_sdk.datasets.near import NearDuplicates
chance, near = Random(1), NearDuplicates()
said = [[str(chance.randrange(5000)) for _ in range(80)] for _ in range(40)]
rows = [" ".join(said[n % 40][: 77 + n // 40]) for n in range(160)]
print([near.add(n, row) for n, row in enumerate(rows)][-40:])
"""


def test_every_process_finds_the_same() -> None:
    once = in_child(PROCESS).stdout
    assert once
    assert once == in_child(PROCESS).stdout


def part(text: str) -> Json:
    return {"type": "text", "text": text}


SAID: list[tuple[Json, list[str]]] = [
    (row(), ["2 eggs, a pinch of salt", '["eggs", "salt"]']),
    (row(id="a-17"), ["2 eggs, a pinch of salt", '["eggs", "salt"]']),
    (
        row({**USER, "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}),
        ["a b"],
    ),
    (row(USER, CALLING), ["2 eggs, a pinch of salt", 'scale {"by": 2}']),
    (pair(), ["2 eggs, a pinch of salt", '["eggs", "salt"]', "salt"]),
    (trl_pair(), ["2 eggs, a pinch of salt", '["eggs", "salt"]', "salt"]),
    (text_pair(), ["2 eggs", "eggs", "salt"]),
    (thumb(), ["2 eggs, a pinch of salt", '["eggs", "salt"]']),
    (
        {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]},
        ["a", "b"],
    ),
    ({"instruction": "a", "output": "b", "history": [["c", "d"]]}, ["c d", "a", "b"]),
    ({"text": "a", "n": 1}, ["a", ""]),
    ({}, [""]),
]


@pytest.mark.parametrize(("item", "turns"), SAID)
def test_the_text_of_a_row(item: Json, turns: list[str]) -> None:
    assert text_of(item).split("\x1e") == turns


def test_an_image_is_part_of_what_is_said() -> None:
    def seen(url: str) -> str:
        part: Json = {"type": "image_url", "image_url": {"url": url}}
        return text_of(row({**USER, "content": [{"type": "text", "text": "What is it?"}, part]}))

    assert found(seen("https://a.example/1"), seen("https://a.example/2")) == [None, None]


@settings(deadline=None)
@given(near_rows | near_forms | foreign_rows)
def test_any_row_has_a_text_and_equals_itself(item: Json) -> None:
    text = text_of(item)
    same = found(text, text)
    assert same in ([None, 1], [None, None])
    assert (same[1] is None) == (
        not text.replace("\x1e", " ").encode("utf-8", "surrogatepass").strip()
    )
