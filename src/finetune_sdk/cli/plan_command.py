"""`finetune plan`: what a recipe would do, cost and risk, for every profile side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finetune_sdk.cli import plans, render
from finetune_sdk.cli import recipe as recipes
from finetune_sdk.cli.failures import ExitCode
from finetune_sdk.cli.session import Session
from finetune_sdk.errors import ConfigurationError, FineTuneError
from finetune_sdk.transport import redact

if TYPE_CHECKING:
    from finetune_sdk.cli.recipe import Recipe
    from finetune_sdk.types import Plan


def plan(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .yaml or .toml file with the job's words.")
    ],
    model: Annotated[
        str | None, typer.Option(help="Instead of the recipe's: for another provider, say.")
    ] = None,
    profiles: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Profiles to compare, such as openai,azure-eu,local."),
    ] = None,
) -> None:
    """Say what creating a recipe's job would do and cost. Nothing is made, nothing is sent."""
    session = Session.of(context)
    recipe = recipes.load(file, model=model)
    if profiles is None:
        with session.open() as client:
            _show(session, recipes.plan(client, recipe))
        session.next("run", str(file))
        return
    names = [name.strip() for name in profiles.split(",") if name.strip()]
    if not names:
        raise ConfigurationError("`--profiles` is empty; give names, such as openai,local")
    columns = {name: _planned(session, name, recipe) for name in names}
    _compare(session, columns)
    if not any(column.plan for column in columns.values()):
        raise typer.Exit(ExitCode.ERROR)
    best = next(name for name, column in columns.items() if column.plan)
    session.next("run", str(file), "--profile", best)


def _planned(session: Session, name: str, recipe: Recipe) -> plans.Column:
    try:
        with Session(profile=name, config=session.config).open() as client:
            return plans.Column(plan=recipes.plan(client, recipe))
    except FineTuneError as error:
        # One place that cannot do it is what the comparison is for.
        return plans.Column(refusal=redact(str(error)))


def _show(session: Session, made: Plan) -> None:
    if session.json:
        render.document(made)
        return
    render.facts(plans.facts(made))
    for warning in plans.warnings(made):
        session.say(f"warning: {warning}")


def _compare(session: Session, columns: dict[str, plans.Column]) -> None:
    if session.json:
        for name, column in columns.items():
            if column.plan is not None:
                render.document(column.plan)
            else:
                render.plain_document({"owner": name, "refused": column.refusal})
        return
    render.compared(("", *columns), plans.rows(list(columns.values())))
    for name, column in columns.items():
        for warning in plans.warnings(column.plan) if column.plan else ():
            session.say(f"{name}: warning: {warning}")
