"""Where a job came from, kept beside the rows that it was made of."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from pydantic import ValidationError

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.resources.exporting import locks
from finetune_sdk.resources.exporting.reading import read
from finetune_sdk.types import Migration

NAME = "migration.json"


def keep(made: Migration) -> str | None:
    """Writes the migration into the folder of its export, whole or not at all.

    Returns:
        Why it could not be written: the job is made all the same.
    """
    try:
        with _alone(Path(made.folder)):
            _write(_place(made), made.to_json() + "\n")
    except OSError as error:
        return (
            f"the job is made, and {NAME!r} cannot be written in {made.folder!r}: {error.strerror}"
        )
    return None


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """Two at once would take the same name."""
    with ExitStack() as stack:
        # Where the folder alone can be written, and nothing beside it, it goes without.
        with suppress(OSError, ConfigurationError):
            stack.enter_context(locks.held(folder))
        yield


def _place(made: Migration) -> Path:
    """The first target has the plain name; the others their own behind it."""
    first = Path(made.folder, NAME)
    try:
        target = Migration.from_json(read(first)).target
    except FileNotFoundError:
        return first
    except (OSError, ValidationError):
        target = None
    return first if target == made.target else first.with_name(f"migration-{made.target}.json")


def _write(place: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile(
        "w", dir=place.parent, prefix=f".{place.name}.", encoding="utf-8", delete=False
    ) as part:
        try:
            part.write(text)
            part.close()
            # A temporary file is for its owner alone; this one is a file like its neighbours.
            Path(part.name).chmod(0o644)
            Path(part.name).replace(place)
        except BaseException:
            Path(part.name).unlink(missing_ok=True)
            raise
