"""How alike two texts are, from 0 to 1.

`fuzzy_match` is the share of characters that stay when one text is turned into the other by
inserting and deleting (`rapidfuzz.fuzz.ratio`; OpenAI names the package and not the function).
`bleu` and `gleu` are of single sentences, over words between blanks (`nltk`). ROUGE is the F1 of
n-grams, or of the longest common subsequence, of lower-case words (Lin 2004, "ROUGE: A Package for
Automatic Evaluation of Summaries"); the one package for it has had no release since 2022.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from finetune_sdk.errors import MissingDependencyError

REFUSED: Mapping[str, str] = {
    "meteor": "it needs WordNet, which `nltk` downloads and does not ship",
    "cosine": "it needs a model that turns texts into vectors, and OpenAI does not say which",
}
"""Measures that are not to be had here, and why."""

PACKAGES: Mapping[str, str] = {"fuzzy_match": "rapidfuzz", "bleu": "nltk", "gleu": "nltk"}
"""Packages beyond Python's own, by measure."""

_WORD = re.compile(r"\w+")


def similarity(measure: str, text: str, reference: str, *, extra: str = "local") -> float:
    """How alike a text is to its reference.

    Args:
        measure: a word of `TextSimilarityGrader.evaluation_metric`, but those of `REFUSED`.
        text: that is looked at.
        reference: what it is held against.
        extra: that brings the measure's package to whoever asks.

    Raises:
        MissingDependencyError: the measure's package is not installed.
    """
    if measure == "fuzzy_match":
        return float(_package("rapidfuzz.fuzz", extra).ratio(text, reference)) / 100
    if measure in ("bleu", "gleu"):
        return _by_nltk(measure, text.split(), reference.split(), extra)
    words, wanted = _words(text), _words(reference)
    if words == wanted:
        return 1.0  # also where both are shorter than an n-gram
    if measure == "rouge_l":
        return _f1(_common(words, wanted), len(words), len(wanted))
    return _rouge(int(measure.removeprefix("rouge_")), words, wanted)


def _by_nltk(measure: str, words: Sequence[str], wanted: Sequence[str], extra: str) -> float:
    if not words or not wanted:
        return float(words == wanted)
    if measure == "gleu":
        return float(_package("nltk.translate.gleu_score", extra).sentence_gleu([wanted], words))
    bleu = _package("nltk.translate.bleu_score", extra)
    # Texts of less than four words have no 4-grams: without both of these the same text twice
    # is not 1, and one word that is wrong makes it 0.
    smooth = bleu.SmoothingFunction().method1
    return float(bleu.sentence_bleu([wanted], words, smoothing_function=smooth, auto_reweigh=True))


def _package(name: str, extra: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingDependencyError(name.partition(".")[0], extra) from error


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _rouge(n: int, words: Sequence[str], wanted: Sequence[str]) -> float:
    grams, known = _grams(n, words), _grams(n, wanted)
    return _f1((grams & known).total(), grams.total(), known.total())


def _grams(n: int, words: Sequence[str]) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[start : start + n]) for start in range(len(words) - n + 1))


def _common(words: Sequence[str], wanted: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(wanted) + 1)
    for word in words:
        diagonal = 0
        for place, other in enumerate(wanted, start=1):
            best = diagonal + 1 if word == other else max(row[place], row[place - 1])
            diagonal, row[place] = row[place], best
    return row[-1]


def _f1(same: int, given: int, wanted: int) -> float:
    return 2 * same / (given + wanted) if given + wanted else 0.0
