"""What a process of its own is asked about a job before it is made."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from pydantic import TypeAdapter

from finetune_sdk.errors import ServerError
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.preflight.asking import ask
from finetune_sdk.providers.local.settings import NAME
from finetune_sdk.types import Inspection, TokenPiece

_LOG = logging.getLogger("finetune_sdk")

_INSPECTOR = "finetune_sdk.providers.local.preflight.inspect"
_LABELLER = "finetune_sdk.providers.local.preflight.label"

_PATIENCE = 300.0
"""Seconds until the look is given up. It bounds itself where it can: a tokenizer cannot be."""

_TOKENS = TypeAdapter(list[tuple[TokenPiece, ...]])


def inspect(
    draft: JobFolder, environ: Mapping[str, str], *, patience: float = _PATIENCE
) -> Inspection:
    """What is found out about a job whose `spec.json` is in a folder; nothing is made there.

    Takes some seconds; with many rows half a minute, with a model that was never seen before as
    long as it takes to fetch its tokenizer.

    Args:
        patience: seconds until it is given up, and the job made without it.

    Raises:
        FineTuneError: it would fail, or the look itself failed.
    """
    _LOG.info("looking at the rows, the model and the machine; this takes some seconds")
    try:
        return Inspection.model_validate(ask(_INSPECTOR, draft, environ, patience=patience))
    except TimeoutError:
        words = (
            f"the job was looked at for {patience:g} seconds without an end; what is "
            "wrong will show when it trains"
        )
        return Inspection(warnings=(words,))


def tokens(
    draft: JobFolder, environ: Mapping[str, str], *, patience: float = _PATIENCE
) -> list[tuple[TokenPiece, ...]]:
    """The rows of such a job, token by token.

    Args:
        patience: seconds until it is given up.

    Raises:
        FineTuneError: the job would fail, or they cannot be had in time.
    """
    _LOG.info("cutting the rows into the tokens of the model; this takes some seconds")
    try:
        return _TOKENS.validate_python(ask(_LABELLER, draft, environ, patience=patience))
    except TimeoutError:
        raise ServerError(
            f"the rows were not cut into tokens in {patience:g} seconds; try it again: most likely "
            "the tokenizer was being fetched",
            provider=NAME,
            code="inspection_failed",
        ) from None
