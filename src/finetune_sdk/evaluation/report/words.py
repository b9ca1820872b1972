"""Numbers and names of a comparison as people read them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from finetune_sdk.types.comparison import Candidate, Comparison, Estimate, Verdict, Word

UNKNOWN = "not known"

WORDS: Mapping[Word, str] = MappingProxyType(
    {"better": "Better", "worse": "Worse", "cannot_tell": "Cannot tell"}
)
MARKS: Mapping[Word, str] = MappingProxyType({"better": "▲", "worse": "▼", "cannot_tell": "◆"})
"""Told apart without colour."""

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "base": "the base model, asked as the rows ask",
        "few_shot": "the base model, with a few rows of the training data before each question",
        "retrieved": "the base model, with the nearest rows of the training data before each",
        "fine_tuned": "the fine-tuned model",
        "other": "another deployment",
    }
)
_LABELS: Mapping[str, str] = {
    "base": "base model",
    "few_shot": "few-shot",
    "retrieved": "retrieved",
    "fine_tuned": "fine-tuned",
}


def tuned(comparison: Comparison) -> Candidate:
    """The fine-tuned model."""
    return next(one for one in comparison.candidates if one.kind == "fine_tuned")


def label(comparison: Comparison, name: str) -> str:
    """What people call a candidate: the caller's own name, or ours in words."""
    kinds = {one.name: one.kind for one in comparison.candidates}
    return _LABELS.get(kinds.get(name, "other"), name)


def opening(verdict: Verdict) -> str:
    """The verdict in a word, empty where the headline begins with it."""
    word = WORDS[verdict.word]
    return "" if verdict.headline.casefold().startswith(word.casefold()) else word


def measure(name: str) -> str:
    """A measure's name in words."""
    return name.replace("_", " ")


def number(value: float) -> str:
    """A score."""
    return _minus(f"{value:.3f}" if abs(value) < 10 else f"{value:,.1f}")


def signed(value: float) -> str:
    """What is more or less than something."""
    return _minus(f"{value:+.3f}" if abs(value) < 10 else f"{value:+,.1f}")


def interval(estimate: Estimate, *, sign: bool = False) -> str:
    """From where to where an estimate reaches."""
    told = signed if sign else number
    return f"{told(estimate.low)} to {told(estimate.high)}"


def chance(p_value: float) -> str:
    """A p-value."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"


def money(dollars: float | None) -> str:
    """US dollars, of cents and less with two digits that tell."""
    if dollars is None:
        return UNKNOWN
    size = abs(dollars)
    sign = "−" if dollars < 0 else ""
    if not size:
        return "$0"
    if size >= 100:
        return f"{sign}${size:,.0f}"
    return f"{sign}${size:.{max(2, 1 - math.floor(math.log10(size)))}f}"


def duration(seconds: float | None) -> str:
    """Seconds of an answer."""
    if seconds is None:
        return UNKNOWN
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def count(value: float | None) -> str:
    """How many, to the nearest."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def rows(number: int) -> str:
    """So many rows."""
    return f"{number:,} {'row' if number == 1 else 'rows'}"


def graded(estimate: Estimate, every: int) -> str:
    """On how many rows, where some have no grade; else nothing."""
    if estimate.rows is None or estimate.rows >= every:
        return ""
    return f"on {estimate.rows:,} of {rows(every)}"


def when(moment: datetime | None) -> str:
    """A day and a minute."""
    if moment is None:
        return UNKNOWN
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _minus(text: str) -> str:
    return text.replace("-", "−")
