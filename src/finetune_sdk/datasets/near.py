"""Finds rows that say nearly the same, by small sketches of their words.

The law: two rows are nearly the same when they have as many turns, and, turn by turn, upper and
lower case and blanks aside,
- turns of fewer than 20 words, and those that say the same over and over (numbers in a table), have
  the same words in the same order: "2 eggs" is not "3 eggs";
- of the pairs of neighbouring words in longer turns, nine tenths are in both rows; the last turn,
  which is the answer, and those before it are held to that each by itself. One word of 50 may
  differ, two may not.
Pairs of words that more than one in 200 rows have, and more than 20 rows, belong to a template:
rows that share a template, and little else, are not the same. As a row is only compared with what
came before, the first 20 rows of a template whose answers do not differ may be told nevertheless.

What is counted exactly up to 96 pairs is an estimate above that. Hashes are CRC-32 and BLAKE2, and
nothing is drawn by lot: every machine finds the same.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, cast
from zlib import crc32

from finetune_sdk.datasets.read import Row
from finetune_sdk.errors import ConfigurationError

BREAK = "\x1e"
"""Between turns: the separator of records. It is no blank to `bytes.split`."""

_FEW = 20
_KEPT = 96
_COMMON = 20
_SHARE = 200
_COUNTERS = 1 << 18
_LAST = (1 << 32) - 1
_ASKED, _POSTED, _BUCKET = 16, 4, 8

# Thai, Lao, Burmese, Khmer, Japanese and Chinese have no blanks between words.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")

_SPOKEN = (
    *("system", "history", "messages", "input", "prompt", "instruction", "context"),
    *("conversations", "preferred_output", "non_preferred_output", "chosen", "rejected"),
    *("completion", "output", "response"),
)
"""The keys under which something is said, in any format; answers come last."""

_UNSPOKEN = frozenset({"role", "from", "type", "id", "tool_call_id", "weight", "detail"})
_PLAIN = {"role", "content"}

if TYPE_CHECKING:
    # At run time Python 3.11 has no such type.
    Marks = array[int]


class Sketch(NamedTuple):
    """What is remembered of a row.

    Attributes:
        words: 64 bits that stand for all its words, and in long turns for their blanks as well.
        short: 64 bits that stand for its number of turns, and for those that have to be the same.
        sides: the smallest hashes of the pairs of words in what comes before the last turn, and in
            that, where they are long.
    """

    words: int
    short: int
    sides: tuple[Marks, ...]


class NearDuplicates:
    """Rows that were seen, to be compared with the next one.

    Some 1.5 kB are kept of a row that is long, 100 bytes of one below 20 words, and 1 MiB besides.
    """

    def __init__(self, threshold: float = 0.9, *, limit: int | None = 200_000) -> None:
        """Args:
            threshold: of all pairs of words in two rows, the part that both must have.
            limit: rows that are remembered; later ones are compared with these only. None is no
                limit.

        Raises:
            ConfigurationError: `threshold` is no such part.
        """
        if not 0 < threshold <= 1:
            raise ConfigurationError(f"`threshold` is {threshold!r}; it is above 0 and at most 1")
        self._threshold = threshold
        self._limit = limit
        self._words: dict[int, int] = {}
        self._seen: list[tuple[int, tuple[Marks, ...]]] = []
        self._posts: dict[int, tuple[int, ...]] = {}
        self._counts = array("I", [0]) * _COUNTERS
        self._counted = 0

    def add(self, line: int, text: str) -> int | None:
        """Remembers a row, and gives the first earlier line that it nearly equals.

        Args:
            line: where the row stands.
            text: what it says, as `text_of` gives it.
        """
        sketch = sketch_of(text)
        if sketch is None:
            return None
        if sketch.words not in self._words:
            self.count(sketch)
        return next(iter(self.found(line, sketch)), None)

    def count(self, sketch: Sketch) -> None:
        """Notes what many rows share. Whoever counts all rows first finds templates at once."""
        self._counted += 1
        counts = self._counts
        for side in sketch.sides:
            for mark in side:
                counts[mark % _COUNTERS] += 1

    def found(self, line: int, sketch: Sketch) -> list[int]:
        """Remembers a row that was counted, and gives the earlier lines that it nearly equals.

        Of lines that have the same words only the first is given.
        """
        twin = self._words.get(sketch.words)
        if twin is not None:
            return [twin]
        keys = list(islice(self._rare_keys(sketch), _ASKED))
        places = sorted({place for key in keys for place in self._posts.get(key, ())})
        near = [
            self._seen[place][0] for place in places if self._alike(self._seen[place][1], sketch)
        ]
        if self._limit is None or len(self._words) < self._limit:
            self._remember(line, sketch, keys)
        return near

    def _remember(self, line: int, sketch: Sketch, keys: Sequence[int]) -> None:
        self._words[sketch.words] = line
        free = (key for key in keys if len(self._posts.get(key, ())) < _BUCKET)
        for key in islice(free, _POSTED):
            self._posts[key] = (*self._posts.get(key, ()), len(self._seen))
        if keys:
            self._seen.append((line, sketch.sides))

    def _rare_keys(self, sketch: Sketch) -> Iterator[int]:
        """Where rows that are like this one have left their place."""
        counts, common = self._counts, self._common()
        for mark in sketch.sides[-1] if sketch.sides else ():
            if counts[mark % _COUNTERS] <= common:
                yield sketch.short ^ mark

    def _common(self) -> int:
        return max(_COMMON, self._counted // _SHARE)

    def _alike(self, sides: Sequence[Marks], sketch: Sketch) -> bool:
        """All sides are alike, and one of them by what is not a template."""
        decided = False
        # As many sides: rows that are compared have the same short turns.
        for one, other in zip(sides, sketch.sides, strict=False):
            cut = min(_end(one), _end(other))
            if _likeness(set(one), set(other), cut) < self._threshold:
                return False
            rare = self._rare(one), self._rare(other)
            if min(map(len, rare)) >= _FEW - 1:
                if _likeness(*rare, cut) < self._threshold:
                    return False
                decided = True
        return decided

    def _rare(self, marks: Marks) -> set[int]:
        counts, common = self._counts, self._common()
        return {mark for mark in marks if counts[mark % _COUNTERS] <= common}


def _likeness(one: set[int], other: set[int], cut: int) -> float:
    """The part of all marks up to `cut` that is in both: up to there both know all of theirs."""
    either = sum(mark <= cut for mark in one | other)
    return sum(mark <= cut for mark in one & other) / either if either else 1.0


def _end(marks: Marks) -> int:
    return marks[-1] if len(marks) == _KEPT else _LAST


def sketch_of(text: str) -> Sketch | None:
    """The sketch of what a row says; None where it says nothing."""
    data = _spaced(text.lower()).encode("utf-8", "surrogatepass")
    turns = [turn.split() for turn in data.split(BREAK.encode())]
    if not any(turns):
        return None
    pairs = [_pairs(words) for words in turns]
    short = [words if found is None else [] for words, found in zip(turns, pairs, strict=True)]
    alike = _hash(b"\n\n".join(b"\n".join(words) for words in short))
    sides = [set[int]().union(*filter(None, side)) for side in (pairs[:-1], pairs[-1:])]
    marks = tuple(array("I", sorted(side)[:_KEPT]) for side in sides if side)
    return Sketch(_hash(data) if marks else alike, alike, marks)


def _pairs(words: Sequence[bytes]) -> set[int] | None:
    """The hashes of neighbouring words; None where they would not tell one text from another."""
    if len(words) < _FEW:
        return None
    # A checksum can go on from another one: this is the one of both words.
    pairs = set(map(crc32, words[1:], map(crc32, words)))
    return pairs if 2 * len(pairs) >= len(words) else None


def _hash(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=8).digest())


def _spaced(text: str) -> str:
    return text if text.isascii() else _UNSPACED.sub(r" \g<0> ", text)


def text_of(row: Row) -> str:
    """All that is said in a row of any format, turn by turn; in other rows, all text.

    Whose turn it is does not count, nor do keys that no format has, such as an id. A call says its
    function and its arguments, an image its address.
    """
    turns = [turn for key in _SPOKEN if key in row for turn in _turns(row[key])]
    return BREAK.join(turns or map(_all, row.values()))


def _turns(value: object) -> Iterator[str]:
    if isinstance(value, list):
        yield from (_turn(item) for item in cast("list[object]", value))
    elif isinstance(value, dict):
        inner = cast("Row", value)
        yield from _turns(inner["messages"]) if "messages" in inner else (_all(inner),)
    else:
        yield _all(value)


def _turn(item: object) -> str:
    if isinstance(item, dict):
        message = cast("Row", item)
        content = message.get("content")
        return content if message.keys() == _PLAIN and isinstance(content, str) else _all(message)
    return item if isinstance(item, str) else _all(item)


def _all(value: object) -> str:
    return " ".join(_strings(value))


def _strings(value: object) -> Iterator[str]:
    # With a stack of its own: a row may be nested as deep as Python allows.
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            entries = cast("Row", item)
            stack += [entries[key] for key in reversed(entries) if key not in _UNSPOKEN]
        elif isinstance(item, list):
            stack += reversed(cast("list[object]", item))
