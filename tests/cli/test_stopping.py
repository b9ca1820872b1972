"""Who waits may be stopped at any point: the job goes on, and is found again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from finetune_sdk.types import Job, JobStatus
from tests.cli.conftest import Command
from tests.cli.test_processes import RECIPE, finished, started
from tests.local.small_jobs import Bench


def begun(box: Bench, project: Path, steps: int) -> Job:
    (project / "r.yaml").write_text(RECIPE % steps)
    made = finished("run", "r.yaml", "--detach", "--json")
    assert made.returncode == 0, made.stderr
    return box.running(Job.from_json(made.stdout)).model_copy(update={"profile": "box"})


def test_stopped_at_twenty_points_it_leaves_the_job_alone_and_says_how_to_go_on(
    box: Bench, project: Path
) -> None:
    """POL-17."""
    job = begun(box, project, 10_000)
    done = subprocess.run(
        [sys.executable, "-m", "tests.cli.stopping", job.handle],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    points = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(points) == 20
    told = [point for point in points if point["words"]]
    for point in points:
        assert point["code"] == 128 + point["number"], point
    for point in told:
        assert point["words"].rstrip().endswith(f"Next: finetune jobs wait {job.handle}"), point
        assert f"the job {job.handle} goes on" in point["words"]
        assert "Traceback" not in point["words"]
    # Those that are silent were stopped before the command had begun.
    assert len(told) >= 13
    folder = box.folder(job)
    assert box.get(job).status is JobStatus.RUNNING
    assert not (folder / "cancel").exists()
    assert len((folder / "starts.jsonl").read_text().splitlines()) == 1


def test_a_waiter_that_is_killed_is_followed_by_another(
    finetune: Command, box: Bench, project: Path
) -> None:
    """POL-13."""
    job = begun(box, project, 40)
    with started("jobs", "wait", job.handle) as waiter:
        assert waiter.stderr is not None
        first = waiter.stderr.readline()
        waiter.send_signal(signal.SIGKILL)
    again = finetune("jobs", "wait", job.handle)
    assert again.code == 0, again.err
    assert first in again.err
    events = (box.folder(job) / "events.jsonl").read_text().splitlines()
    assert len({json.loads(line)["id"] for line in events}) == len(events)
    assert len((box.folder(job) / "starts.jsonl").read_text().splitlines()) == 1
