"""The quickstart itself, on the real weights. It takes minutes: `make test-long`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from finetune_sdk import Comparison
from tests.support import needs_weights

ROOT = Path(__file__).parent.parent


@pytest.mark.long
@pytest.mark.timeout(1800)
@needs_weights
def test_the_quickstart_teaches_the_model(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "quickstart.py")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "quickstart-loss.png").stat().st_size > 10_000
    assert (tmp_path / "quickstart-report" / "report.html").stat().st_size > 10_000
    kept = (tmp_path / "quickstart-report" / "comparison.json").read_bytes()
    found = Comparison.from_json(kept)
    assert found.verdict.word == "better"
    assert found.verdict.headline in " ".join(done.stdout.split())
    assert found.candidate("base").scores["exact_match"].value <= 0.1
    assert found.candidate("fine_tuned").scores["exact_match"].value >= 0.6
