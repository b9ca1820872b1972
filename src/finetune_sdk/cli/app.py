"""The command tree, and the options that stand before or after any command."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Annotated

import typer

from finetune_sdk._version import __version__
from finetune_sdk.cli import (
    compare_command,
    data,
    deployments,
    doctor,
    export_command,
    jobs,
    learned,
    lifetimes,
    local,
    migrate_command,
    models,
    pausing,
    plan_command,
    run_command,
    setup,
    sweep_command,
)
from finetune_sdk.cli.session import Session

app = typer.Typer(
    name="finetune",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # The rich help cuts long options off.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Fine-tunes language models: at a provider, or on this machine.",
    epilog=(
        "The options --profile, --config, --yes, --json and --debug may also follow a command. "
        "Exit codes: 0 done, 1 error, 2 usage, 3 the job failed, 4 submission unknown, 5 status "
        "unavailable, 6 cost limit, 7 gate not met, 130 stopped watching."
    ),
)

_FLAGS = frozenset({"--json", "--yes", "-y", "--debug"})
_VALUED = ("--profile", "--config")


def run(words: Sequence[str]) -> None:
    """Runs one command.

    Raises:
        SystemExit: the command is not understood, or ends with a code of its own.
    """
    command = typer.main.get_command(app)
    command.main(args=hoisted(words), prog_name="finetune", obj=tuple(words))


def hoisted(words: Sequence[str]) -> list[str]:
    """The words with the global options in front, wherever they stood before a `--`."""
    front: list[str] = []
    rest: list[str] = []
    left = iter(words)
    for word in left:
        if word == "--":
            rest += [word, *left]
        elif word in _FLAGS or word.startswith(tuple(f"{name}=" for name in _VALUED)):
            front.append(word)
        elif word in _VALUED and (value := list(islice(left, 1))):
            front += [word, *value]
        else:
            rest.append(word)
    return front + rest


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"finetune-anywhere {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A profile of finetune.toml, or a provider's name."),
    ] = None,
    config: Annotated[
        str | None, typer.Option(metavar="FILE", help="The config file to read.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print JSON documents, and nothing else on stdout.")
    ] = False,
    _debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    _shown: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_version, help="Print the version."),
    ] = False,
) -> None:
    words: tuple[str, ...] = context.obj or ()
    context.obj = Session(profile=profile, config=config, yes=yes, json=json, words=words)


app.command("init")(setup.init)
app.command("doctor")(doctor.doctor)
app.add_typer(data.app, name="data")
app.command("plan")(plan_command.plan)
app.command("run")(run_command.run)
app.command("export")(export_command.export)
app.command("migrate")(migrate_command.migrate)
app.command("sweep")(sweep_command.sweep)
app.command("compare")(compare_command.compare)
for command in (
    learned.show,
    learned.metrics,
    learned.checkpoints,
    pausing.pause,
    pausing.resume,
    pausing.recover,
):
    jobs.app.command()(command)
app.add_typer(jobs.app, name="jobs")
app.command("deploy")(deployments.deploy)
deployments.app.command()(lifetimes.reap)
app.add_typer(deployments.app, name="deployments")
app.command("chat")(deployments.chat)
app.add_typer(models.app, name="models")
app.add_typer(local.app, name="local")
app.command("trust")(setup.trust)
