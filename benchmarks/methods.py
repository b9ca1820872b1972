"""Every method once on a tiny model: seconds, and what it has learned.

    python benchmarks/methods.py

The model has 0.1 M random weights and is made on the spot, so this shows that each method learns
and what its own arithmetic costs, not how long a model of use takes. One process, one thread: the
imports are paid before the first row.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"
sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.training.jobs import make_job, train
from tests.training.tiny import make_tiny_model

from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.options import LocalOptions
from finetune_sdk.types import (
    DPO,
    KTO,
    ORPO,
    Method,
    Metric,
    PythonGrader,
    Reinforcement,
    Reward,
    Supervised,
)

Row = Mapping[str, object]


def said(role: str, text: str) -> list[Row]:
    return [{"role": role, "content": text}]


PAIRS: list[Row] = [
    {
        "prompt": said("user", f"what is {i}?"),
        "chosen": said("assistant", "a cake of flour"),
        "rejected": said("assistant", "pepper and salt"),
    }
    for i in range(32)
]
CHATS: list[Row] = [{"messages": [*pair["prompt"], *pair["chosen"]]} for pair in PAIRS]  # type: ignore[misc]
THUMBS: list[Row] = [
    {"prompt": pair["prompt"], "completion": pair[kind], "label": kind == "chosen"}
    for pair in PAIRS[::2]
    for kind in ("chosen", "rejected")
]
QUESTIONS: list[Row] = [{"messages": pair["prompt"]} for pair in PAIRS[:8]]
LETTERS = PythonGrader(
    source="def grade(sample, item):\n"
    "    text = sample['output_text']\n"
    "    return sum(c.isascii() and c.isalpha() for c in text) / max(len(text), 1)\n"
)
GRADED = {
    "grader": LETTERS,
    "epochs": 10,
    "batch_size": 4,
    "num_generations": 4,
    "max_completion_length": 6,
}
KINDS = {"LoRA": (None, 5e-3), "full": (False, 1e-3)}
CASES: dict[str, tuple[type[Method], list[Row], dict[str, object], str]] = {
    "supervised": (Supervised, CHATS, {}, "loss"),
    "dpo": (DPO, PAIRS, {}, "rewards_margins"),
    "orpo": (ORPO, PAIRS, {}, "log_odds_chosen"),
    "kto": (KTO, THUMBS, {}, "rewards_margins"),
    "reward": (Reward, PAIRS, {}, "margin"),
    "reinforcement": (Reinforcement, QUESTIONS, GRADED, "reward"),
}


def main() -> None:
    head = f"{'method':15}{'weights':9}{'steps':>6}{'seconds':>9}{'loss':>18}"
    print(f"{head}  learned, after the first pass and the last")
    with tempfile.TemporaryDirectory() as home:
        model = make_tiny_model(Path(home) / "model")
        train(make_job(Path(home), model, CHATS, name="ftjob-imports", method=Supervised(epochs=1)))
        for name, (method, rows, own, number) in CASES.items():
            for kind, (lora, rate) in KINDS.items():
                faster = 10 if own else 1
                shared = {"epochs": 3, "batch_size": 4, "learning_rate": rate * faster}
                made = method(**{**shared, **own, "lora": lora})  # type: ignore[arg-type]
                job = make_job(
                    Path(home),
                    model,
                    rows,
                    name=f"ftjob-{name}-{kind}",
                    method=made,
                    validation=rows[:8],
                    options=LocalOptions(lr_scheduler="constant", warmup_steps=0),
                )
                began = time.perf_counter()
                show(name, kind, train(job), time.perf_counter() - began, number)


def show(name: str, kind: str, folder: JobFolder, seconds: float, number: str) -> None:
    lines = (folder.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    told = [Metric(**json.loads(line)) for line in lines]
    losses = values(told, "loss", "train")
    learned = values(told, number, "validation")
    steps = max(metric.step for metric in told)
    print(
        f"{name:15}{kind:9}{steps:6}{seconds:9.2f}{losses[0]:9.3f} ->{losses[-1]:6.3f}"
        f"  {number} {learned[0]:.3f} -> {learned[-1]:.3f}"
    )


def values(told: Iterable[Metric], name: str, split: str) -> list[float]:
    return [one.value for one in told if (one.name, one.split) == (name, split)]


if __name__ == "__main__":
    main()
