"""Where a job came from, kept beside the rows that it was made of."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from pydantic import ValidationError

from finetune_sdk.datasets.write import write_lines
from finetune_sdk.errors import ConfigurationError, DatasetError
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
            write_lines(_place(made), [made.to_json().encode()], overwrite=True)
    except (OSError, DatasetError) as error:
        return f"the job is made, and where it came from could not be written down: {error}"
    return None


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """Two at once would take the same name."""
    with ExitStack() as stack:
        # Where the folder alone can be written, and nothing beside it, it goes without.
        with suppress(ConfigurationError):
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
