"""The quick look at rows: nearly all rows of nearly all datasets are good, and need no more.

Many rows are decoded at one stroke into typed structs, which judges their shape; what is left is
a little Python for each. Whoever passes is good by all laws of the slow look, and tests hold the
two against each other; whoever does not is only sent there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import UNSET
from msgspec.json import Decoder

from finetune_sdk.datasets.identity import mark_of_chat
from finetune_sdk.datasets.orders import in_order
from finetune_sdk.datasets.rich import Rich, has_images
from finetune_sdk.datasets.rules import SPELLINGS, RowRules
from finetune_sdk.datasets.structs import (
    LETTERS,
    Answer,
    Assistant,
    ChatRow,
    PairRow,
    System,
    ThumbRow,
    TrlPairRow,
    Turn,
    Turns,
    User,
)
from finetune_sdk.types.dataset import RowFormat

Told = bool | tuple[int, int]
"""What the dataset as a whole is judged by: a label, or the lengths of the better answer and of the
worse one."""


@dataclass(slots=True)
class Look:
    """What a quick look at some rows has found.

    Attributes:
        marks: for each row 64 bits that are the same for the same row, whatever the order of its
            keys.
        texts: what each row's messages say; empty where there is more than text to count.
        speakers: a letter for each of the texts: s, u, a, or p for a prompt that is no message.
        told: of each row, for formats that have it.
        pictured: rows that have images.
        odd: places of the rows that have to be looked at slowly.
    """

    marks: list[int] = field(default_factory=list[int])
    texts: list[Sequence[str]] = field(default_factory=list[Sequence[str]])
    speakers: list[str] = field(default_factory=list[str])
    told: list[Told] = field(default_factory=list[Told])
    pictured: int = 0
    odd: list[int] = field(default_factory=list[int])

    def good(self, mark: int, texts: Sequence[str], speakers: str) -> None:
        """Notes a row that is good."""
        self.marks.append(mark)
        self.texts.append(texts)
        self.speakers.append(speakers)

    def join(self, other: Look) -> None:
        """Adds what another look has found of good rows."""
        self.marks += other.marks
        self.texts += other.texts
        self.speakers += other.speakers
        self.told += other.told
        self.pictured += other.pictured


Quick = Callable[[bytes, int], Look | None]
"""Looks at the bytes of so many lines; None where they have to be looked at one by one."""

_REMEMBERED = 4096
_ODD = ""


def quick(source: RowFormat, rules: RowRules) -> Quick | None:
    """The quick look for rows of a format; None where there is none."""
    if SPELLINGS.get(source, source) != rules.format:
        return None
    if source == "chat":
        return _Chat(rules).look
    compared: dict[RowFormat, tuple[Any, Callable[[Any], _Read | None]]] = {
        "preference": (PairRow, _pair),
        "preference_trl": (TrlPairRow, _trl_pair),
        "kto": (ThumbRow, _thumb),
    }
    if source not in compared:
        return None
    return _Compared(*compared[source]).look


class _Chat:
    """The look at rows of the format `chat`."""

    def __init__(self, rules: RowRules) -> None:
        self._decode = Decoder(ChatRow).decode_lines
        self._rich = Rich(rules)
        # Who speaks after whom is the same in most rows, and judged once.
        self._known: dict[tuple[type, ...], str] = {}

    def look(self, data: bytes, count: int) -> Look | None:
        rows = _decoded(self._decode, data, count)
        if rows is None:
            return None
        look = Look()
        for place, row in enumerate(rows):
            messages = row.messages
            kinds = tuple(map(type, messages))
            speakers = self._known.get(kinds)
            if speakers is None:
                speakers = self._learn(kinds)
            texts = _plain(row) if speakers else None
            if texts:
                look.good(hash(messages), texts, speakers)
            elif speakers is not _ODD and self._rich.good(row):
                look.good(mark_of_chat(row), (), _ODD)
                look.pictured += has_images(messages)
            else:
                look.good(0, (), _ODD)
                look.odd.append(place)
        return look

    def _learn(self, kinds: tuple[type, ...]) -> str:
        letters = "".join(LETTERS[kind] for kind in kinds)
        speakers = letters if letters.endswith("a") and in_order(letters) else _ODD
        if len(self._known) < _REMEMBERED:
            self._known[kinds] = speakers
        return speakers


def _plain(row: ChatRow) -> list[str] | None:
    """What the messages say, where that is all that there is."""
    if row.tools or row.parallel_tool_calls is not UNSET:
        return None
    texts: list[Any] = []
    for message in row.messages:
        content = message.content
        # Written out: it is asked of every message of every row.
        if content.__class__ is not str or message.name is not UNSET:
            return None
        if isinstance(message, Assistant):
            if message.tool_calls is not UNSET or message.weight is not UNSET:
                return None
        elif not isinstance(message, (System, User)):
            return None
        texts.append(content)
    # Blanks alone are rare wherever they stand; whose they are is looked at slowly.
    return texts if all(map(str.strip, texts)) else None


def _more(message: Turn) -> bool:
    """There is something beside the role and the content, or it is counted otherwise."""
    if message.name is not UNSET:
        return True
    if isinstance(message, Assistant):
        return message.tool_calls is not UNSET or message.weight is not UNSET
    return not isinstance(message, (System, User))


_Read = tuple[str, list[str], Told]
"""The speakers, what they say, and what the dataset is judged by."""


class _Compared:
    """The look at rows that hold answers to compare or to judge."""

    def __init__(self, kind: Any, read: Callable[[Any], _Read | None]) -> None:
        self._decode = Decoder(kind).decode_lines
        self._read = read

    def look(self, data: bytes, count: int) -> Look | None:
        rows = _decoded(self._decode, data, count)
        if rows is None:
            return None
        look = Look()
        for place, row in enumerate(rows):
            read = self._read(row)
            if read is None:
                look.good(0, (), _ODD)
                look.odd.append(place)
            else:
                speakers, texts, told = read
                look.good(hash(row), texts, speakers)
                look.told.append(told)
        return look


def _decoded(decode: Callable[[bytes], list[Any]], data: bytes, count: int) -> list[Any] | None:
    try:
        rows = decode(data)
    except (ValueError, RecursionError):
        return None
    # A value over two lines, or two on one: the sieve holds the second back.
    return rows if len(rows) == count else None


def _pair(row: PairRow) -> _Read | None:
    return _compared(row.input.messages, row.preferred_output, row.non_preferred_output)


def _trl_pair(row: TrlPairRow) -> _Read | None:
    return _compared(row.prompt, row.chosen, row.rejected)


def _compared(prompt: str | Turns, better: str | Answer, worse: str | Answer) -> _Read | None:
    asked, good, bad = _asked(prompt), _answer(prompt, better), _answer(prompt, worse)
    if asked is None or not good or not bad or good == bad:
        return None
    speakers, texts = asked
    return f"{speakers}aa", [*texts, good, bad], (len(good), len(bad))


def _thumb(row: ThumbRow) -> _Read | None:
    asked, answer = _asked(row.prompt), _answer(row.prompt, row.completion)
    if asked is None or not answer:
        return None
    speakers, texts = asked
    return f"{speakers}a", [*texts, answer], row.label


def _asked(prompt: str | Turns) -> tuple[str, list[str]] | None:
    """Who speaks in a prompt and what is said; None where something is odd."""
    if isinstance(prompt, str):
        return ("p", [prompt]) if prompt.strip() else None
    letters = "".join(LETTERS[type(message)] for message in prompt)
    if not letters.endswith("u") or not in_order(letters):
        return None
    texts: list[str] = []
    for message in prompt:
        if not isinstance(message.content, str) or _more(message) or not message.content.strip():
            return None
        texts.append(message.content)
    return letters, texts


def _answer(prompt: str | Turns, answer: str | Answer) -> str:
    """What an answer says; nothing where something is odd."""
    if isinstance(answer, str):
        text = answer if isinstance(prompt, str) else ""
    else:
        text = "" if isinstance(prompt, str) else answer[0].content
    return text if text.strip() else ""
