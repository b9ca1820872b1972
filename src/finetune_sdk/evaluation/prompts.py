"""Questions with examples in front, as one would ask who does not fine-tune."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import Any, cast

from finetune_sdk.evaluation.examples import SYSTEM, Example, Message
from finetune_sdk.evaluation.overlap import asks, turns
from finetune_sdk.evaluation.packages import package

Prompt = Callable[[Example], list[Message]]
"""What is sent to ask an example."""

_SPARE = 10
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
    known = [asks(one) for one in drawn]

    def before(example: Example) -> list[Message]:
        # Where the very question is one of them, its answer would be given away.
        kept = [one for one, its in zip(drawn, known, strict=True) if turns(example) not in its]
        return _after(kept, example)

    return before


def retrieved(learned: Sequence[Example], *, shots: int) -> Prompt:
    """The rows that ask what is nearest to the question, the nearest last.

    Nearness is BM25 over words (Robertson and Zaragoza 2009, "The Probabilistic Relevance
    Framework"), with the `k1` and `b` of the package `bm25s`, its stop words left in.

    Raises:
        MissingDependencyError: `bm25s` is not installed.
    """
    shown = _shown(learned)
    if not any(re.search(_WORDS, one.question) for one in shown):
        return plain
    bm25s, known = package("bm25s"), [asks(one) for one in shown]
    index = bm25s.BM25()
    index.index(_tokens(bm25s, [one.question for one in shown]), show_progress=False)

    def nearest(example: Example) -> list[Message]:
        query, asked = _tokens(bm25s, [example.question]), turns(example)
        # A few more, since rows that ask the very same are passed over.
        most = min(shots + _SPARE, len(shown))
        found: list[int] = list(index.retrieve(query, k=most, show_progress=False).documents[0])
        kept = [place for place in found if asked not in known[place]][:shots]
        return _after([shown[place] for place in reversed(kept)], example)

    return nearest


def _shown(learned: Sequence[Example]) -> list[Example]:
    return [one for one in learned if one.expected and not one.unlearned]


def _after(shown: Sequence[Example], example: Example) -> list[Message]:
    """What the system says, the examples as turns, and the question."""
    system = [one for one in example.messages if one.get("role") in SYSTEM]
    return [*system, *(turn for one in shown for turn in _turns(one)), *example.turns]


def _turns(example: Example) -> list[Message]:
    asked = example.turns
    if example.answer is None:
        return [*asked, {"role": "assistant", "content": example.expected}]
    # A conversation goes on only when each call has a result, and the row holds none.
    calls = cast("Sequence[Message]", example.answer["tool_calls"])
    results = [{"role": "tool", "tool_call_id": one.get("id"), "content": ""} for one in calls]
    return [*asked, example.answer, *results]


def _tokens(bm25s: Any, texts: list[str]) -> Any:
    return bm25s.tokenize(texts, token_pattern=_WORDS, stopwords=None, show_progress=False)
