"""How large a model is, as people say it."""

from __future__ import annotations


def parameters(count: int | None) -> str | None:
    """Numbers that are learned: `135M`, `7.6B`."""
    if count is None:
        return None
    return f"{count / 1e9:.3g}B" if count >= 1e9 else f"{count / 1e6:.3g}M"


def gigabytes(count: int | None) -> str | None:
    """Bytes: `538 MB`, `15.2 GB`."""
    if count is None:
        return None
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
