"""`finetune compare`: was the fine-tune worth it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, cast

import typer

from finetune_sdk.cli import recipe, render, waiting
from finetune_sdk.cli.failures import ExitCode
from finetune_sdk.cli.pairs import option_pairs, text_pairs
from finetune_sdk.cli.scorers import scorer_of
from finetune_sdk.cli.session import Session
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.types import ExactMatch, Judge

if TYPE_CHECKING:
    from finetune_sdk.client import FineTuneClient
    from finetune_sdk.evaluation.scoring import Grade
    from finetune_sdk.resources.comparing.request import Baseline
    from finetune_sdk.types import Candidate, Comparison, ProviderOptions, Scorer

_BASELINES = "base,few_shot,retrieved"


def compare(
    context: typer.Context,
    tuned: Annotated[
        str, typer.Argument(metavar="JOB|DEPLOYMENT", help="The fine-tuned model, by its handle.")
    ],
    test_data: Annotated[
        str, typer.Option(metavar="FILE", help="Rows that it has not learned from.")
    ],
    training_data: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="What it learned from; by default the job's own rows."),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(metavar="DEPLOYMENT", help="Of the base model; one is made by default."),
    ] = None,
    other: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=DEPLOYMENT", help="Another one, of any profile."),
    ] = None,
    baselines: Annotated[
        str, typer.Option(metavar="NAMES", help="How the base model is asked; empty: not at all.")
    ] = _BASELINES,
    scorer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WORD",
            help="exact_match, json, json=SCHEMA.json, similarity=MEASURE, regex=PATTERN, "
            "classification, python=MODULE:FUNCTION; exact_match by default.",
        ),
    ] = None,
    judge: Annotated[
        str | None, typer.Option(metavar="DEPLOYMENT", help="A model that grades answers.")
    ] = None,
    rubric: Annotated[str | None, typer.Option(help="What the judge calls a good answer.")] = None,
    shots: Annotated[int, typer.Option(min=1, help="Examples before a question.")] = 3,
    temperature: Annotated[float, typer.Option(min=0, help="0: the likeliest token.")] = 0.0,
    no_temperature: Annotated[
        bool, typer.Option("--no-temperature", help="Say none: some models refuse any.")
    ] = False,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Of an answer.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of what is drawn by lot.")] = 0,
    concurrency: Annotated[
        int | None, typer.Option(min=1, help="Questions at a time; as many as the place answers.")
    ] = None,
    require: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="Such as better, or exact_match>=0.8; else exit code 7."),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Of deployments that have to be made."),
    ] = None,
    max_cost_per_hour: Annotated[
        float | None, typer.Option(min=0, help="US dollars, of each that has to be made.")
    ] = None,
    folder: Annotated[str, typer.Option(metavar="FOLDER", help="For the report.")] = "comparison",
    fresh: Annotated[bool, typer.Option("--fresh", help="Ask everything again.")] = False,
) -> None:
    """Ask the fine-tuned model and others held-out rows: was it worth it? Goes on when stopped."""
    session = Session.of(context)
    words = dict.fromkeys(one.strip() for one in baselines.split(",") if one.strip())
    names = cast("list[Baseline]", list(words))
    scorers = _scorers(scorer, judge, rubric)
    others = text_pairs(other, "--other")
    # The command has its profile and its config in it.
    bare = replace(session, profile=None, config=None)
    with (
        waiting.leaving_alone(
            bare,
            "what was answered is kept",
            # What is asked anew now is kept, too.
            *(word for word in session.words if word != "--fresh"),
            stopped="Stopped",
        ),
        session.open(tuned) as client,
    ):
        _ask(session, client, test_data, [*names, "fine_tuned", *others], judge=judge)
        made = client.evaluations.compare(
            tuned,
            test_data=test_data,
            training_data=training_data,
            base=base,
            others=others,
            baselines=names,
            scorers=scorers,
            shots=shots,
            temperature=None if no_temperature else temperature,
            max_tokens=max_tokens,
            seed=seed,
            concurrency=concurrency,
            require=require or (),
            options=_options(client, option),
            max_cost_per_hour=max_cost_per_hour,
            folder=folder,
            fresh=fresh,
            progress=False if session.json else None,
        )
    _show(session, made)
    if not made.met:
        raise typer.Exit(ExitCode.GATE_NOT_MET)


def _options(client: FineTuneClient, words: Sequence[str] | None) -> list[ProviderOptions]:
    tables = {client.provider.name: option_pairs(words, "--option")}
    return recipe.options_for(client, tables, client.provider.capabilities.deployment_options)


def _scorers(
    words: Sequence[str] | None, judge: str | None, rubric: str | None
) -> list[Scorer | Grade]:
    chosen: list[Scorer | Grade] = [scorer_of(word) for word in words or ()]
    if rubric is not None and judge is None:
        raise ConfigurationError("`--rubric` is for a judge: name a deployment by `--judge`")
    if judge is not None:
        graded_by = Judge(deployment=judge)
        chosen.append(graded_by if rubric is None else Judge(deployment=judge, rubric=rubric))
    return chosen or [ExactMatch()]


def _ask(
    session: Session,
    client: FineTuneClient,
    test_data: str,
    names: Sequence[str],
    *,
    judge: str | None,
) -> None:
    rows = len(client.datasets.load(test_data))
    graded = f", and {judge} for a grade of each answer" if judge else ""
    each = f"{rows} of each of {', '.join(names)}"
    session.confirm(
        f"Ask {rows * len(names)} questions, {each}{graded}? What was answered before is kept."
    )


def _show(session: Session, made: Comparison) -> None:
    if session.json:
        render.document(made)
        return
    render.line(made.verdict.headline)
    render.line("")
    render.table(_columns(made), [_row(made, one) for one in made.candidates])
    render.line("")
    render.facts(_facts(made))
    for advice in made.verdict.advice:
        session.say(f"Try: {advice}")
    for warning in made.warnings:
        session.say(f"warning: {warning}")
    for gate in made.gates:
        met = "met" if gate.met else "NOT met"
        session.say(f"{met}: {gate.text} ({gate.measured})")
    session.say(f"The report: {made.folder}/report.html")


def _columns(made: Comparison) -> tuple[str, ...]:
    return ("", *made.measures, "seconds", "tokens", "US dollars for 1000", "failed")


def _row(made: Comparison, one: Candidate) -> tuple[str | None, ...]:
    scores = (_score(one, name, made.rows) for name in made.measures)
    use = one.usage
    seconds = None if use.latency_p50 is None else f"{use.latency_p50:.2f}"
    cost = None if use.cost_per_thousand is None else f"{use.cost_per_thousand:.2f}"
    told = (*scores, seconds, _tokens(one), cost, str(use.failed))
    return one.name, *("not known" if value is None else value for value in told)


def _score(one: Candidate, measure: str, rows: int) -> str | None:
    found = one.scores.get(measure)
    if found is None:
        return None
    fewer = "" if found.rows in (None, rows) else f", {found.rows} rows"
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f}{fewer})"


def _tokens(one: Candidate) -> str | None:
    read, written = one.usage.prompt_tokens, one.usage.completion_tokens
    return None if read is None or written is None else f"{read:.0f} + {written:.0f}"


def _facts(made: Comparison) -> list[tuple[str, str | None]]:
    pays = made.break_even
    after = f"after {pays.requests} requests: " if pays.requests else None
    return [
        ("rows", f"{made.rows}, intervals of {made.confidence:.0%}"),
        ("pays for itself", f"{after or ''}{pays.reason}"),
    ]
