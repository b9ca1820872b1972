"""Which failed requests have certainly not left, for every HTTP library that we meet."""

from __future__ import annotations

NEVER_LEFT = frozenset(
    {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"}
)
"""Names of exceptions and not classes: they are of `httpx` or of `httpx2`."""
