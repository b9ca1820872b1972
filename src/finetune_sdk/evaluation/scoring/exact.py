"""The very answer that was expected."""

from __future__ import annotations

from dataclasses import dataclass

from finetune_sdk.evaluation.scoring import documents
from finetune_sdk.evaluation.scoring.part import Given


@dataclass(frozen=True)
class Exact:
    """1 where the answer is the expected one, else 0."""

    @property
    def measures(self) -> tuple[str, ...]:
        return ("exact_match",)

    def scores(self, given: Given) -> dict[str, float]:
        answer, expected = given.compared
        if expected is None:
            return {}
        return {"exact_match": float(answer is not None and _same(answer, expected))}


def _same(answer: str, expected: str) -> bool:
    wanted = documents.read(expected)
    # A number may be a version or a code, of which every digit counts.
    if wanted is None or not isinstance(wanted.value, dict | list):
        return answer.strip() == expected.strip()
    found = documents.read(answer)
    return found is not None and found.canonical == wanted.canonical
