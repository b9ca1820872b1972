"""The options that every command has, and how it talks: results on stdout, words on stderr."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import typer

from finetune_sdk.types import parse_handle

if TYPE_CHECKING:
    from finetune_sdk.client import FineTuneClient


def clean(text: str) -> str:
    """Text without the control characters that could steer a terminal."""
    return "".join(c for c in text if c in "\n\t" or (c.isprintable() or ord(c) > 0x9F))


def say(text: str) -> None:
    """A line for people."""
    # Looked up anew each time: a progress bar puts its own stream here, to print above itself.
    print(clean(text), file=sys.stderr, flush=True)  # noqa: T201


def command_line(*words: str) -> str:
    """`finetune` and the words as a shell takes them."""
    return shlex.join(("finetune", *words))


@dataclass(frozen=True, kw_only=True)
class Session:
    """The global options.

    Attributes:
        profile: a profile's or provider's name; None is the config's choice.
        config: the config file; None is searched for.
        yes: ask nothing.
        json: results are JSON documents, one a line where they are many.
        words: the command as it was given, without `finetune`.
    """

    profile: str | None = None
    config: str | None = None
    yes: bool = False
    json: bool = False
    words: tuple[str, ...] = ()

    @classmethod
    def of(cls, context: typer.Context) -> Session:
        """The session of a command."""
        return cast("Session", context.obj)

    def open(self, handle: str | None = None) -> FineTuneClient:
        """The client of the chosen profile; without one, that of the handle's owner."""
        from finetune_sdk.client import FineTuneClient

        return FineTuneClient(self.profile or owner_of(handle), config=self.config)

    def say(self, text: str) -> None:
        """A line for people; programs that asked for JSON are spared."""
        if not self.json:
            say(text)

    def next(self, *words: str, of: str | None = None) -> None:
        """The next sensible command.

        Args:
            words: of the command.
            of: the handle that this command was about; its profile is that of the next one.
        """
        config = ("--config", self.config) if self.config else ()
        # A handle names its profile itself.
        named = any(owner_of(word) for word in words)
        chosen = self.profile or owner_of(of)
        profile = ("--profile", chosen) if chosen and not named else ()
        self.say(f"Next: {command_line(*words, *profile, *config)}")

    def confirm(self, question: str) -> None:
        """Asks a person at a terminal; a script has decided already.

        Raises:
            typer.Exit: the answer is no.
        """
        if self.yes or not sys.stdin.isatty():
            return
        if not typer.confirm(question, err=True):
            say("Nothing was done.")
            raise typer.Exit(1)


def owner_of(handle: str | None) -> str | None:
    """The profile in front of a handle, where there is one."""
    try:
        return parse_handle(handle).owner if handle else None
    except ValueError:
        return None
