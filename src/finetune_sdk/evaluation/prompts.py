"""Questions with examples in front, as one would ask who does not fine-tune."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from finetune_sdk.evaluation.examples import Example, Message
from finetune_sdk.evaluation.packages import package

Prompt = Callable[[Example], list[Message]]
"""What is sent to ask an example."""

_SYSTEM = ("system", "developer")
_WORDS = r"(?u)\b\w+\b"


def plain(example: Example) -> list[Message]:
    """As the row asks."""
    return list(example.messages)


def few_shot(learned: Sequence[Example], *, shots: int, seed: int) -> Prompt:
    """The same few rows before each question, drawn by lot.

    Args:
        learned: the training data.
        shots: how many; all there are, where there are fewer.
        seed: of the lot.
    """
    shown = _shown(learned)
    drawn = random.Random(seed).sample(shown, min(shots, len(shown)))  # noqa: S311 - no secret
    return lambda example: _after(drawn, example)


def retrieved(learned: Sequence[Example], *, shots: int) -> Prompt:
    """The rows that ask what is nearest to the question, the nearest last.

    Nearness is BM25 over words (Robertson and Zaragoza 2009, "The Probabilistic Relevance
    Framework"), with the `k1` and `b` of the package `bm25s`, its stop words left in.

    Raises:
        MissingDependencyError: `bm25s` is not installed.
    """
    shown = _shown(learned)
    if not shown:
        return plain
    bm25s, count = package("bm25s"), min(shots, len(shown))
    index = bm25s.BM25()
    index.index(_tokens(bm25s, [one.question for one in shown]), show_progress=False)

    def nearest(example: Example) -> list[Message]:
        query = _tokens(bm25s, [example.question])
        found: list[int] = list(index.retrieve(query, k=count, show_progress=False).documents[0])
        return _after([shown[place] for place in reversed(found)], example)

    return nearest


def _shown(learned: Sequence[Example]) -> list[Example]:
    return [one for one in learned if one.expected]


def _after(shown: Sequence[Example], example: Example) -> list[Message]:
    """What the system says, the examples as turns, and the question."""
    system = [one for one in example.messages if one.get("role") in _SYSTEM]
    asked = [one for one in example.messages if one.get("role") not in _SYSTEM]
    return [*system, *(turn for one in shown for turn in _turns(one)), *asked]


def _turns(example: Example) -> list[Message]:
    asked = [one for one in example.messages if one.get("role") not in _SYSTEM]
    return [*asked, {"role": "assistant", "content": example.expected}]


def _tokens(bm25s: Any, texts: list[str]) -> Any:
    return bm25s.tokenize(texts, token_pattern=_WORDS, stopwords=None, show_progress=False)
