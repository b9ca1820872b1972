"""Lists by the page, with the link to the next one in a header."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from tests.standins.hub.routes import Call, answer
from tests.standins.openai import Answer
from tests.standins.openai.wire import Json


def page(listed: Sequence[Json], call: Call, url: str, size: int) -> Answer:
    """The page that a call asks for."""
    limit = call.query.get("limit", "")
    size = min(int(limit), size) if limit.isdecimal() and int(limit) else size
    start = int(call.query.get("cursor", "0"))
    headers: dict[str, str] = {}
    if start + size < len(listed):
        pairs = [(name, one) for name, many in call.values.items() for one in many]
        kept = [pair for pair in pairs if pair[0] != "cursor"]
        query = urlencode([*kept, ("cursor", str(start + size))])
        headers["Link"] = f'<{url}{call.path}?{query}>; rel="next"'
    return answer(listed[start : start + size], headers=headers)
