"""`finetune deploy`, `finetune deployments`, `finetune chat`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from finetune_sdk.cli import durations, lifetimes, render, waiting
from finetune_sdk.cli import recipe as recipes
from finetune_sdk.cli.pairs import option_pairs
from finetune_sdk.cli.session import Session, clean
from finetune_sdk.errors import ConfigurationError, NotFoundError, ProviderError
from finetune_sdk.resources.lifetimes import overdue
from finetune_sdk.types import DeploymentStatus

if TYPE_CHECKING:
    from finetune_sdk.client import FineTuneClient
    from finetune_sdk.types import Deployment

app = typer.Typer(no_args_is_help=True, help="Models that answer requests.")

Name = Annotated[str, typer.Argument(metavar="DEPLOYMENT", help="The deployment's handle or name.")]


def deploy(
    context: typer.Context,
    model: Annotated[
        str,
        typer.Argument(
            metavar="JOB|MODEL", help="A finished job's handle, a checkpoint's model, or a model."
        ),
    ],
    name: Annotated[str, typer.Option(help="Your name for it.")],
    option: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="One of the provider's own.")
    ] = None,
    max_cost_per_hour: Annotated[float | None, typer.Option(help="US dollars, at most.")] = None,
    ttl: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="How long it is needed: 45s, 90m, 8h, 2d. `deployments reap` deletes it then.",
        ),
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Come back before it is ready.")] = False,
) -> None:
    """Serve a fine-tuned model, or a base model."""
    session = Session.of(context)
    seconds = durations.seconds(ttl, "--ttl")
    with session.open(model) as client:
        own = {client.provider.name: option_pairs(option, "--option")}
        kind = client.provider.capabilities.deployment_options
        with waiting.leaving_alone(
            session, f"{name!r} may have been made all the same, and cost", "deployments", "list"
        ):
            made = client.deployments.create(
                model,
                name=name,
                options=recipes.options_for(client, own, kind),
                max_cost_per_hour=max_cost_per_hour,
                ttl=seconds,
            )
        if not detach:
            session.say(f"Waiting until {made.handle} is ready ...")
            with waiting.leaving_alone(
                session, f"{made.handle} is being made", "chat", made.handle
            ):
                made = _warned(client.deployments.wait(made), made.warnings)
    _show(session, made)
    session.next("chat", made.handle)


def _warned(made: Deployment, warnings: Sequence[str]) -> Deployment:
    """The deployment with what its creation warned of, which the provider does not say again."""
    return made.model_copy(update={"warnings": tuple(dict.fromkeys((*warnings, *made.warnings)))})


def _show(session: Session, made: Deployment) -> None:
    if session.json:
        render.document(made)
        return
    render.facts(
        [
            ("deployment", made.handle),
            ("status", made.status.value),
            ("model", made.model),
            ("url", made.url),
            ("cost", _cost(made)),
            ("expires", render.when(made.expires_at)),
            *made.settings.items(),
            *(("warning", warning) for warning in made.warnings),
        ]
    )


def _cost(made: Deployment) -> str | None:
    if made.cost_per_hour is None:
        return None
    if not made.cost_per_hour:
        return "nothing by the hour"
    return lifetimes.hourly(made.cost_per_hour)


@app.command("list")
def list_(context: typer.Context) -> None:
    """List deployments, and what they cost."""
    session = Session.of(context)
    with session.open() as client:
        found = list(client.deployments.list())
        profile, now = client.profile, client.provider.clock.now()
    if session.json:
        for made in found:
            render.document(made)
    elif found:
        render.table(_COLUMNS, [_row(made, now) for made in found])
        lifetimes.sum_up(session, found)
        session.next(*_next(found, now))
    else:
        session.say(f"{profile} has no deployments.")
        session.next("deploy", "JOB", "--name", "NAME")


def _next(found: Sequence[Deployment], now: datetime) -> tuple[str, ...]:
    if overdue(found, now):
        return lifetimes.REAP
    ready = [made.handle for made in found if made.status is DeploymentStatus.READY]
    return ("chat", ready[0]) if ready else ("deploy", "JOB", "--name", "NAME")


_COLUMNS = ("deployment", "status", "model", "url", "cost", "created", "expires")


def _row(made: Deployment, now: datetime) -> tuple[str | None, ...]:
    return (
        made.handle,
        made.status.value,
        made.model,
        made.url,
        _cost(made),
        render.when(made.created_at),
        lifetimes.expiry(made, now),
    )


@app.command()
def pause(context: typer.Context, deployment: Name) -> None:
    """Stop a deployment and what it costs, until it is resumed."""
    session = Session.of(context)
    with session.open(deployment) as client:
        found = client.deployments.pause(deployment)
    _show(session, found)
    session.next("deployments", "resume", found.handle)


@app.command()
def resume(context: typer.Context, deployment: Name) -> None:
    """Start a paused deployment again, and what it costs."""
    session = Session.of(context)
    with session.open(deployment) as client:
        found = client.deployments.resume(deployment)
    _show(session, found)
    session.next("chat", found.handle)


@app.command()
def delete(context: typer.Context, deployment: Name) -> None:
    """End a deployment and what it costs; the model stays."""
    session = Session.of(context)
    session.confirm(f"Delete the deployment {deployment}?")
    with session.open(deployment) as client:
        there = _is_there(client, deployment)
        client.deployments.delete(deployment)
    if session.json:
        render.plain_document({"deleted": deployment if there else None})
    session.say(f"Deleted {deployment}." if there else f"There was no deployment {deployment}.")
    session.next("deployments", "list", of=deployment)


def _is_there(client: FineTuneClient, deployment: str) -> bool:
    try:
        client.deployments.get(deployment)
    except NotFoundError:
        return False
    except ProviderError:
        return True  # It cannot be read, and deleting is what mends it.
    return True


def chat(
    context: typer.Context,
    deployment: Name,
    message: Annotated[
        str | None, typer.Argument(help="Without one: a conversation, or what stdin holds.")
    ] = None,
    system: Annotated[str | None, typer.Option(help="How the model is to behave.")] = None,
    temperature: Annotated[
        float | None, typer.Option(min=0, help="0 always takes the likeliest token.")
    ] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Of the answer.")] = None,
) -> None:
    """Ask a deployment."""
    session = Session.of(context)
    said: list[dict[str, object]] = [{"role": "system", "content": system}] if system else []
    with session.open(deployment) as client:
        for question in _questions(message):
            said.append({"role": "user", "content": question})
            answer = _answer(session, client, deployment, said, temperature, max_tokens)
            said.append({"role": "assistant", "content": answer})


def _answer(
    session: Session,
    client: FineTuneClient,
    deployment: str,
    said: list[dict[str, object]],
    temperature: float | None,
    max_tokens: int | None,
) -> str:
    reply = client.deployments.chat(
        deployment, said, temperature=temperature, max_tokens=max_tokens
    )
    render.line(reply.model_dump_json(exclude_none=True) if session.json else clean(reply.content))
    return reply.content


def _questions(message: str | None) -> Iterator[str]:
    if message is not None:
        yield message
    elif sys.stdin.isatty():
        yield from _conversation()
    elif text := sys.stdin.read().strip():
        yield text
    else:
        raise ConfigurationError("there is no message; give it as an argument or on stdin")


def _conversation() -> Iterator[str]:
    sys.stderr.write("Ctrl-D ends the conversation.\n")
    while True:
        sys.stderr.write("> ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            return
        if line.strip():
            yield line.strip()
