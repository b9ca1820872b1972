"""A plan for people: names and values, one plan or several side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from finetune_sdk.cli import render
from finetune_sdk.resources.costs import dollars
from finetune_sdk.types import Plan

_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Column:
    """What a profile says: a plan, or why it cannot."""

    plan: Plan | None = None
    refusal: str | None = None


def facts(plan: Plan) -> list[tuple[str, str | None]]:
    """What a plan says, by name; None is not known."""
    told = _main(plan)
    names = {name for name, _ in told}
    # What the provider says in its own words of the same is said in ours already.
    settings = _said(plan) | plan.settings
    return told + sorted(one for one in settings.items() if one[0] not in names)


def rows(columns: Sequence[Column]) -> list[list[str | None]]:
    """A row for each name that any plan has; what a profile cannot say is left empty."""
    told = [dict(_short(column)) for column in columns]
    names = dict.fromkeys(name for one in told for name, value in one.items() if value)
    return [[name, *(one.get(name) for one in told)] for name in names]


def _short(column: Column) -> list[tuple[str, str | None]]:
    plan = column.plan
    if plan is None:
        return [("provider", f"cannot: {column.refusal}")]
    return _main(plan) + [(name, plan.settings.get(name)) for name in _COMPARED]


_COMPARED = ("memory", "disk", "precision", "train_on")
"""The settings that help to choose between places."""


def _main(plan: Plan) -> list[tuple[str, str | None]]:
    spec, cost, tokens = plan.spec, plan.cost, plan.tokens
    return [
        ("provider", plan.provider),
        ("model", spec.model),
        ("method", spec.method.name.value),
        ("rows", _rows(plan)),
        ("tokens", _tokens(plan)),
        ("counted by", tokens.counter if tokens else None),
        ("epochs", f"{plan.epochs:g}, {plan.epochs_source}" if plan.epochs is not None else None),
        ("cost", _cost(plan)),
        ("cost is", f"an estimate: {cost.source}" if cost else None),
        ("time", _time(plan)),
        ("conversion", _conversion(plan)),
        ("shuts down", plan.shutdown_date.isoformat() if plan.shutdown_date else None),
    ]


def _said(plan: Plan) -> dict[str, str]:
    """What the caller has said in a word or a number, for where the provider does not repeat it."""
    spec = plan.spec
    words = {name: getattr(spec.method, name) for name in spec.method.given()} | {"seed": spec.seed}
    return {
        name: f"{_word(value)}, as you said"
        for name, value in words.items()
        if isinstance(value, int | float | str)
    }


def _word(value: float | str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else f"{value:.15g}"


def warnings(plan: Plan) -> Iterator[str]:
    """What the caller should know; findings of rows are counted after the first few."""
    yield from plan.warnings
    for report in (plan.training, plan.validation):
        if report is not None:
            yield from map(str, report.findings[:_SHOWN])
            more = report.warnings - _SHOWN
            if more > 0:
                yield f"{more} more finding(s): finetune data check {report.file}"


def _rows(plan: Plan) -> str | None:
    training, validation = plan.training, plan.validation
    if training is None:
        return None
    beside = f", and {validation.rows} to measure on" if validation is not None else ""
    return f"{training.rows} of format {training.format}{beside}"


def _tokens(plan: Plan) -> str | None:
    report = plan.tokens
    if report is None:
        return None
    about = "" if report.exact else "about "
    learned = f", {report.trained} learned" if report.trained is not None else ""
    return f"{about}{report.total}{learned}"


def _cost(plan: Plan) -> str:
    cost = plan.cost
    if cost is None:
        return f"unavailable: {plan.no_cost}"
    low, high = dollars(cost.low), dollars(cost.high)
    amount = low if low == high else f"{low} to {high}"
    day = f", as of {cost.as_of}" if cost.as_of else ""
    return f"{amount} US dollars{day}"


def _time(plan: Plan) -> str | None:
    if plan.seconds is None:
        return None
    return f"{render.span(plan.seconds.low)} to {render.span(plan.seconds.high)} (estimate)"


def _conversion(plan: Plan) -> str | None:
    done = plan.conversion
    if done is None:
        return None
    lost = f", loses {', '.join(loss.what for loss in done.lost)}" if done.lost else ""
    return f"{done.source} to {done.target}{lost}"
