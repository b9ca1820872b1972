"""What holds for all faults of one code."""

from __future__ import annotations

from typing import NamedTuple

from finetune_sdk.types.dataset import Severity

OPENAI = ("openai", "azure_openai")
TEMPLATES = ("local", "autotrain")
"""Those that write rows with the base model's own chat template."""


class Code(NamedTuple):
    """What holds for all faults of one code.

    Attributes:
        severity: an error keeps a job from being made.
        what: what it is and what comes of it, for the documents.
        fix: how to mend it.
        providers: those that it concerns; empty is all.
        waivable: the caller may decide to live with it.
        mended: `mend` can do so without a guess.
    """

    severity: Severity
    what: str
    fix: str
    providers: tuple[str, ...] = ()
    waivable: bool = False
    mended: bool = False
