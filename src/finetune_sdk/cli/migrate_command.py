"""`finetune migrate`: a job that is made again at another place."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Annotated

import typer

from finetune_sdk.cli import plans, render, waiting
from finetune_sdk.cli import recipe as recipes
from finetune_sdk.cli.pairs import option_pairs, text_pairs
from finetune_sdk.cli.session import Session
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.providers.registry import FAKE
from finetune_sdk.types import MultiGrader, PythonGrader, Reinforcement

if TYPE_CHECKING:
    from pydantic import JsonValue

    from finetune_sdk.client import FineTuneClient
    from finetune_sdk.types import Change, Migration, Plan, ProviderOptions

_COLUMNS = ("what", "", "there", "here", "why")
_LONGEST = 60
_NAMED = 5


def migrate(
    context: typer.Context,
    what: Annotated[
        str,
        typer.Argument(metavar="JOB|FOLDER", help="A job; or the folder of one that was exported."),
    ],
    to: Annotated[str, typer.Option(metavar="PROFILE", help="Where to make it again.")],
    model: Annotated[str | None, typer.Option(help="The base model there.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    learning_rate_multiplier: Annotated[
        float | None, typer.Option(help="Factor on the provider's own rate.")
    ] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the data.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Rows per step.")] = None,
    hyperparameter: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE", help="Another of the method's; an empty VALUE leaves it out."
        ),
    ] = None,
    training_data: Annotated[
        str | None, typer.Option(metavar="FILE", help="Instead of the job's rows.")
    ] = None,
    validation_data: Annotated[
        str | None, typer.Option(metavar="FILE", help="Instead of the job's rows.")
    ] = None,
    suffix: Annotated[
        str | None, typer.Option(help="Instead of the job's; an empty one leaves it out.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Instead of the job's.")] = None,
    metadata: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Instead of the job's.")
    ] = None,
    max_cost: Annotated[float | None, typer.Option(help="US dollars, at most.")] = None,
    option: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="One of the provider's own.")
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="Another key makes another job of the same.")
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(metavar="CODE", help="A finding to live with, such as secret_in_text."),
    ] = None,
    folder: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Gets the job's export.")
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Show it, and make nothing.")] = False,
    trust_programs: Annotated[
        bool,
        typer.Option("--trust-programs", help="A folder's rewards and Python graders may run."),
    ] = False,
) -> None:
    """Make a job again at another place, and say what became of each of its words."""
    session = Session.of(context)
    flags = {
        "learning_rate": learning_rate,
        "learning_rate_multiplier": learning_rate_multiplier,
        "epochs": epochs,
        "batch_size": batch_size,
    }
    with _leaving_alone(session), replace(session, profile=to).open() as target:
        with _source(session, what) as (client, job):
            planned = client.jobs.migrate(
                job,
                to=target,
                model=model,
                training_data=training_data,
                validation_data=validation_data,
                hyperparameters=_hyperparameters(flags, hyperparameter),
                suffix=suffix,
                seed=seed,
                metadata=text_pairs(metadata, "--metadata") if metadata else None,
                max_cost=max_cost,
                options=_options(target, option),
                idempotency_key=idempotency_key,
                allow=tuple(allow or ()),
                folder=folder,
                plan_only=True,
                trust_programs=trust_programs,
            )
        _show(session, planned, alone=plan)
        if not plan:
            session.confirm(f"Make {planned.source} again at {to}? {_cost(planned.plan)}")
            _tell(session, target.jobs.migrate(planned, to=target))


def _leaving_alone(session: Session) -> AbstractContextManager[None]:
    # The command has its profile and its config in it.
    bare = replace(session, profile=None, config=None)
    left = "a job that was made already goes on, and the same command finds it"
    return waiting.leaving_alone(bare, left, *session.words)


@contextmanager
def _source(session: Session, what: str) -> Generator[tuple[FineTuneClient, str | Path]]:
    """Whom to ask for the job, and for what; of a folder that it was exported to, nobody."""
    folder = Path(what).expanduser()
    if (folder / "job.json").is_file():
        # Any place does: it is not asked, and the job's own may be gone.
        with Session(profile=FAKE, config=session.config).open() as client:
            yield client, folder
    elif (found := _no_export(what, folder)) is not None:
        raise ConfigurationError(found)
    else:
        with session.open(what) as client:
            yield client, what


def _no_export(what: str, folder: Path) -> str | None:
    """Why what looks like a folder is no exported job; None where it looks like none."""
    looks_so = any(mark in what for mark in "/\\")
    if not folder.is_dir():
        return f"{what!r}: there is no such folder" if looks_so else None
    jobs = [one.parent for one in sorted(folder.glob("*/job.json"))]
    if not jobs:
        return (
            f"{what!r} is a folder without a job.json, and no exported job; if you mean a job of "
            "that id, say it as `profile:id`"
        )
    named = ", ".join(repr(str(one)) for one in jobs[:_NAMED])
    more = f", and {len(jobs) - _NAMED} more" if len(jobs) > _NAMED else ""
    return f"{what!r} holds {len(jobs)} exported job(s); name one: {named}{more}"


def _hyperparameters(
    flags: Mapping[str, object], words: Sequence[str] | None
) -> dict[str, object] | None:
    """The caller's words; None where there are none."""
    given = {name: value for name, value in flags.items() if value is not None}
    pairs = option_pairs(words, "--hyperparameter")
    if twice := sorted(given.keys() & pairs.keys()):
        raise ConfigurationError(
            f"`--hyperparameter {twice[0]}` stands beside an option of that name"
        )
    said = {**given, **{name: None if value == "" else value for name, value in pairs.items()}}
    return said or None


def _options(client: FineTuneClient, words: Sequence[str] | None) -> list[ProviderOptions]:
    tables = {client.provider.name: option_pairs(words, "--option")}
    return recipes.options_for(client, tables, client.provider.capabilities.options)


def _show(session: Session, planned: Migration, *, alone: bool) -> None:
    """The report and the plan; for programs only where nothing comes after it."""
    if session.json:
        if alone:
            render.document(planned)
        return
    render.compared(_COLUMNS, [_row(change) for change in planned.changes])
    render.line("")
    render.facts(plans.facts(planned.plan))
    for name, text in _programs(planned):
        render.plain_line(f"\n{name} (a program, which is run):")
        render.plain_line(indent(text.rstrip(), "    "))
    for warning in plans.warnings(planned.plan):
        session.say(f"warning: {warning}")
    if alone:
        session.say("Nothing was made. The same command without --plan makes it.")


def _programs(planned: Migration) -> Iterator[tuple[str, str]]:
    """What would be run, to its last line: whoever says yes to it has seen it."""
    method = planned.plan.spec.method
    if not isinstance(method, Reinforcement):
        return
    if method.rewards:
        yield "rewards", "\n".join(method.rewards)
    grader = method.grader
    parts = grader.graders if isinstance(grader, MultiGrader) else {"grader": grader}
    for name, part in parts.items():
        if isinstance(part, PythonGrader):
            yield name, part.source


def _row(change: Change) -> tuple[str, ...]:
    there, here = _text(change.was), _text(change.now)
    return change.name, change.outcome.replace("_", " "), there, here, change.why


def _text(value: JsonValue) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        text = ", ".join(f"{name}={_text(one)}" for name, one in value.items())
    else:
        text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _cost(plan: Plan) -> str:
    told = dict(plans.facts(plan))["cost"]
    return f"Cost: {told}."


def _tell(session: Session, made: Migration) -> None:
    if session.json:
        render.document(made)
    if made.job is None:
        return
    session.say(f"{made.source} is made again as {made.job.handle}; its export is {made.folder}")
    for warning in made.job.warnings:
        if warning not in made.plan.warnings:
            session.say(f"warning: {warning}")
    replace(session, profile=None).next("jobs", "wait", made.job.handle)
