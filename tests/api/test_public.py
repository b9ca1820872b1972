"""What is public changes on purpose only."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def check(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "tools/api_snapshot.py", "--check"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def test_the_public_surface_is_what_was_agreed() -> None:
    done = check(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_break_is_told_with_the_way_to_accept_it(tmp_path: Path) -> None:
    for name in ("tools/api_snapshot.py", "tests/api/public.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    agreed = tmp_path / "tests/api/public.txt"
    old = agreed.read_text().replace("cancel_job(self, job_id: str, /)", "cancel_job(self, /)")
    agreed.write_text(old.replace("finetune trust HOST\n", ""))
    done = check(tmp_path)
    assert done.returncode == 1
    assert "-    cancel_job(self, /) -> Job\n" in done.stdout
    assert "+    cancel_job(self, job_id: str, /) -> Job\n" in done.stdout
    assert "+finetune trust HOST" in done.stdout
    assert "run `python tools/api_snapshot.py`" in done.stdout
