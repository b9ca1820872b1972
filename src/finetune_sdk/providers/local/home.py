"""Where everything lies in the state folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from finetune_sdk.errors import ConfigurationError


@dataclass(frozen=True)
class LocalHome:
    """`<state folder>/local` and the folders in it.

    Attributes:
        root: the folder itself.
    """

    root: Path

    @classmethod
    def of(cls, home: Path) -> LocalHome:
        """That of a state folder."""
        return cls(home.expanduser().absolute() / "local")

    @property
    def jobs(self) -> Path:
        """A folder a job, named by its id."""
        return self.root / "jobs"

    @property
    def files(self) -> Path:
        """Dataset files, named by their id: `<id>.jsonl`."""
        return self.root / "files"

    @property
    def models(self) -> Path:
        """Base models that had to be converted once, a folder each."""
        return self.root / "models"

    @property
    def deployments(self) -> Path:
        """A folder a deployment, named by its name."""
        return self.root / "deployments"

    @property
    def locks(self) -> Path:
        """Locks of the machine: one a slot that can train."""
        return self.root / "locks"

    def make(self, folder: Path) -> Path:
        """`folder`, made where it was missing, readable by its owner alone.

        Raises:
            ConfigurationError: it cannot be made or written.
        """
        try:
            # The mode is for the last part of a path alone.
            for part in (self.root, folder):
                part.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise self._unusable(folder, error.strerror or str(error)) from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise self._unusable(folder, "it is not writable")
        return folder

    def _unusable(self, folder: Path, reason: str) -> ConfigurationError:
        return ConfigurationError(
            f"the state folder {str(folder)!r} cannot be used: {reason}; "
            "name another one with FINETUNE_HOME or `home=`"
        )
