"""What a comparison costs beyond the models: per answer, per row, and once it is in the cache.

    python benchmarks/compare.py [--rows 1000] [--rounds 3]

A server in a process of its own answers every question at once. Asked are the same ones, as many
at a time, by the `openai` package in a pool of threads (a loop as one writes it by hand) and by
`evaluations.compare`, in turn within each round; shown are medians of wall time. Then the same
comparison again, which asks nothing; and four candidates, and the report of that.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import openai

from finetune_sdk import ExactMatch, FineTuneClient, JsonMatch
from finetune_sdk.evaluation import report
from finetune_sdk.providers.openai.provider import OpenAIProvider

KEY = "sk-benchmark-0123456789abcdef"
MODEL = "gpt-4.1-mini-2025-04-14"
AT_ONCE = 8
ANSWER = json.dumps({"answer": 1})


class Answers(BaseHTTPRequestHandler):
    """One answer for every question."""

    protocol_version = "HTTP/1.1"
    # Otherwise an answer in two writes waits 40 ms for its acknowledgement.
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self._say(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1,
                "model": MODEL,
                "choices": [
                    {
                        "index": 0,
                        "finish_reason": "stop",
                        "message": {"role": "assistant", "content": ANSWER},
                    }
                ],
                "usage": {"prompt_tokens": 40, "completion_tokens": 5, "total_tokens": 45},
            }
        )

    def do_GET(self) -> None:
        self._say({"id": MODEL, "object": "model", "created": 1, "owned_by": "system"})

    def _say(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def serve(port: Any) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    port.value = server.server_address[1]
    server.serve_forever()


def row(number: int) -> dict[str, Any]:
    return {
        "messages": [
            {"role": "system", "content": "Answer in JSON."},
            {"role": "user", "content": f"What is {number} of {number * 7}, in words?"},
            {"role": "assistant", "content": json.dumps({"answer": number % 2})},
        ]
    }  # fmt: skip


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def by_hand(url: str, rows: list[dict[str, Any]]) -> None:
    with openai.OpenAI(api_key=KEY, base_url=url) as client, ThreadPoolExecutor(AT_ONCE) as threads:

        def ask(one: dict[str, Any]) -> str | None:
            said = client.chat.completions.create(
                model=MODEL, messages=one["messages"][:2], temperature=0
            )
            return said.choices[0].message.content

        list(threads.map(ask, rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    port = multiprocessing.Value("i", 0)
    process = multiprocessing.Process(target=serve, args=(port,), daemon=True)
    process.start()
    while not port.value:
        time.sleep(0.01)
    rows = [row(number) for number in range(options.rows)]
    with tempfile.TemporaryDirectory() as folder:
        measure(f"http://127.0.0.1:{port.value}/v1", rows, options.rounds, Path(folder))
    process.terminate()


def measure(url: str, rows: list[dict[str, Any]], rounds: int, folder: Path) -> None:
    provider = OpenAIProvider(api_key=KEY, base_url=url, home=folder / "home", environ={})
    with FineTuneClient(provider, home=folder / "home") as client:
        client.deployments.create(MODEL, name="base")

        def compare(*, fresh: bool, baselines: list[Any]) -> Any:
            return client.evaluations.compare(
                "base",
                test_data=rows,
                training_data=[row(-1 - n) for n in range(200)],
                base="base",
                baselines=baselines,
                scorers=[ExactMatch(), JsonMatch()],
                concurrency=AT_ONCE,
                fresh=fresh,
                progress=False,
            )

        compare(fresh=True, baselines=[])  # imports, and the first connection
        hand, ours, again = [], [], []
        for _ in range(rounds):
            hand.append(timed(lambda: by_hand(url, rows)))
            ours.append(timed(lambda: compare(fresh=True, baselines=[])))
            again.append(timed(lambda: compare(fresh=False, baselines=[])))
        whole = timed(lambda: compare(fresh=True, baselines=["base", "few_shot", "retrieved"]))
        known = compare(fresh=False, baselines=["base", "few_shot", "retrieved"])
        written = timed(lambda: write(known, folder / "report"))
    tell(len(rows), *map(statistics.median, (hand, ours, again)), whole, written)


def write(known: Any, place: Path) -> None:
    place.mkdir()
    report.write(known, place)


def tell(count: int, hand: float, ours: float, again: float, whole: float, written: float) -> None:
    print(f"{count} questions, {AT_ONCE} at once, one candidate, wall seconds (median)")
    print(f"  openai in a pool of threads    {hand:6.2f}   1.00")
    print(f"  evaluations.compare            {ours:6.2f}   {ours / hand:.2f}")
    print(f"  the same again, nothing asked  {again:6.2f}   {again / hand:.2f}")
    print(f"four candidates with examples    {whole:6.2f}")
    print(f"the report of that               {written:6.2f}")


if __name__ == "__main__":
    main()
