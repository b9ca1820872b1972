"""How often a deployment gives exactly the answer that the row has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from finetune_sdk import Deployment, FineTuneClient

Row = Mapping[str, Any]


def exact_match(
    client: FineTuneClient, deployment: Deployment, rows: Iterable[Row]
) -> list[tuple[Row, str, bool]]:
    """Each row with what was answered, and whether both are the same JSON."""
    scored: list[tuple[Row, str, bool]] = []
    for row in rows:
        *question, expected = row["messages"]
        reply = client.deployments.chat(deployment, question, temperature=0, max_tokens=64)
        scored.append((row, reply.content, _same(reply.content, expected["content"])))
    return scored


def _same(given: str, expected: str) -> bool:
    try:
        return bool(json.loads(given) == json.loads(expected))
    except ValueError:
        return False
