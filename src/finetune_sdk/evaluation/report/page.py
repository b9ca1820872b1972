"""A comparison as one page of HTML that loads nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.resources import files
from typing import Any

from finetune_sdk.evaluation.packages import package
from finetune_sdk.evaluation.report import canvas, costs, pictures, plain, rows, words
from finetune_sdk.evaluation.report.canvas import Picture
from finetune_sdk.evaluation.report.lineage import lineage, told
from finetune_sdk.evaluation.report.rows import Pair, Some
from finetune_sdk.types.comparison import Comparison

_PARTS = ("report.html.j2", "rows.html.j2", "report.css")

_TOLD: tuple[Callable[..., str], ...] = (
    words.chance,
    words.count,
    words.duration,
    words.graded,
    words.interval,
    words.measure,
    words.money,
    words.number,
    words.rows,
    words.signed,
    words.when,
)
"""What the template tells numbers by, under their own names."""


def html(comparison: Comparison) -> str:
    """The page.

    Raises:
        MissingDependencyError: jinja2 or matplotlib is not installed.
    """
    environment = _environment()
    template = environment.get_template(_PARTS[0])
    return str(template.render(**_shown(comparison), **_drawn(comparison)))


def _environment() -> Any:
    jinja = package("jinja2")
    home = files(__package__ or "")
    texts = {name: (home / name).read_text(encoding="utf-8") for name in _PARTS}
    environment = jinja.Environment(
        autoescape=True,
        finalize=_harmless,
        keep_trailing_newline=True,
        loader=jinja.DictLoader(texts),
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=jinja.StrictUndefined,
    )
    environment.filters.update({one.__name__: one for one in _TOLD})
    return environment


def _harmless(value: object) -> object:
    # Of an exact `str` alone: what is marked as HTML is a kind of it.
    return plain.brief(value) if type(value) is str else value


def _shown(comparison: Comparison) -> Mapping[str, object]:
    against = comparison.verdict.against
    measure = rows.ruler(comparison, against) if against is not None else None
    better, worse = _changed(comparison, against, measure)
    return {
        "comparison": comparison,
        "tuned": words.tuned(comparison),
        "against": comparison.candidate(against) if against is not None else None,
        "main": _main(comparison),
        "word": words.WORDS[comparison.verdict.word],
        "opening": words.opening(comparison.verdict),
        "mark": words.MARKS[comparison.verdict.word],
        "kinds": words.KINDS,
        "marks": words.MARKS,
        "words": words.WORDS,
        "label": partial(words.label, comparison),
        "ruler": measure,
        "better": better,
        "worse": worse,
        "failures": rows.failures(comparison),
        "lineage": lineage(comparison),
        "warnings": rows.some(told(comparison)),
        "advice": rows.some(comparison.verdict.advice),
    }


def _changed(
    comparison: Comparison, against: str | None, measure: str | None
) -> tuple[Some[Pair], Some[Pair]]:
    if against is None or measure is None:
        return rows.some(()), rows.some(())
    return rows.changed(comparison, against, measure)


def _main(comparison: Comparison) -> object:
    """The difference that the verdict goes by."""
    wanted = (comparison.measure, comparison.verdict.against)
    every = comparison.differences
    return next((one for one in every if (one.measure, one.against) == wanted), None)


def _drawn(comparison: Comparison) -> Mapping[str, object]:
    markup = package("markupsafe").Markup
    with canvas.drawing():
        scores = list(_scores(comparison))
        loss, cost = pictures.loss(comparison, "loss"), costs.cost(comparison, "cost")
    return {"scores": scores, "loss": loss, "cost": cost, "markup": markup}


def _scores(comparison: Comparison) -> Iterator[Picture]:
    for place, measure in enumerate(comparison.measures):
        drawn = pictures.scores(comparison, measure, f"score-{place}")
        if drawn is not None:
            yield drawn
