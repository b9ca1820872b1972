"""`client.evaluations`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from finetune_sdk.resources.context import Context
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


class Evaluations:
    """Was it worth it?"""

    def __init__(self, context: Context) -> None:
        self._context = context

    def compare(
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
        """Asks a fine-tuned model, its base model and others the same held-out rows.

        The fine-tuned model is held against the best of the base model as the rows ask it, with
        examples of the training data before each question, and with the nearest ones.

        Each model is asked after the other. One that no deployment serves is deployed for that
        long: deployments that are free at once, those that are billed by the hour within
        `max_cost_per_hour`. Answers are kept in the state folder for 90 days, so that a comparison
        that was stopped goes on, and one with other scorers asks nothing again.

        Args:
            tuned: a job that succeeded, a checkpoint, a deployment, or the handle of a job or a
                deployment.
            test_data: rows that the model has not learned from, as `jobs.create` takes them. The
                last turn of each is the expected answer.
            training_data: what it has learned from, for examples and to find overlap; by default
                what the provider gives back of the job's rows.
            base: what serves the base model, as in `others`; by default the job's base model is
                deployed.
            others: further ones by a name of yours: deployments, handles (`azure-eu:recipes`, of
                another profile too), or functions of messages that give a text or a `ChatReply`.
            baselines: how the base model is asked.
            scorers: how answers are scored; the verdict goes by the first one's first measure. A
                Python function is called with the answer and the row, and gives a number.
            shots: examples before a question.
            temperature: 0 always takes the likeliest token; None leaves it to the server.
            max_tokens: of an answer; what is cut off counts as it is. None leaves it to the server.
            seed: of the choice of examples and of the resampling.
            concurrency: questions under way at a time; by default 4, or fewer where a server
                answers fewer at once. Seconds are measured under that load.
            require: what has to hold, such as `"exact_match>=0.8"` or `"better"`; it is told in
                `Comparison.gates`.
            options: of deployments that have to be made.
            max_cost_per_hour: US dollars of each deployment that has to be made.
            folder: gets `report.html`, `model-card.md`, `rows.csv` and `comparison.json`; an
                earlier comparison in it is replaced.
            fresh: asks everything again.
            progress: draw a bar; None does on a terminal or in a notebook.

        Raises:
            DatasetError: rows are wrong, or some to measure on were learned.
            EvaluationStoppedError: one answers no more; the same call goes on from there. Requests
                that fail are tried again first, and limits on requests are waited for.
            CostLimitError: a deployment is needed that costs more than `max_cost_per_hour`.
            ConfigurationError: an argument is wrong, or the folder holds something else.
            MissingDependencyError: the extra `evaluation` is not installed.
            UnsupportedError: the provider serves no models.
            NotFoundError: there is no such job or deployment.
        """
        # Most programs compare nothing, and start quicker without.
        from finetune_sdk.resources import comparing

        request = comparing.CompareRequest(
            tuned=tuned,
            test_data=test_data,
            training_data=training_data,
            base=base,
            others=others or {},
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
        return comparing.compare(self._context, request)
