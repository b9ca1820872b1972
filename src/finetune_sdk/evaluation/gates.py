"""Requirements on a comparison, for programs that decide by it."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import get_args

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.evaluation.statistics import MIN_ROWS
from finetune_sdk.types.comparison import Candidate, Difference, Gate, Usage, Verdict
from finetune_sdk.types.grader import Similarity

_VERDICTS = ("better", "not worse")

_USAGE: Mapping[str, tuple[Callable[[Usage], float | None], str]] = {
    "latency_p50": (lambda usage: usage.latency_p50, " s"),
    "latency_p95": (lambda usage: usage.latency_p95, " s"),
    "failed": (lambda usage: usage.failed / usage.requests if usage.requests else None, ""),
    "prompt_tokens": (lambda usage: usage.prompt_tokens, ""),
    "completion_tokens": (lambda usage: usage.completion_tokens, ""),
    "cost_per_thousand": (lambda usage: usage.cost_per_thousand, " US dollars"),
}

WORDS = frozenset({"better", *_USAGE})
"""What a measure cannot be called."""

SHARES = frozenset(
    {"exact_match", "json_valid", "json_schema", "json_fields", "regex", "judge", "failed",
     "accuracy", "precision", "recall", "f1", *get_args(Similarity)}
)  # fmt: skip
"""What is from 0 to 1."""

_BY_ROW = frozenset({"json_fields"})
"""What some rows have nothing to grade by, whatever is answered."""

_MOST = 0.95
"""The share of the rows that has to be graded."""

_COMPARED: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "==": math.isclose,
}
_MEANT = {"=": "==", "=>": ">=", "=<": "<="}
_LIMIT = re.compile(r"([^\s<>=!]+)\s*([<>=!]+)\s*([^\s<>=!].*)")


@dataclass(frozen=True)
class Requirement:
    """One requirement, understood.

    Attributes:
        text: as it was written.
        name: `better`, `not worse`, a measure, or a number of what answers took.
        sign: how it is compared; None of a word.
        limit: what it is compared with.
        against: the candidate that a word is about; None is the one of the verdict.
    """

    text: str
    name: str
    sign: str | None = None
    limit: float = 0.0
    against: str | None = None


def parse(
    texts: Sequence[str], measures: Sequence[str], names: Sequence[str] = ()
) -> tuple[Requirement, ...]:
    """The requirements, understood before anything is asked.

    Args:
        texts: as they were written, such as `exact_match>=0.8`.
        measures: that the comparison has.
        names: of the other candidates.

    Raises:
        ConfigurationError: one cannot be understood; says what is allowed.
    """
    return tuple(_parsed(text, measures, names) for text in texts)


def _parsed(text: str, measures: Sequence[str], names: Sequence[str]) -> Requirement:
    words = " ".join(text.split())
    if words in _VERDICTS:
        return Requirement(text, words)
    word, than, name = words.partition(" than ")
    if than and word in _VERDICTS:
        if name not in names:
            there = ", ".join(f"`{one}`" for one in names) or "nobody else"
            raise _wrong(text, f"names {name!r}, who is not asked{_near(name, names)}; {there} is")
        return Requirement(text, word, against=name)
    found = _LIMIT.fullmatch(words)
    if found is None:
        raise _wrong(text, f"is none{_near(words, _VERDICTS)}")
    name, sign, number = found.groups()
    known = (*measures, *_USAGE)
    if name not in known:
        there = ", ".join(f"`{one}`" for one in known)
        raise _wrong(
            text, f"names {name!r}, which is not measured{_near(name, known)}; {there} are"
        )
    if sign not in _COMPARED:
        raise _wrong(text, f"compares by {sign!r}{_meant(sign)}")
    return Requirement(text, name, sign, _limit(text, name, number))


def _limit(text: str, name: str, written: str) -> float:
    digits, percent = written.removesuffix("%").strip(), written.endswith("%")
    try:
        limit = float(digits) / (100 if percent else 1)
    except ValueError:
        limit = math.nan
    if not math.isfinite(limit):
        raise _wrong(text, f"has {written!r} for a number")
    if name in _USAGE and name not in SHARES and percent:
        raise _wrong(text, f"has a percentage, and `{name}` is no share")
    if name in SHARES and not 0 <= limit <= 1:
        hint = f"; did you mean {digits}%?" if not percent and 1 < limit <= 100 else ""
        raise _wrong(text, f"has {written!r}, and `{name}` is from 0 to 1{hint}")
    return limit


def _wrong(text: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"the requirement {text!r} {why}; write `better` or `not worse`, also `than` "
        f"another candidate, or a name, one of {' '.join(_COMPARED)} and a number, such as "
        "`exact_match>=0.8` or `failed<1%`"
    )


def _near(word: str, known: Sequence[str]) -> str:
    found = get_close_matches(word.lower(), known, n=1)
    return f" (did you mean `{found[0]}`?)" if found else ""


def _meant(sign: str) -> str:
    return f" (did you mean `{_MEANT[sign]}`?)" if sign in _MEANT else ""


def held(
    requirements: Sequence[Requirement],
    *,
    tuned: Candidate,
    verdict: Verdict,
    differences: Sequence[Difference],
    measure: str,
) -> tuple[Gate, ...]:
    """The requirements, held against what came out.

    What was not measured meets none of them, nor does a measure that too many rows have no grade
    by: those that were left out may be the bad ones. Nor does a verdict on too few rows.

    Args:
        requirements: what `parse` has understood.
        tuned: the fine-tuned model.
        verdict: on it.
        differences: of the fine-tuned model to the others.
        measure: the main one.
    """
    gaps = {one.against: one for one in differences if one.measure == measure}
    return tuple(
        _word(one, gaps.get(one.against or verdict.against or ""), tuned.usage.requests)
        if one.sign is None
        else _number(one, tuned)
        for one in requirements
    )


def _word(one: Requirement, gap: Difference | None, every: int) -> Gate:
    if gap is None:
        return Gate(text=one.text, measured="there is nothing to compare with", met=False)
    rows = gap.better + gap.worse + gap.same
    if rows < MIN_ROWS:
        few = f"{rows} row(s) are too few to tell anything, {MIN_ROWS} are needed"
        return Gate(text=one.text, measured=few, met=False)
    met = gap.word == "better" if one.name == "better" else gap.word != "worse"
    told = f"{gap.word.replace('_', ' ')}, against {gap.against}{_on(rows, every)}"
    return Gate(text=one.text, measured=told, met=met and is_enough(gap.measure, rows, every))


def _number(one: Requirement, tuned: Candidate) -> Gate:
    value, told = _measured(one.name, tuned)
    met = value is not None and _COMPARED[one.sign or "=="](value, one.limit)
    score, every = tuned.scores.get(one.name), tuned.usage.requests
    enough = score is None or score.rows is None or is_enough(one.name, score.rows, every)
    return Gate(text=one.text, measured=told, met=met and enough)


def is_enough(measure: str, rows: int, every: int) -> bool:
    """Whether what was graded stands for all rows."""
    if rows >= every:
        return True
    return rows >= MIN_ROWS and (measure in _BY_ROW or rows >= _MOST * every)


def _on(rows: int, every: int) -> str:
    """On how many rows, where that is worth a word."""
    if rows < every:
        return f", on {rows} of {every} rows"
    return f", on {rows} row(s) only" if rows < MIN_ROWS else ""


def _measured(name: str, tuned: Candidate) -> tuple[float | None, str]:
    found = tuned.scores.get(name)
    if found is not None:
        between = f"{found.low:.4g} to {found.high:.4g}"
        rows = "" if found.rows is None else _on(found.rows, tuned.usage.requests)
        return found.value, f"{name} is {found.value:.4g} (95% interval {between}){rows}"
    if name not in _USAGE:
        return None, f"{name} is not known: no answer of {tuned.name} was graded by it"
    read, unit = _USAGE[name]
    value = read(tuned.usage)
    if value is None:
        why = f": {tuned.usage.cost_source}" if name == "cost_per_thousand" else ""
        return None, f"{name} is not known{why}"
    return value, f"{name} is {value:.4g}{unit}"
