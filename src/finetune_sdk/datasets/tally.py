"""Counts all findings and keeps as many as are shown."""

from __future__ import annotations

from collections import Counter

from finetune_sdk.datasets.codes import CODES
from finetune_sdk.datasets.faults import Fault
from finetune_sdk.datasets.rules import RowRules
from finetune_sdk.types.dataset import Finding, Severity


class Tally:
    """The findings of one check: warnings never crowd out errors, nor many of a kind another kind.

    Attributes:
        counts: of all findings, by severity.
        codes: of all findings, by code.
    """

    def __init__(self, place: str, rules: RowRules, limit: int) -> None:
        self.counts: dict[Severity, int] = {"error": 0, "warning": 0}
        self.codes: Counter[str] = Counter()
        self._place, self._rules, self._limit = place, rules, limit
        self._kept: dict[tuple[Severity, str], list[Finding]] = {}

    def add(self, line: int, fault: Fault) -> None:
        """Notes a fault, as grave as it is for whom the rows are for."""
        severity = severity_of(fault.code, self._rules)
        if severity is None:
            return
        self.counts[severity] += 1
        self.codes[fault.code] += 1
        kept = self._kept.setdefault((severity, fault.code), [])
        if len(kept) < self._limit or not line:
            kept.append(fault.finding(self._place, line, severity))

    def findings(self) -> tuple[Finding, ...]:
        """What is shown, in the order of the lines."""
        shown = [*self._ranked("error"), *self._ranked("warning")][: self._limit]
        return tuple(sorted(shown, key=_line))

    def _ranked(self, severity: Severity) -> list[Finding]:
        """The first of each code, then the second of each, and so on."""
        kinds = [kept for (grave, _), kept in self._kept.items() if grave == severity]
        # What speaks of the whole dataset was found last and is told first.
        ranked = [pair for kept in kinds for pair in enumerate(sorted(kept, key=_line))]
        return [finding for _, finding in sorted(ranked, key=lambda one: (one[0], _line(one[1])))]


def severity_of(code: str, rules: RowRules) -> Severity | None:
    """How grave a fault is for the rules' provider; None where it does not concern it."""
    known = CODES[code]
    if known.providers and rules.provider is not None and rules.provider not in known.providers:
        return None
    # Nobody knows yet whether it is for those who would refuse it.
    elsewhere = bool(known.providers) and rules.provider is None
    waived = known.waivable and code in rules.allowed
    return "warning" if elsewhere or waived else known.severity


def _line(finding: Finding) -> int:
    return finding.line
