"""What the extras bring may be used as we may be: by anybody, for a notice."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "licences.py"
OURS = "Name: finetune-anywhere\nVersion: 1.0\nRequires-Dist: stranger\n"


def checked(*paths: Path) -> subprocess.CompletedProcess[str]:
    """Runs the tool; what lies on a path hides what is installed."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    words = [sys.executable, str(TOOL)]
    return subprocess.run(words, env=environ, capture_output=True, text=True, check=False)


def installed(folder: Path, name: str, metadata: str) -> None:
    place = folder / f"{name}-1.0.dist-info"
    place.mkdir()
    (place / "METADATA").write_text(f"Metadata-Version: 2.4\n{metadata}")


def with_a_stranger(folder: Path, says: str) -> subprocess.CompletedProcess[str]:
    installed(folder, "finetune_anywhere", OURS)
    installed(folder, "stranger", f"Name: stranger\nVersion: 1.0\n{says}")
    return checked(folder)


def test_what_is_installed_here_is_allowed() -> None:
    done = checked()
    assert not done.returncode, done.stderr
    core = [line.split() for line in done.stdout.splitlines() if line.endswith("core")]
    assert "pydantic" in {words[0] for words in core}


@pytest.mark.parametrize(
    "says",
    [
        "License-Expression: MIT\n",
        "License-Expression: (GPL-2.0-only OR MIT) AND BSD-3-Clause\n",
        "License-Expression: Apache-2.0 WITH LLVM-exception\n",
        "License-Expression: MIT AND (BSD-3-Clause OR (GPL-3.0-only AND Zlib))\n",
        "License-Expression: GPL-3.0-or-later WITH GCC-exception-3.1 AND MIT\n",
        "Classifier: License :: OSI Approved :: MIT License\n",
        "License: BSD-3-Clause\n",
    ],
)
def test_what_may_be_used_passes(tmp_path: Path, says: str) -> None:
    done = with_a_stranger(tmp_path, says)
    assert not done.returncode, done.stderr


@pytest.mark.parametrize(
    ("says", "why"),
    [
        ("", "names no licence"),
        ("License: see the file\n", "names no licence"),
        ("License-Expression: AGPL-3.0-only\n", "AGPL-3.0-only is not in ALLOWED"),
        ("License-Expression: MIT AND GPL-3.0-or-later\n", "is not in ALLOWED"),
        ("License-Expression: (MIT OR Apache-2.0) AND GPL-3.0-only\n", "is not in ALLOWED"),
        ("License-Expression: GPL-3.0-only AND (MIT OR BSD-3-Clause)\n", "is not in ALLOWED"),
        ("License-Expression: AGPL-3.0-only WITH LLVM-exception\n", "is not in ALLOWED"),
        ("License-Expression: (MIT\n", "is not in ALLOWED"),
        (
            "Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)\n"
            "License: MIT\n",
            "names no licence",
        ),
        (
            "Classifier: License :: OSI Approved :: MIT License\n"
            "Classifier: License :: Other/Proprietary License\n",
            "names no licence",
        ),
    ],
)
def test_what_is_unknown_or_asks_for_more_is_an_error(tmp_path: Path, says: str, why: str) -> None:
    done = with_a_stranger(tmp_path, says)
    assert done.returncode == 1
    assert "not allowed: stranger 1.0: " in done.stderr
    assert why in done.stderr
