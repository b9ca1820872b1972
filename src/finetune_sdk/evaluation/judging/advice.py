"""What to try next, from what was measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from finetune_sdk.evaluation.gates import SHARES
from finetune_sdk.evaluation.judging.losses import apart, curve
from finetune_sdk.evaluation.judging.standing import BASELINES, Standing, percent
from finetune_sdk.evaluation.statistics import MIN_ROWS, rows_needed

_MANY_FAILED = 0.05
_MUCH_UNREADABLE = 0.1
_LOW = 0.5
_FAR = 100_000


def advice(found: Standing) -> tuple[str, ...]:
    """What to try next, most promising first; each with what was measured."""
    return tuple(sentence for one in _ALL for sentence in one(found))


def _deploy(found: Standing) -> Iterator[str]:
    score = found.tuned.scores.get(found.measure)
    if found.word == "better" and score is not None:
        low = percent(score.low) if found.counts_right else f"{score.low:.2f}"
        yield (
            f"Deploy {found.tuned.name}, and watch its {found.measure} on new rows: below {low}, "
            "the low end of its interval, it is no longer what was measured here."
        )


def _failed(found: Standing) -> Iterator[str]:
    for one in (found.tuned, found.best):
        if one is not None and one.usage.failed > _MANY_FAILED * one.usage.requests:
            yield (
                f"Look at the requests that failed: {one.usage.failed} of {one.usage.requests} to "
                f"{one.name} gave no answer, which counts as wrong."
            )


def _ungraded(found: Standing) -> Iterator[str]:
    if found.best is not None and found.gap is not None and found.is_partly_graded:
        yield (
            f"Look at the grades that are missing: {found.tuned.name} and {found.best.name} were "
            f"both graded by {found.measure} on {found.pairs} of {found.rows} rows, and the others "
            "may be those that are bad."
        )


def _format(found: Standing) -> Iterator[str]:
    scores = found.tuned.scores
    exact, valid = scores.get("exact_match"), scores.get("json_valid")
    if exact is None or valid is None:
        return
    if exact.value < _LOW and valid.value < 1 - _MUCH_UNREADABLE:
        yield (
            f"Look at the format: only {percent(valid.value)} of the answers of {found.tuned.name} "
            "are JSON, and what is none cannot be right; compare with the format of the training "
            "rows, or ask for JSON in the request."
        )


def _test_rows(found: Standing) -> Iterator[str]:
    if found.word != "cannot_tell" or found.gap is None:
        return
    needed = rows_needed(found.gap)
    if needed is None and found.is_small:
        yield f"More test rows: {MIN_ROWS} are the least that can tell anything."
    if needed is None or needed > _FAR:
        return
    if needed <= found.pairs:
        yield (
            f"More test rows than the {found.pairs}: the difference that was seen is at the edge "
            "of what so many can tell."
        )
    else:
        yield (
            f"More test rows: about {_round(needed)} would tell a difference as large as the one "
            f"seen on these {found.pairs}, if that is no chance."
        )


def _no_training(found: Standing) -> Iterator[str]:
    if found.best is None or found.is_small or found.word == "better":
        return
    name, free = found.best.name, found.best.kind in BASELINES
    why = ", which needs no training" if free else ""
    if found.word == "worse":
        yield f"No fine-tune: use {name}{why}; it scores more ({found.between()})."
    else:
        yield (
            f"Perhaps no fine-tune at all: nothing here shows {found.tuned.name} to be better than "
            f"{name}{why} ({found.between()})."
        )


def _fewer_epochs(found: Standing) -> Iterator[str]:
    validation = curve(found.learning, "validation")
    if validation is not None and validation.rises:
        step, least = validation.least
        yield (
            f"Fewer epochs, or more rows{_than(found)}: the validation loss was least at step "
            f"{step}, {least:.3g}, and has risen to {validation.last:.3g}; what came after was "
            "learned by heart."
        )


def _more_epochs(found: Standing) -> Iterator[str]:
    validation, train = curve(found.learning, "validation"), curve(found.learning, "train")
    seen, name = (validation, "validation") if validation is not None else (train, "training")
    if seen is None or not seen.falls:
        return
    if validation is not None and train is not None and apart(train, validation):
        yield (
            f"More epochs or more rows{_than(found)}: the validation loss still fell at the end, "
            f"from {seen.values[0]:.3g} at first to {seen.last:.3g}; on the rows that were learned "
            f"it is {train.last:.3g}."
        )
    else:
        yield (
            f"More epochs: the {name} loss still fell at the end, from {seen.values[0]:.3g} at "
            f"first to {seen.last:.3g}."
        )


def _more_training_rows(found: Standing) -> Iterator[str]:
    validation, train = curve(found.learning, "validation"), curve(found.learning, "train")
    if validation is None or train is None or validation.rises or validation.falls:
        return
    if apart(train, validation):
        yield (
            f"More rows to learn from{_than(found)}: the loss is {train.last:.3g} on them and "
            f"{validation.last:.3g} on the validation rows, so they are known better than the task."
        )


def _bigger_base(found: Standing) -> Iterator[str]:
    score = found.tuned.scores.get(found.measure)
    seen = curve(found.learning, "validation") or curve(found.learning, "train")
    low = score is not None and found.measure in SHARES and score.value < _LOW
    if score is not None and low and seen is not None and seen.is_flat:
        yield (
            f"A bigger base model: the loss no longer moved at the end ({seen.last:.3g}), and "
            f"{found.measure} is {found.told(score)}."
        )


def _than(found: Standing) -> str:
    return f" than the {found.training_rows}" if found.training_rows else ""


def _round(rows: int) -> int:
    """Up to two digits: it is a guess."""
    unit = int(10 ** max(0, math.floor(math.log10(rows)) - 1))
    return -(-rows // unit) * unit


_ALL: tuple[Callable[[Standing], Iterator[str]], ...] = (
    _deploy,
    _failed,
    _ungraded,
    _format,
    _test_rows,
    _no_training,
    _fewer_epochs,
    _more_epochs,
    _more_training_rows,
    _bigger_base,
)
