"""Cells of a CSV file that somebody will open in a spreadsheet."""

from __future__ import annotations

_SIGNS = tuple("=+-@＝＋－＠")
_FORMULA = (*_SIGNS, *"\t\r\n")


def cell(value: object) -> object:
    """The value; behind an apostrophe where a spreadsheet would run it as a formula.

    https://owasp.org/www-community/attacks/CSV_Injection names the beginnings, wide forms included.
    """
    # Some programs pass over blanks at the beginning.
    if isinstance(value, str) and (value.startswith(_FORMULA) or value.lstrip()[:1] in _SIGNS):
        return f"'{value}"
    return value
