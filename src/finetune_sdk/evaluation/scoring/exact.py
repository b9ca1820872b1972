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
        if given.expected is None:
            return {}
        return {"exact_match": float(_same(given.answer, given.expected))}


def _same(answer: str, expected: str) -> bool:
    wanted = documents.read(expected)
    if wanted is None:
        return answer.strip() == expected.strip()
    found = documents.read(answer)
    return found is not None and found.canonical == wanted.canonical
