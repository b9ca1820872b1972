"""What is asked for of a job that is not made, and its tokenizer: all but the weights."""

from __future__ import annotations

import os

from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.jobs.team import processes_of
from finetune_sdk.providers.local.models import weights
from finetune_sdk.providers.local.models.weights import Weights
from finetune_sdk.providers.local.training.order import Order, Teller, options_of, read_tokenizer
from finetune_sdk.providers.local.training.recipe import recipe


class _Listener(Teller):
    """Keeps what is said: there is no job yet whose events it could be."""

    def say(self, message: str) -> None:
        """Nobody waits for it."""

    def warn(self, message: str) -> None:
        if message not in self._said:
            self._said.add(message)
            self.warnings.append(message)


def read(folder: JobFolder) -> tuple[Order, Weights]:
    """The order in a job's folder, and where its model's weights are to be had.

    Raises:
        TrainingFailure: an option is wrong.
        FineTuneError: the model cannot be had.
    """
    spec = folder.spec()
    options, teller = options_of(spec), _Listener(folder)
    found = weights.find(spec.model, folder.home, os.environ)
    if found.note:
        teller.warn(found.note)
    card = weights.card(found, folder.home, teller.say)
    tokenizer = read_tokenizer(card.tokenizer, options)
    order = Order(
        folder,
        spec,
        options,
        recipe(spec, options),
        teller,
        card.base,
        tokenizer,
        processes_of(folder),
    )
    return order, found
