"""Virtual environments of their own, into which a test installs a package with the real pip."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

import finetune_sdk

_COMMANDS = {
    # No index is asked, and nothing is fetched to build with: it has to be here already.
    "pip": 'shift; exec "{python}" -m pip install --no-index --no-deps --no-build-isolation "$@"',
    "finetune": 'exec "{python}" -m finetune_sdk.cli "$@"',
    "pytest": 'exec "{python}" -m pytest "$@"',
}
"""What stands on its path, as lines of a shell. Of pip there is `install` alone."""


class Environment:
    """A fresh environment: it sees what this one has, and this one sees nothing of it."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False, symlinks=True)
        self._folder = folder
        seen = [place for place in sys.path if place.endswith("site-packages")]
        seen.append(str(Path(finetune_sdk.__file__).parents[1]))
        (self.site / "seen.pth").write_text("\n".join(seen) + "\n")
        for name, line in _COMMANDS.items():
            script = folder / "bin" / name
            script.write_text(f"#!/bin/sh\n{line.format(python=self.python)}\n")
            script.chmod(0o755)

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self._folder / "bin" / "python"

    @property
    def site(self) -> Path:
        """Where its packages lie."""
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self._folder / "lib" / version / "site-packages"

    def run(self, command: str, *, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs a line of a shell in it; both of its outputs come in one, as on a terminal."""
        return subprocess.run(
            ["sh", "-c", command],
            cwd=cwd,
            env={**self._variables(), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
        )

    def _variables(self) -> Mapping[str, str]:
        own = str(self._folder)
        return {
            "PATH": os.pathsep.join([str(self._folder / "bin"), os.environ["PATH"]]),
            "HOME": own,
            "XDG_CONFIG_HOME": f"{own}/config",
            "FINETUNE_HOME": f"{own}/state",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "COLUMNS": "100",
        }
