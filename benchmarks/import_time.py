"""What importing costs, side by side: CPU milliseconds of a whole process, the floor taken off.

    python benchmarks/import_time.py [rounds]

Every candidate runs once a round, in turn: a machine that slows down slows all of them. What
is not installed is left out and said. `openai` and `litellm` are the peers.
"""

from __future__ import annotations

import importlib.util
import os
import resource
import statistics
import subprocess
import sys

FLOOR = "python -c pass"
CANDIDATES = {
    FLOOR: "pass",
    "import finetune_sdk": "import finetune_sdk",
    "  ... and FineTuneClient": "from finetune_sdk import FineTuneClient",
    "  ... and its local provider": "import finetune_sdk; finetune_sdk.FineTuneClient('local')",
    "finetune --help": (
        "import sys; sys.argv = ['finetune', '--help']\n"
        "from finetune_sdk.cli import main\n"
        "try: main()\nexcept SystemExit: pass"
    ),
    "import openai": "import openai",
    "import litellm": "import litellm",
}
PEERS = ("openai", "litellm")


def main(rounds: int) -> None:
    missing = [name for name in PEERS if importlib.util.find_spec(name) is None]
    chosen = {
        title: code
        for title, code in CANDIDATES.items()
        if not any(title == f"import {name}" for name in missing)
    }
    times: dict[str, list[float]] = {title: [] for title in chosen}
    for code in chosen.values():
        cpu_seconds(code)  # compiled files are written, and files are in the cache
    for _ in range(rounds):
        for title, code in chosen.items():
            times[title].append(cpu_seconds(code))
    show(times)
    for name in missing:
        print(f"left out: {name} is not installed")


def cpu_seconds(code: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Else litellm fetches its table of prices over the network while it is imported.
    environ = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    words = [sys.executable, "-c", code]
    subprocess.run(words, env=environ, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def show(times: dict[str, list[float]]) -> None:
    medians = {title: statistics.median(values) for title, values in times.items()}
    floor = medians[FLOOR]
    peer = medians.get("import openai")
    print(f"{'':32}{'CPU ms':>8}{'minus floor':>13}{'/ openai':>10}")
    for title, median in medians.items():
        ratio = f"{(median - floor) / (peer - floor):.3f}" if peer else "-"
        print(f"{title:32}{median * 1000:8.0f}{(median - floor) * 1000:13.0f}{ratio:>10}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
