"""What an upload of 1 GiB costs: the memory that it takes beyond its beginning, and its CPU.

    python benchmarks/upload_memory.py [--rounds 3] [--mib 1024]

A sink that speaks the routes of files and of uploads runs in a process of its own; so does each
upload, which sends a small file first, so that whatever is loaded on first use is not counted.
Beside this SDK: the ways of the `openai` package, the last of which reads all of the file at once.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

KEY = "sk-benchmark-0123456789abcdef"
MIB = 1024 * 1024
PART = 64 * MIB
BLOCK = MIB


# The sink


received = [0]
"""Bytes of bodies so far, which the path `/bytes` tells."""


def serve() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=swallow, args=(connection,), daemon=True).start()


def swallow(connection: socket.socket) -> None:
    """Answers requests whose bodies go nowhere."""
    held, block = b"", bytearray(BLOCK)
    with connection:
        while True:
            while b"\r\n\r\n" not in held:
                if not (piece := connection.recv(65536)):
                    return
                held += piece
            head, _, held = held.partition(b"\r\n\r\n")
            left = length(head) - len(held)
            held = b""
            received[0] += length(head)
            while left > 0:
                left -= connection.recv_into(block, min(left, BLOCK))
            connection.sendall(answer(head.split(b" ", 2)[1].decode()))


def length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def answer(path: str) -> bytes:
    file = {
        "object": "file",
        "id": "file-1",
        "bytes": 1,
        "created_at": 1_764_000_000,
        "filename": "rows.jsonl",
        "purpose": "fine-tune",
        "status": "processed",
    }
    upload = {**file, "object": "upload", "id": "upload_1", "expires_at": 1_764_003_600}
    kinds: Mapping[str, object] = {
        "files": file,
        "uploads": {**upload, "status": "pending"},
        "bytes": received[0],
        "parts": {"object": "upload.part", "id": "part_1", "created_at": 1, "upload_id": "x"},
        "complete": {**upload, "status": "completed", "file": file},
    }
    body = json.dumps(kinds[path.rpartition("/")[2]]).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


# The ways


Send = Callable[[Path], object]


def ours(url: str) -> Send:
    from finetune_sdk import datasets
    from finetune_sdk.providers.openai.provider import OpenAIProvider

    provider = OpenAIProvider(api_key=KEY, base_url=url, environ={})
    return lambda path: provider.upload_dataset(datasets.load(path), key="benchmark")


def chunked(url: str) -> Send:
    import openai

    client = openai.OpenAI(api_key=KEY, base_url=url)
    return lambda path: client.uploads.upload_file_chunked(
        file=path, mime_type="text/jsonl", purpose="fine-tune", part_size=PART
    )


def opened(url: str) -> Send:
    import openai

    client = openai.OpenAI(api_key=KEY, base_url=url)

    def send(path: Path) -> object:
        with path.open("rb") as file:
            return client.files.create(file=file, purpose="fine-tune")

    return send


def named(url: str) -> Send:
    import openai

    client = openai.OpenAI(api_key=KEY, base_url=url)
    return lambda path: client.files.create(file=path, purpose="fine-tune")


WAYS: Mapping[str, Callable[[str], Send]] = {
    "this SDK": ours,
    "openai, upload_file_chunked": chunked,
    "openai, files.create(open(...))": opened,
    "openai, files.create(Path)": named,
}


def work(way: str, url: str, small: Path, large: Path) -> None:
    send = WAYS[way](url)
    send(small)
    forget_peak()
    before, start, wall = peak(), time.process_time(), time.monotonic()
    send(large)
    spent = [time.process_time() - start, time.monotonic() - wall, peak() - before]
    print(json.dumps(spent))


def forget_peak() -> None:
    """Lets the peak begin at what is in use now, where the system can; else it is that so far."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        print("the peak before the upload counts, too", file=sys.stderr)


def peak() -> int:
    """The most memory in use so far, in bytes."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


# The run


@dataclass
class Numbers:
    """What each round took: seconds, seconds, bytes."""

    cpu: list[float] = field(default_factory=list[float])
    wall: list[float] = field(default_factory=list[float])
    memory: list[float] = field(default_factory=list[float])


def write_rows(path: Path, rows: int) -> Path:
    """Rows of chat of 1 MiB each."""
    start, end = b'{"messages": [{"role": "user", "content": "', b'"}, {"role": "assistant", '
    end += b'"content": "yes"}]}\n'
    row = start + b"x" * (MIB - len(start) - len(end)) + end
    with path.open("wb") as file:
        for _ in range(rows):
            file.write(row)
    return path


def measure(rounds: int, mib: int) -> dict[str, Numbers]:
    numbers = {way: Numbers() for way in WAYS}
    sink = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE)
    assert sink.stdout is not None
    url = f"http://127.0.0.1:{int(sink.stdout.readline())}/v1"
    with tempfile.TemporaryDirectory() as folder:
        small = write_rows(Path(folder, "small.jsonl"), 1)
        large = write_rows(Path(folder, "large.jsonl"), mib)
        for _ in range(rounds):
            for way, found in numbers.items():
                before = arrived(url)
                cpu, wall, memory = once(way, url, small, large)
                assert arrived(url) - before > (mib + 1) * MIB
                found.cpu.append(cpu)
                found.wall.append(wall)
                found.memory.append(memory)
    sink.kill()
    sink.communicate()
    return numbers


def once(way: str, url: str, small: Path, large: Path) -> list[float]:
    """CPU seconds, seconds and bytes of one upload, in a process of its own."""
    command = [sys.executable, __file__, "--way", way, url, str(small), str(large)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environ())
    found: list[float] = json.loads(done.stdout)
    return found


def arrived(url: str) -> int:
    """Bytes that the sink has had."""
    with urlopen(f"{url}/bytes") as said:  # noqa: S310 - this file's own server
        return int(said.read())


def environ() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if "PROXY" not in name.upper()}


def show(numbers: Mapping[str, Numbers], rounds: int, mib: int) -> None:
    print(
        f"{rounds} rounds of an upload of {mib} MiB over loopback; medians, in () least to most\n"
    )
    print(f"{'':33}{'peak growth, MB':>24}{'CPU, s':>22}{'wall, s':>22}")
    for way, found in numbers.items():
        memory = [value / 1e6 for value in found.memory]
        cells = f"{told(memory, 1):>24}{told(found.cpu, 2):>22}{told(found.wall, 2):>22}"
        print(f"{way:33}{cells}")


def told(values: list[float], digits: int) -> str:
    low, high = min(values), max(values)
    return f"{statistics.median(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mib", type=int, default=1024)
    given = parser.parse_args()
    show(measure(given.rounds, given.mib), given.rounds, given.mib)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve()
    elif sys.argv[1:2] == ["--way"]:
        work(sys.argv[2], sys.argv[3], Path(sys.argv[4]), Path(sys.argv[5]))
    else:
        main()
