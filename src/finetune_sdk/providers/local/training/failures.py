"""Why a training failed, as a code that programs read and words that people read."""

from __future__ import annotations

import errno
from collections.abc import Iterator

from finetune_sdk.errors import (
    FineTuneError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    QuotaExceededError,
)

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_FULL_WORDS = ("no space left on device", "disk quota exceeded")
# Torch raises a plain RuntimeError on a CPU and on Apple's devices.
_MEMORY_WORDS = ("out of memory", "not enough memory", "can't allocate memory")


class TrainingFailure(Exception):  # noqa: N818 - what failed is the training
    """A failure that is understood.

    Attributes:
        code: stable name of the reason.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def explain(error: BaseException) -> TrainingFailure:
    """Whatever ended the training, as a failure with a code and the next step."""
    chain = list(_chain(error))
    known = next((link for link in chain if isinstance(link, TrainingFailure)), None)
    if known is not None:
        return known
    if any(map(_is_full, chain)):
        return disk_full()
    if any(map(_is_memory, chain)):
        return TrainingFailure("out_of_memory", _memory(error))
    if isinstance(error, FineTuneError):
        return TrainingFailure(_code(error), str(error))
    return TrainingFailure("trainer_error", f"{type(error).__name__}: {error}")


def disk_full() -> TrainingFailure:
    """The failure of a training whose disk is full."""
    return TrainingFailure("disk_full", "the disk is full; free some space first")


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__


def _is_full(error: BaseException) -> bool:
    if isinstance(error, QuotaExceededError):
        return True
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    # safetensors tells a full disk in words alone.
    return any(words in str(error).lower() for words in _FULL_WORDS)


def _is_memory(error: BaseException) -> bool:
    # Torch's own class is told by its name, since torch may not be loaded yet.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in _MEMORY_WORDS)


def _memory(error: BaseException) -> str:
    first = str(error).split("\n", 1)[0][:200]
    return (
        f"the memory was not enough ({first}); lower `LocalOptions.micro_batch_size`, shorten the "
        "rows, set `LocalOptions(gradient_checkpointing=True)`, use LoRA, or take a smaller model"
    )


def _code(error: FineTuneError) -> str:
    if isinstance(error, NotFoundError):
        return "model_not_found"
    if isinstance(error, PermissionDeniedError):
        return "model_not_allowed"
    return error.code or "trainer_error" if isinstance(error, ProviderError) else "model_unusable"
