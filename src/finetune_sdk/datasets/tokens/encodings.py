"""OpenAI's encodings, exact and without the network; and an estimate that calls itself one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

from finetune_sdk.datasets.faults import shown
from finetune_sdk.datasets.tokens import newer
from finetune_sdk.datasets.tokens.counter import Counter, Piece
from finetune_sdk.errors import ConfigurationError, MissingDependencyError

NAMES = ("o200k_base", "cl100k_base")
"""The encodings that models which can be tuned count by."""


def encoding(name: str, *, estimate: bool = False) -> Counter:
    """The encoding of that name.

    Args:
        name: one of `NAMES`.
        estimate: where toktok is not installed, estimate; the counter then says that it does.

    Raises:
        ConfigurationError: there is no such encoding.
        MissingDependencyError: toktok is not installed.
    """
    if name not in NAMES:
        text = f"`name` is {shown(name)}; there are the encodings {' and '.join(NAMES)}"
        raise ConfigurationError(text)
    try:
        _toktok()
    except MissingDependencyError:
        if estimate:
            return Estimate()
        raise
    return Encoding(name)


class Encoding:
    """An encoding of OpenAI, by toktok, whose vocabularies are compiled in.

    Counts as tiktoken 0.14 does with `encode_ordinary`: what is written like a control token is
    text, and half of a surrogate pair is U+FFFD. The first use loads the vocabulary, which takes
    about half a second.
    """

    exact: bool = True
    note: str | None = None

    def __init__(self, name: str) -> None:
        self.name = name

    def count(self, texts: Sequence[str]) -> list[int]:
        """The tokens of each text."""
        try:
            return self._count(texts)
        except UnicodeEncodeError:
            return self._count([_whole(text) for text in texts])

    def pieces(self, text: str) -> list[Piece]:
        """The text cut into its tokens; together they are as many as `count` says."""
        text = _whole(text)
        added = {match.end() - 1: self._added(match[0]) for match in newer.merged(text)}
        return [
            Piece(text[start:end], tokens + sum(added.get(at, 0) for at in range(start, end)))
            for start, end, tokens in self._cuts(newer.replaced(text))
        ]

    def _count(self, texts: Sequence[str]) -> list[int]:
        if not newer.found(texts):
            return self._batch(texts)
        counts = self._batch([newer.replaced(text) for text in texts])
        return [
            count + sum(self._added(match[0]) for match in newer.merged(text))
            for count, text in zip(counts, texts, strict=True)
        ]

    def _added(self, text: str) -> int:
        """The tokens that the text has more than its stand-in."""
        itself, stand_in = self._batch([text, newer.replaced(text)])
        return itself - stand_in

    def _batch(self, texts: Sequence[str]) -> list[int]:
        # One thread: starting others costs more processor time than a batch takes.
        counts: list[int] = _toktok().batch_count(texts, self.name, threads=1)
        return counts

    def _cuts(self, text: str) -> Iterator[tuple[int, int, int]]:
        """Where each piece starts and ends, and its tokens."""
        # Only the package's inner tokenizer tells where tokens end.
        _, spans = _toktok()._encoding(self.name).encode_with_offsets(text, "char")
        start = end = tokens = 0
        for first, last in spans:
            if first != last and tokens:
                yield start, end, tokens
                start, tokens = first, 0
            end, tokens = last, tokens + 1
        if tokens:
            yield start, end, tokens


class Estimate:
    """A guess from the number of bytes.

    A quarter of the bytes in UTF-8, rounded up. Held against both encodings (2026-11): 5 to 10 %
    off in the sum of English text and of Python code, and 15 % in a paragraph; two thirds too many
    to half too few in Russian, Hindi and Chinese; a single word may be twice as many.
    """

    name: str = "estimate"
    exact: bool = False
    note: str | None = (
        "an estimate, a quarter of the bytes in UTF-8: about 10 % off in the sum of English text "
        "or code, up to two thirds too many or half too few in other scripts; for exact numbers "
        'run: pip install "finetune-anywhere[datasets]"'
    )

    def count(self, texts: Sequence[str]) -> list[int]:
        """About the tokens of each text."""
        return [(len(text.encode("utf-8", "replace")) + 3) // 4 for text in texts]

    def pieces(self, text: str) -> list[Piece]:
        """The text in one piece: where its tokens end cannot be estimated."""
        return [Piece(text, *self.count([text]))] if text else []


def _toktok() -> Any:
    try:
        return import_module("toktok")
    except ImportError as error:
        raise MissingDependencyError("toktok-rs", "datasets") from error


def _whole(text: str) -> str:
    """The text with U+FFFD for half of a surrogate pair, and a character for two halves."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
