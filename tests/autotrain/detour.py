"""A way round for creates, under `huggingface_hub`."""

from __future__ import annotations

from typing import Any

from finetune_sdk.providers.autotrain.hub import stack
from tests.autotrain.bench import JOBS

_Base: Any = stack.library().BaseTransport


class Detour(_Base):  # type: ignore[misc]
    """Sends the first creates to another address, over real sockets."""

    def __init__(self, to: str, *, times: int = 1) -> None:
        self._real = stack.library().HTTPTransport()
        self._to = stack.library().URL(to)
        self.left = times

    def handle_request(self, request: Any) -> Any:
        if self.left and request.method == "POST" and request.url.path == JOBS:
            self.left -= 1
            request.url = self._to
        return self._real.handle_request(request)

    def close(self) -> None:
        self._real.close()
