"""Beginnings are shared in each of several processes, and the loss is that of one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.training.jobs import VENDOR_WARNINGS
from tests.training.ranks import main

pytestmark = VENDOR_WARNINGS


@pytest.mark.long
def test_two_processes_learn_as_one(
    tiny: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    main(tiny, tmp_path / "one")
    one: dict[str, Any] = json.loads(capfd.readouterr().out.splitlines()[-1])
    # Port 0: torchrun takes a free one.
    words = ["--nproc_per_node", "2", "--rdzv_backend", "c10d", "--rdzv_endpoint", "127.0.0.1:0"]
    words += ["-m", "tests.training.ranks", str(tiny), str(tmp_path / "two")]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "torch.distributed.run", *words],
        env={**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    two: dict[str, Any] = next(
        json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"ranks"')
    )
    assert (one["ranks"], two["ranks"]) == (1, 2)
    assert one["shared"] == pytest.approx(one["plain"], abs=1e-5)
    assert two["shared"] == pytest.approx(one["shared"], abs=1e-5)
    assert two["plain"] == pytest.approx(one["plain"], abs=1e-5)
