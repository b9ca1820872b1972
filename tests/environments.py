"""Virtual environments of their own, into which a test installs a package with the real pip."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

import finetune_sdk

_SCRIPT = """#!/bin/sh
exec "{python}" -m {module} "$@"
"""
_COMMANDS = {"pip": "pip", "finetune": "finetune_sdk.cli", "pytest": "pytest"}


class Environment:
    """A fresh environment that sees what this one has, and nothing of it sees what goes in there.

    Its pip asks no index: what is needed has to be here already.
    """

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False, symlinks=os.name != "nt")
        self._folder = folder
        seen = [place for place in sys.path if place.endswith("site-packages")]
        seen.append(str(Path(finetune_sdk.__file__).parents[1]))
        (self.site / "seen.pth").write_text("\n".join(seen) + "\n")
        for name, module in _COMMANDS.items():
            script = folder / "bin" / name
            script.write_text(_SCRIPT.format(python=self.python, module=module))
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
            "PIP_NO_INDEX": "1",
            # By its name the opposite: 0 is what takes the isolation away.
            "PIP_NO_BUILD_ISOLATION": "0",
            "PIP_NO_DEPS": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "COLUMNS": "100",
        }
