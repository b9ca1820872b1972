"""A fault of a row, and how values are shown to people."""

from __future__ import annotations

import reprlib
from dataclasses import dataclass

from finetune_sdk.datasets.codes import CODES
from finetune_sdk.transport import redact
from finetune_sdk.types.dataset import Finding, Severity


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a row, before it is known where the row stands.

    Attributes:
        code: a key of `CODES`.
        pointer: JSON pointer (RFC 6901) into the row; empty is the whole row.
    """

    code: str
    pointer: str
    message: str

    @property
    def severity(self) -> Severity:
        return CODES[self.code].severity

    def finding(self, file: str, line: int, severity: Severity | None = None) -> Finding:
        """The fault as people get to see it.

        Args:
            file: where the row is from.
            line: the row's, from 1; 0 speaks of the dataset as a whole.
            severity: how grave it is in this case; that of its code by default.
        """
        code = CODES[self.code]
        return Finding(
            file=file,
            line=line,
            # A key of the row may be a secret, too.
            pointer=redact(self.pointer),
            code=self.code,
            message=self.message,
            fix=code.fix,
            severity=severity or code.severity,
            providers=code.providers,
        )


def clean(text: str) -> str:
    """`text` as valid Unicode: what cannot be encoded is shown as an escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def step(pointer: str, key: str) -> str:
    """The pointer to what is under `key`."""
    return f"{pointer}/{clean(key).replace('~', '~0').replace('/', '~1')}"


_LOOKED_AT = 200
_HALF_A_KEY = 64
"""Characters at the end of what is looked at in which a key may begin that is no whole one."""


class _Brief(reprlib.Repr):
    def repr_str(self, x: str, level: int) -> str:
        # Before it is shortened: half of a key no longer looks like one.
        seen = redact(x[:_LOOKED_AT])
        return super().repr_str(seen[:-_HALF_A_KEY] if len(x) > _LOOKED_AT else seen, level)


_brief = _Brief()
_brief.maxstring = _brief.maxother = _brief.maxlong = 40
_brief.maxlevel = 2
_brief.maxdict = _brief.maxlist = 3


def shown(value: object) -> str:
    """`value` for a message: short however large it is, always printable, without keys."""
    return clean(_brief.repr(value))
