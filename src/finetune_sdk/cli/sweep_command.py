"""`finetune sweep`: many jobs, and which of them came out best."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from finetune_sdk.cli import recipe as recipes
from finetune_sdk.cli import render, waiting
from finetune_sdk.cli.failures import ExitCode
from finetune_sdk.cli.pairs import option_pairs, text_pairs
from finetune_sdk.cli.session import Session, say
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.resources.costs import dollars
from finetune_sdk.resources.progress import watched
from finetune_sdk.resources.sweeping.table import columns, rows, shown
from finetune_sdk.types import JobStatus

if TYPE_CHECKING:
    from finetune_sdk.cli.recipe import Recipe
    from finetune_sdk.client import FineTuneClient
    from finetune_sdk.types import Sweep, Trial

_RECIPES = (".yaml", ".yml", ".toml")


def sweep(
    context: typer.Context,
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="RECIPE | MODEL DATA", help="A recipe file; or a base model, and rows."
        ),
    ],
    grid: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=V,V", help="Values of one name; each combination is a job."),
    ] = None,
    trial: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=V,KEY=V", help="Instead of a grid: the values of one job."),
    ] = None,
    at_once: Annotated[int, typer.Option(min=1, help="Jobs that run at a time.")] = 2,
    max_cost: Annotated[
        float | None, typer.Option(help="US dollars, at most, for all of them.")
    ] = None,
    metric: Annotated[str, typer.Option(help="What they are compared by.")] = "loss",
    split: Annotated[
        Literal["train", "validation"] | None, typer.Option(help="The rows it is measured on.")
    ] = None,
    goal: Annotated[
        Literal["min", "max"] | None, typer.Option(help="Whether less or more is better.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Another name makes other jobs of the same.")
    ] = None,
    validation_data: Annotated[
        str | None, typer.Option(metavar="FILE", help="Rows to measure on.")
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="How to learn, such as dpo; supervised by default."),
    ] = None,
    hyperparameter: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="One that all of them share.")
    ] = None,
    suffix: Annotated[str | None, typer.Option(help="A word for the results' names.")] = None,
    seed: Annotated[int | None, typer.Option(help="Makes the runs repeatable.")] = None,
    option: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="One of the provider's own.")
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(metavar="CODE", help="A finding to live with, such as secret_in_text."),
    ] = None,
    timeout: Annotated[float | None, typer.Option(min=0, help="Seconds, at most.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Show it, and make nothing.")] = False,
) -> None:
    """Make a job for each of many values, wait, and name the best. Goes on when stopped."""
    session = Session.of(context)
    table = {
        "validation_data": validation_data,
        "method": _method(method, hyperparameter),
        "suffix": suffix,
        "seed": seed,
        "allow": allow,
    }
    with session.open() as client:
        options = {client.provider.name: option_pairs(option, "--option")} if option else None
        recipe = _recipe(what, {**table, "options": options})
        run = partial(
            _shared(client, recipe, max_cost=max_cost, name=name),
            grid=_grid(grid),
            trials=[_trial(text) for text in trial or ()] or None,
            at_once=at_once,
            metric=metric,
            split=split,
            goal=goal,
        )
        for warning in recipe.warnings(client.provider.name):
            session.say(f"warning: {warning}")
        planned = run(plan_only=True)
        _show_plan(session, planned, alone=plan)
        if plan:
            return
        _ask(session, planned, at_once)
        with _leaving_alone(session):
            tell = None if session.json or watched() else _Teller()
            progress = False if session.json else None
            made = run(timeout=timeout, progress=progress, on_trial=tell)
        _show(session, made)
        if made.best is not None and made.best.job is not None:
            session.next(*waiting.after_success(client, made.best.job))
    _end(made)


def _shared(
    client: FineTuneClient, recipe: Recipe, *, max_cost: float | None, name: str | None
) -> Callable[..., Sweep]:
    """The verb, told what all jobs share."""
    words = recipes.words(client, recipe)
    return partial(
        client.jobs.sweep,
        model=words["model"],
        training_data=words["training_data"],
        validation_data=words["validation_data"],
        method=words["method"],
        max_cost=words["max_cost"] if max_cost is None else max_cost,
        name=words["idempotency_key"] if name is None else name,
        suffix=words["suffix"],
        seed=words["seed"],
        metadata=words["metadata"],
        options=words["options"],
        allow=words["allow"],
        strict=words["strict"],
    )


def _method(name: str | None, words: Sequence[str] | None) -> dict[str, object] | None:
    """The method in a recipe's words; None where nothing of it was said."""
    pairs = option_pairs(words, "--hyperparameter")
    return {"type": name or "supervised", **pairs} if name or pairs else None


def _recipe(what: Sequence[str], table: Mapping[str, object]) -> Recipe:
    said = {name: value for name, value in table.items() if value is not None}
    if len(what) == 1 and what[0].endswith(_RECIPES):
        if said:
            raise ConfigurationError(
                f"a recipe says {', '.join(f'`{name}`' for name in said)} itself; write it there"
            )
        return recipes.load(Path(what[0]))
    if len(what) != 2:
        raise ConfigurationError(
            "`sweep` takes a recipe file (.yaml, .yml, .toml), or a base model and a file of rows"
        )
    words = {"model": what[0], "training_data": what[1], **said}
    return recipes.of_table(words, source="the options")


def _grid(words: Sequence[str] | None) -> dict[str, list[object]] | None:
    return {key: _list(text, key) for key, text in text_pairs(words, "--grid").items()} or None


def _list(text: str, key: str) -> list[object]:
    """`1e-4,2e-4`; or a JSON list, for values with a comma in them."""
    if not text.startswith("["):
        return [_value(part) for part in text.split(",")]
    try:
        found: list[object] = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"`--grid {key}` is no valid JSON: {error}") from None
    return found


def _trial(text: str) -> dict[str, object]:
    pairs = text_pairs(text.split(","), "--trial")
    return {key: _value(value) for key, value in pairs.items()}


def _value(text: str) -> object:
    """A number, `true`, `false` or `null` as JSON has them; else the text itself."""
    try:
        found: object = json.loads(text)
    except ValueError:
        return text.strip()
    return found


def _leaving_alone(session: Session) -> AbstractContextManager[None]:
    # The command has its profile and its config in it.
    bare = replace(session, profile=None, config=None)
    left = "the jobs that were begun go on, and the same command goes on with them"
    return waiting.leaving_alone(bare, left, *session.words)


def _show_plan(session: Session, planned: Sweep, *, alone: bool) -> None:
    """What it would make and cost; for programs only where nothing comes after it."""
    if session.json:
        if alone:
            render.document(planned)
        return
    _table(planned)
    for warning in planned.warnings:
        session.say(f"warning: {warning}")
    if alone:
        session.say("Nothing was made. The same command without --plan makes it.")


def _ask(session: Session, planned: Sweep, at_once: int) -> None:
    left = sum(one.status == "waiting" for one in planned.trials)
    if not left:
        return
    made = sum(one.job is not None for one in planned.trials)
    before = f" ({made} are made already)" if made else ""
    cost = planned.estimate
    words = "not known" if cost is None else f"up to {dollars(cost.high)} US dollars"
    session.confirm(
        f"Make {left} job(s) at {planned.owner}{before}, {at_once} at a time? Cost of all "
        f"{len(planned.trials)}: {words}."
    )


class _Teller:
    """A line whenever a trial has come further: a log is read, not watched."""

    def __init__(self) -> None:
        self._told: dict[int, tuple[object, ...]] = {}

    def __call__(self, trial: Trial) -> None:
        measured = f" {trial.metric.name} {trial.metric.value:.4g}" if trial.metric else ""
        news = (trial.status, measured)
        if self._told.get(trial.number) == news:
            return
        self._told[trial.number] = news
        values = ", ".join(f"{name}={shown(value)}" for name, value in trial.values.items())
        handle = f" {trial.job.handle}" if trial.job is not None else ""
        trouble = f": {trial.trouble}" if trial.trouble else ""
        say(f"trial {trial.number} ({values}):{handle} {trial.status}{measured}{trouble}")


def _show(session: Session, made: Sweep) -> None:
    if session.json:
        render.document(made)
        return
    if not (watched() and sys.stdout.isatty()):
        # Where somebody has watched it fill, it stands there already.
        _table(made)
    for one in made.trials:
        if one.trouble is not None:
            session.say(f"trial {one.number}: {one.trouble}")
    for warning in made.warnings:
        session.say(f"warning: {warning}")
    session.say(_verdict(made))


def _table(sweep: Sweep) -> None:
    """The columns that say something."""
    told = zip(columns(sweep), *rows(sweep), strict=True)
    kept = [column for column in told if any(column[1:])]
    render.table(
        [name for name, *_ in kept], list(zip(*(cells for _, *cells in kept), strict=True))
    )


def _verdict(made: Sweep) -> str:
    best, what = made.best, f"{made.metric} ({made.split})"
    if best is None or best.metric is None:
        return f"No trial has measured {what}, so none is the best."
    values = ", ".join(f"{name}={shown(value)}" for name, value in best.values.items())
    return f"The best is trial {best.number} ({values}): {what} {best.metric.value:.4g}"


def _end(made: Sweep) -> None:
    if not made.complete:
        paused = any(one.status == JobStatus.PAUSED for one in made.trials)
        raise typer.Exit(ExitCode.ERROR if paused else ExitCode.COST_LIMIT)
    if not any(one.status == JobStatus.SUCCEEDED for one in made.trials):
        raise typer.Exit(ExitCode.JOB_FAILED)
