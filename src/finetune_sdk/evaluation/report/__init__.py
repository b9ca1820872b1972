"""What people read of a comparison: a page, a model card, all answers, and the numbers.

plain      text of strangers, made harmless
words      numbers and names as people read them
rows       which rows are worth a look
pictures   the plots, costs.py that of money, on the same canvas; svg.py puts them into the page
lineage    where the model came from
page       `report.html`, by its template and style
card       `model-card.md`
table      `rows.csv`
"""

from __future__ import annotations

from pathlib import Path

from finetune_sdk.evaluation.report import card, page, table
from finetune_sdk.evaluation.report.plain import as_json
from finetune_sdk.types.comparison import Comparison


def write(comparison: Comparison, folder: Path) -> None:
    """Fills a folder with what people read: the same comparison gives the same bytes.

    Args:
        comparison: that is told.
        folder: it is there and empty.

    Raises:
        MissingDependencyError: jinja2 or matplotlib is not installed.
    """
    _text(folder / "report.html", page.html(comparison))
    _text(folder / "model-card.md", card.markdown(comparison))
    table.write(comparison, folder / "rows.csv")
    kept = comparison.model_dump(mode="json", exclude_none=True)
    _text(folder / "comparison.json", as_json(kept))


def _text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
