"""`Evaluations`, asynchronous."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from finetune_sdk.resources.aio.base import Asynchronous
from finetune_sdk.resources.evaluations import Evaluations
from finetune_sdk.types import ExactMatch

if TYPE_CHECKING:
    from finetune_sdk.datasets.dataset import Source
    from finetune_sdk.evaluation.scoring import Grade
    from finetune_sdk.resources.comparing.request import Baseline, Subject
    from finetune_sdk.types import (
        Checkpoint,
        Comparison,
        Deployment,
        Job,
        ProviderOptions,
        Scorer,
    )


class AsyncEvaluations(Asynchronous):
    """`Evaluations`, asynchronous."""

    async def compare(
        self,
        tuned: Job | Checkpoint | Deployment | str,
        /,
        *,
        test_data: Source,
        training_data: Source | None = None,
        base: Subject | None = None,
        others: Mapping[str, Subject] | None = None,
        baselines: Sequence[Baseline] = ("base", "few_shot", "retrieved"),
        scorers: Sequence[Scorer | Grade] = (ExactMatch(),),
        shots: int = 3,
        temperature: float | None = 0.0,
        max_tokens: int | None = None,
        seed: int = 0,
        concurrency: int | None = None,
        require: Sequence[str] = (),
        options: Sequence[ProviderOptions] = (),
        max_cost_per_hour: float | None = None,
        folder: str | os.PathLike[str] | None = None,
        fresh: bool = False,
        progress: bool | None = None,
    ) -> Comparison:
        """See `Evaluations.compare`. Functions of yours are plain ones, called on threads."""
        return await self._do(
            lambda: Evaluations(self._context).compare(
                tuned,
                test_data=test_data,
                training_data=training_data,
                base=base,
                others=others,
                baselines=baselines,
                scorers=scorers,
                shots=shots,
                temperature=temperature,
                max_tokens=max_tokens,
                seed=seed,
                concurrency=concurrency,
                require=require,
                options=options,
                max_cost_per_hour=max_cost_per_hour,
                folder=folder,
                fresh=fresh,
                progress=progress,
            )
        )
