"""What no message, log or file ever tells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple


class _Shape(NamedTuple):
    """How a kind of key looks: one of the beginnings, then the rest.

    Attributes:
        open: what stands in front.
        more: what may follow, and is to be hidden with it.
    """

    beginnings: tuple[str, ...]
    rest: str
    open: str = r"\b"
    more: str = ""


# Lines of base64 with real ends or with those of JSON. Bounded, and no two repeats can meet.
_LINE_END = r"(?:\s|\\[rn]){1,4}"
_PEM = (
    rf"(?:{_LINE_END}[A-Za-z0-9+/=]{{16,}})*"
    rf"(?:{_LINE_END}[A-Za-z0-9+/=]{{1,15}}(?={_LINE_END}-----END))?"
)

# As vendors publish them; some are copied by others, the first one by many.
_SHAPES: Mapping[str, _Shape] = {
    "an OpenAI key": _Shape(("sk-", "rk-", "pk-"), r"[A-Za-z0-9_-]{16,}"),
    "a Hugging Face token": _Shape(("hf_",), r"[A-Za-z0-9]{16,}"),
    "a GitHub token": _Shape(("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"[A-Za-z0-9]{36,}"),
    "a fine-grained GitHub token": _Shape(("github_pat_",), r"[A-Za-z0-9_]{40,}"),
    "an AWS access key": _Shape(("AKIA", "ASIA"), r"[A-Z0-9]{16}\b"),
    "a Google key": _Shape(("AIza",), r"[A-Za-z0-9_-]{35}", more="[A-Za-z0-9_-]*"),
    "a Slack token": _Shape(tuple(f"xox{one}-" for one in "abeoprs"), r"[A-Za-z0-9-]{16,}"),
    "a Stripe key": _Shape(("sk_live_", "rk_live_"), r"[A-Za-z0-9]{16,}"),
    "a JSON web token": _Shape(("eyJ",), r"[A-Za-z0-9_-]{16,}[A-Za-z0-9_.-]*"),
    "a private key": _Shape(("-----BEGIN ",), r"[A-Z ]{0,32}PRIVATE KEY-----", open="", more=_PEM),
}

KEYS: Mapping[str, str] = MappingProxyType(
    {
        name: f"{shape.open}(?:{'|'.join(shape.beginnings)}){shape.rest}"
        for name, shape in _SHAPES.items()
    }
)
"""Shapes of keys, by what they are, each as one regular expression."""


def _searches() -> Iterator[str]:
    """The same as `KEYS`, and the places where anything is a secret, made to be searched for.

    Each begins with plain letters, which the engine skips to; one expression of all would be tried
    at every character, and took 350 ms for a megabyte. What must not stand in front is looked back
    for behind them. No repeat is inside of another that it could be mistaken for.
    """
    for shape in _SHAPES.values():
        for begin in shape.beginnings:
            behind = rf"(?<![A-Za-z0-9_]{begin})" if shape.open else ""
            yield f"{begin}{behind}{shape.rest}{shape.more}"
    yield r"://(?P<keep>)[^/\s:@]{0,256}:[^/\s]{1,256}(?=@)"  # user:password of a URL
    for word in ("Bearer", "bearer", "BEARER"):  # Authorization headers
        yield rf"{word}\s(?P<keep>)[A-Za-z0-9._~+/=-]{{8,}}"


_SEARCHES = tuple(re.compile(search) for search in _searches())
_HIDDEN = "[redacted]"


def redact(text: str, *secrets: str) -> str:
    """`text` without the given secrets and without anything that looks like a key."""
    # The longest first: one may be the beginning of another.
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    for search in _SEARCHES:
        text = search.sub(_hidden, text)
    return text


def _hidden(found: re.Match[str]) -> str:
    # What leads to the secret stays: `://`, or the word in front of a token.
    kept = found.end("keep") - found.start() if "keep" in found.re.groupindex else 0
    return found.group()[:kept] + _HIDDEN
