"""The command `finetune`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from finetune_sdk.cli.signals import signals


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: its words; None takes those of the process.

    Returns:
        The exit code; `finetune_sdk.cli.failures.ExitCode` says what each means.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if reconfigure := getattr(sys.stdout, "reconfigure", None):
        # A sign that the terminal's encoding lacks is no reason to fail.
        reconfigure(errors="backslashreplace")
    with signals() as received:
        code = _run(words)
    code = received.exit_code or code
    return code if _flushed() else code or 1


def _run(words: list[str]) -> int:
    try:
        from finetune_sdk.cli import app

        app.run(words)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001 - whatever it is, people get one line
        from finetune_sdk.cli import failures

        return failures.tell(error, debug="--debug" in words)
    return 0


def _flushed() -> bool:
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison] - it was closed
        return True
    try:
        sys.stdout.flush()
    except OSError:
        # The reader has gone, or the disk is full. Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True
