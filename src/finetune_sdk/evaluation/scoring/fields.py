"""Answers that are JSON: valid at all, as a schema wants them, with the expected values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, cast

from finetune_sdk.errors import ConfigurationError, DatasetError
from finetune_sdk.evaluation.examples import Example
from finetune_sdk.evaluation.scoring import documents
from finetune_sdk.evaluation.scoring.documents import Document
from finetune_sdk.evaluation.scoring.part import Given
from finetune_sdk.evaluation.scoring.schema import allows, validator_of
from finetune_sdk.types.scorer import JsonMatch

_NAMED = 20


@dataclass(frozen=True)
class Fields:
    """`json_valid`, `json_schema` where there is a schema, and `json_fields`.

    Where calls of tools are expected, they are what is compared.

    Attributes:
        names: of the fields that count; empty are all.
        validator: of the schema.
    """

    names: frozenset[str]
    validator: Any = None

    @property
    def measures(self) -> tuple[str, ...]:
        schema = ("json_schema",) if self.validator is not None else ()
        return ("json_valid", *schema, "json_fields")

    def scores(self, given: Given) -> dict[str, float]:
        answer, expected = given.compared
        found = None if answer is None else documents.read(answer)
        scores = {"json_valid": float(found is not None)}
        if self.validator is not None:
            allowed = found is not None and allows(self.validator, found, given.place)
            scores["json_schema"] = float(allowed)
        wanted = None if expected is None else documents.read(expected)
        share = self._share(found, wanted) if wanted is not None else None
        return scores if share is None else {**scores, "json_fields": share}

    def _share(self, found: Document | None, wanted: Document) -> float | None:
        """Of the expected fields, those that have the expected value; of the expected items, those
        that are there, each as often as it is expected. What is there beyond them costs nothing,
        but where nothing is expected. None where no field of the row counts."""
        there = found.value if found is not None else None
        if not _is_object(wanted):
            return _items(there, cast("list[object]", wanted.value))
        fields = cast("dict[str, object]", wanted.value)
        counted = {name: fields[name] for name in fields if not self.names or name in self.names}
        if fields and not counted:
            return None
        return _named(there, counted)


def _named(found: object, wanted: dict[str, object]) -> float:
    if not isinstance(found, dict):
        return 0.0
    fields = cast("dict[str, object]", found)
    if not wanted:
        return float(not fields)
    same = [name in fields and _same(fields[name], value) for name, value in wanted.items()]
    return sum(same) / len(same)


def _items(found: object, wanted: list[object]) -> float:
    if not isinstance(found, list):
        return 0.0
    items = cast("list[object]", found)
    if not wanted:
        return float(not items)
    there = Counter(map(documents.canonical, wanted)) & Counter(map(documents.canonical, items))
    return there.total() / len(wanted)


def _same(one: object, other: object) -> bool:
    return documents.canonical(one) == documents.canonical(other)


def fields_of(scorer: JsonMatch, examples: Sequence[Example]) -> Fields:
    """The scorer, held against the schema's own rules and the expected answers.

    Raises:
        ConfigurationError: the schema is none, or no expected answer has a field of `fields`.
        DatasetError: an expected answer is no JSON object or list.
        MissingDependencyError: the package `jsonschema` is not installed.
    """
    expected = [_document(one) for one in examples]
    _refuse_strangers(scorer.fields, expected)
    validator = None if scorer.schema_ is None else validator_of(scorer.schema_)
    for one, example in zip(expected, examples, strict=True):
        if validator is not None:  # What the schema refers to and does not hold is told now.
            allows(validator, one, f"line {example.line}")
    return Fields(frozenset(scorer.fields), validator)


def _document(example: Example) -> Document:
    expected = example.expected if example.expected_calls is None else example.expected_calls
    found = None if expected is None else documents.read(expected)
    if found is None or not isinstance(found.value, dict | list):
        raise DatasetError(
            f"line {example.line}: the expected answer is no JSON object or list, which the "
            "scorer `json` needs; mend the row, or leave the scorer out"
        )
    return found


def _refuse_strangers(names: Sequence[str], expected: Sequence[Document]) -> None:
    objects = [cast("dict[str, object]", one.value) for one in expected if _is_object(one)]
    known = {key for one in objects for key in one}
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            there = ", ".join(f"`{key}`" for key in sorted(known)[:_NAMED]) or "none"
            raise ConfigurationError(
                f"`fields` of the scorer `json` names {name!r}, which no expected answer has"
                f"{hint}; they have: {there}"
            )


def _is_object(one: Document) -> bool:
    return isinstance(one.value, dict)
