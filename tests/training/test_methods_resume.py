"""Every method goes on after a stop as if there had been none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from finetune_sdk.providers.local.options import LocalOptions
from finetune_sdk.types import DPO, KTO, ORPO, Method, Reinforcement, Reward
from tests.training.jobs import VENDOR_WARNINGS, Row, make_job, train
from tests.training.test_methods import PAIRS, QUICK, THUMBS, WHOLE, but
from tests.training.test_methods_reinforcement import LETTERS, QUESTIONS, SHORT
from tests.training.test_resume import cut, lines, weights

pytestmark = VENDOR_WARNINGS

_GRPO = but(SHORT, grader=LETTERS, epochs=2, learning_rate=5e-3)


@pytest.mark.parametrize(
    ("method", "rows"),
    [
        (DPO(**but(QUICK, epochs=2)), PAIRS[:7]),
        # In an epoch's last batch, TRL counts as many rows of each part for its numbers as the
        # whole has over, and after a stop the whole is another one.
        (ORPO(**but(WHOLE, epochs=2)), PAIRS[:8]),
        (KTO(**but(WHOLE, epochs=2)), THUMBS[:7]),
        (Reward(**but(QUICK, epochs=2)), PAIRS[:7]),
        (Reinforcement(**_GRPO), QUESTIONS[:7]),
        (Reinforcement(**_GRPO, lora=False, beta=0.1), QUESTIONS[:7]),
    ],
    ids=lambda value: f"{value.name}-{value.lora}" if hasattr(value, "lora") else "",
)
def test_the_same_weights_and_the_same_numbers(
    tiny: Path, tmp_path: Path, method: Method, rows: Sequence[Row]
) -> None:
    """Two steps an epoch, most with less than a batch at its end; stopped within the second."""
    options = LocalOptions(micro_batch_size=2, save_steps=1, keep_checkpoints=9, logging_steps=2)
    job = make_job(tmp_path, tiny, rows, method=method, options=options, validation=rows[:3])
    straight = train(job)
    resumed = train(cut(straight, 3, "ftjob-cut"))
    assert weights(resumed) == weights(straight)
    told, expected = (
        [one for one in lines(folder) if one.name != "step_time"] for folder in (resumed, straight)
    )
    assert told == expected
