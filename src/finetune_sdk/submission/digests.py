"""When two calls are the same call."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256

from finetune_sdk.types import JobSpec


def call_digest(spec: JobSpec, rows: Sequence[str]) -> str:
    """SHA-256, in hexadecimal, of all that shapes a job: its words and its rows, not its key.

    Args:
        spec: its files are not looked at.
        rows: what tells the rows: of a file its digest, of what a provider holds its id.
    """
    left_out = {"schema_version", "key", "call", "training_file", "validation_file"}
    words = spec.model_dump(mode="json", exclude=left_out, exclude_none=True)
    text = json.dumps([words, list(rows)], sort_keys=True, ensure_ascii=True)
    return sha256(text.encode()).hexdigest()
