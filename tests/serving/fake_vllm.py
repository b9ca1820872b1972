#!/usr/bin/env python3
"""A stand-in for the command `vllm`: keeps what it was called with, and answers as vLLM would.

    fake_vllm.py [--notes FOLDER] [--mood MOOD] serve MODEL --served-model-name NAME --uds PATH ...

Moods: `well`, `dies` (before it is ready), `hangs` (never ready), `stubborn` (starts another
process and passes over SIGTERM, as the other does).
"""

from __future__ import annotations

import json
import os
import signal
import socketserver
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

TOGETHER = 8
"""Questions that wait for each other when the message is `together`."""

_OTHER = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"


def value(name: str) -> str:
    return sys.argv[sys.argv.index(name) + 1]


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    meeting = threading.Barrier(TOGETHER)
    notes: Path

    def address_string(self) -> str:
        return "here"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own
        pass

    def do_GET(self) -> None:
        self._send(200 if self.path == "/health" else 404, b"")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with (self.notes / "asked").open("a") as file:
            file.write(json.dumps([self.path, body]) + "\n")
        if self.headers["authorization"] != f"Bearer {os.environ['VLLM_API_KEY']}":
            self._send(401, b'{"error": {"message": "Unauthorized"}}')
            return
        text = body["messages"][-1]["content"]
        if text == "together":
            self.meeting.wait(60)
        elif text == "wrong":
            words = json.dumps({"error": {"message": f"{sys.argv[2:]} {value('serve')}"}})
            self._send(400, words.encode())
            return
        elif text == "die":
            os._exit(7)
        if body.get("stream"):
            self._stream()
        else:
            self._send(200, json.dumps(_reply(body["model"])).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("x-folder", value("serve") if "serve" in sys.argv else "")
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for word in ("one", " two", None):
            chunk = {
                "id": "c",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": value("--served-model-name"),
                "choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}],
            }
            event = (
                b"data: [DONE]\n\n" if word is None else f"data: {json.dumps(chunk)}\n\n".encode()
            )
            self.wfile.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")


def _reply(model: str) -> dict[str, object]:
    message = {"role": "assistant", "content": "hello from vLLM"}
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    }


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


def main() -> None:
    notes, mood = Path(value("--notes")), value("--mood")
    said = {"arguments": sys.argv[sys.argv.index("serve") :], "environment": dict(os.environ)}
    (notes / "called").write_text(json.dumps(said))
    pids = [os.getpid()]
    if mood == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        pids.append(subprocess.Popen([sys.executable, "-c", _OTHER]).pid)
    (notes / "pids").write_text(json.dumps(pids))
    if mood == "dies":
        sys.exit("error: this model has no supported architecture")
    while mood == "hangs":
        time.sleep(60)
    Answers.notes = notes
    with Server(value("--uds"), Answers) as server:
        server.serve_forever(poll_interval=0.05)


if __name__ == "__main__":
    main()
