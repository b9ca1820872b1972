"""A stand-in of the Hugging Face Hub on loopback: what it says of a model, and its files."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SHA = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What the stand-in holds and what it was asked.

    Attributes:
        status: the answer for a model: 200, or an error and the Hub's code for it.
        files: folder with the files of a model.
        gated: as the Hub describes the model.
        allowed: whether a gated model may be read.
        config: what the Hub tells of config.json.
    """

    url: str = ""
    status: tuple[int, str | None] = (200, None)
    files: Path | None = None
    names: list[str] = field(default_factory=lambda: ["config.json", "model.safetensors"])
    gated: bool | str = False
    allowed: bool = True
    config: dict[str, object] = field(default_factory=dict[str, object])
    asked: list[str] = field(default_factory=list[str])
    tokens: set[str | None] = field(default_factory=set[str | None])

    def describe(self, model: str) -> dict[str, object]:
        names = sorted(p.name for p in self.files.iterdir()) if self.files else self.names
        return {
            "id": model,
            "modelId": model,
            "sha": SHA,
            "gated": self.gated,
            "config": self.config,
            "siblings": [{"rfilename": name} for name in names],
        }

    def tree(self) -> list[dict[str, object]]:
        sizes = {p.name: p.stat().st_size for p in self.files.iterdir()} if self.files else {}
        names = self.names if self.files is None else sorted(sizes)
        return [
            {"type": "file", "path": name, "size": sizes.get(name, 1), "oid": "0"} for name in names
        ]


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
        """Nothing: tests read what was asked from the hub."""

    def _answer(self, *, body: bool) -> None:
        path = self.path.partition("?")[0]
        self.hub.asked.append(path)
        self.hub.tokens.add(self.headers.get("Authorization"))
        if path.endswith("/auth-check"):
            self._auth_check()
        elif "/tree/" in path:
            self._send(200, json.dumps(self.hub.tree()).encode(), {}, body=body)
        elif path.startswith("/api/models/"):
            self._model(path, body=body)
        else:
            self._file(path, body=body)

    def _auth_check(self) -> None:
        refused = {} if self.hub.allowed else {"X-Error-Code": "GatedRepo"}
        self._send(403 if refused else 200, b"{}", refused, body=True)

    def _model(self, path: str, *, body: bool) -> None:
        status, code = self.hub.status
        name = "/".join(path.split("/")[3:5])
        content = self.hub.describe(name) if status == 200 else {"error": "no"}
        headers = {"X-Error-Code": code} if code else {}
        self._send(status, json.dumps(content).encode(), headers, body=body)

    def _file(self, path: str, *, body: bool) -> None:
        file = (self.hub.files or Path("/nowhere")) / path.rpartition("/")[2]
        if not file.is_file():
            self._send(404, b"", {"X-Error-Code": "EntryNotFound"}, body=body)
            return
        data = file.read_bytes()
        headers = {"X-Repo-Commit": SHA, "ETag": f'"{hashlib.sha256(data).hexdigest()}"'}
        self._send(200, data, headers, body=body)

    def _send(self, status: int, data: bytes, headers: dict[str, str], *, body: bool) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)


@contextmanager
def serve(hub: Hub) -> Generator[Hub]:
    """Runs the stand-in; `hub.url` is its address meanwhile."""
    handler = type("Bound", (_Handler,), {"hub": hub})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        hub.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()
