"""A training in as many processes as torchrun starts: `torchrun ... -m tests.training.ranks`.

Prints the losses of two trainings, of rows that share their beginnings and of rows that do not.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from finetune_sdk.providers.local.training.shared import forward
from tests.training.test_loss import history, our_own


def sharing(**settings: Any) -> Any:
    """A trainer whose model shares what rows begin with alike."""
    trainer = our_own(**settings)
    forward.share(trainer.model)
    return trainer


def main(model: Path, out: Path) -> None:
    """Trains both ways; the first process prints."""
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    config: dict[str, Any] = {
        "per_device_train_batch_size": 4,
        "train_sampling_strategy": "sequential",
    }
    config["gradient_accumulation_steps"] = 2 // ranks
    told = {
        kind: [step["loss"] for step in history(make, model, out / kind, **config)]
        for kind, make in (("shared", sharing), ("plain", our_own))
    }
    if int(os.environ.get("RANK", "0")) == 0:
        print(json.dumps({"ranks": ranks, **told}))
    if ranks > 1:
        import_module("torch.distributed").destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
