"""A figure of matplotlib as a part of a page."""

from __future__ import annotations

import io
import re
import unicodedata
from dataclasses import dataclass, field
from html import escape
from typing import Any

from finetune_sdk.evaluation.report.plain import line

COLORS = {
    "ink": "#000001",
    "muted": "#000002",
    "faint": "#000003",
    "tuned": "#000004",
    "other": "#000005",
}
"""Stand-ins of the page's own colours, which differ by day and by night."""

_TAG = re.compile(r"<[^<>]+>")
_HEAD = re.compile(r"<metadata>.*?</metadata>|<style.*?</style>", re.DOTALL)
_STAND_IN = re.compile(r"@(\d+)n*@")
_BOX = re.compile(r'viewBox="([\d. ]+)"')
_LONGEST = 22


@dataclass
class Labels:
    """Names of strangers in a figure.

    A stand-in of about the same width is drawn, and the name is put in its place: matplotlib
    warns of scripts that its font lacks, and a browser has fonts of its own.
    """

    texts: list[str] = field(default_factory=list[str])

    def stand_in(self, text: str) -> str:
        """What to draw for the text."""
        short = _short(line(text))
        self.texts.append(short)
        mark = f"@{len(self.texts) - 1}"
        return f"{mark}{'n' * (_width(short) - len(mark) - 1)}@"

    def put(self, svg: str) -> str:
        """The figure with the texts in it."""
        return _STAND_IN.sub(lambda found: escape(self.texts[int(found[1])]), svg)


def inline(figure: Any, key: str, *, title: str, description: str, labels: Labels) -> str:
    """The figure as an element of a page.

    Args:
        figure: that is drawn.
        key: sets its ids apart from those of other figures of the page.
        title: what it shows.
        description: what is to be seen, for those who do not see it.
        labels: whose stand-ins it has.
    """
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    text = file.getvalue()
    text = _HEAD.sub("", text[text.index("<svg") :])
    # Texts are escaped: what stands between < and > is of matplotlib alone.
    text = labels.put(_TAG.sub(lambda tag: _tag(tag[0], key), text))
    told = (
        f'<title id="{key}-title">{escape(line(title))}</title>'
        f'<desc id="{key}-text">{escape(line(description))}</desc>'
    )
    head = f'<svg {_box(text)} role="img" aria-labelledby="{key}-title {key}-text">'
    return f"{head}{told}{text[text.index('>') + 1 :]}"


def _box(svg: str) -> str:
    found = _BOX.search(svg)
    return found[0] if found else ""


def _tag(tag: str, key: str) -> str:
    for name, color in COLORS.items():
        tag = tag.replace(color, f"var(--{name})")
    tag = tag.replace('id="', f'id="{key}-').replace("url(#", f"url(#{key}-")
    return tag.replace('href="#', f'href="#{key}-')


def _short(text: str) -> str:
    """Both ends of a long name: names of one family differ in either."""
    if len(text) <= _LONGEST:
        return text
    half = _LONGEST // 2
    return f"{text[:half]}…{text[-half + 1 :]}"


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
