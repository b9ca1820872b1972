"""Starts AutoTrain inside of a Space, and pauses the Space however the training ends.

AutoTrain pauses its Space itself, for which it wants the token among its parameters, and does
nothing where it never gets so far. So it runs here without knowing that it is in a Space, and
this program does the rest: it waits for the hardware, ends what takes too long, says on the
Space's page how it went, pauses, and gives the hardware back. A Space whose page says how it went
does not train again, whoever starts it. It needs Python 3.10 and `huggingface_hub` from 0.27 on.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

SUCCEEDED = "Your training has finished successfully ✅"
FAILED = "Your training has failed ❌"
CANCELLED = "Your training was cancelled"
OVERTIME = "It was ended at its timeout."
FREE = "cpu-basic"

WEIGHTS = re.compile(r"(?:adapter_model|model(?:-\d{5}-of-\d{5})?)\.safetensors")
SWALLOWED = "has failed due to an exception"
PROGRESS = re.compile(r"\d+%\|(?!.*autotrain\.)|\d+ examples \[")
LEFT_OUT = ["checkpoint-*", "autotrain-data/*", "runs/*", "*.pt", "*.pth", "optimizer.bin"]
PAUSES = (0, 5, 15, 60, 120)
PAIRS = Path("data", "train.jsonl")
LOOK = 10
GRACE = 60
"""Seconds in which the Hub ends the container on the old hardware."""
TAIL = 30_000
"""Characters of the log that the Space's page keeps; the log itself goes with the container."""

SPACE, PORT = os.environ.get("SPACE_ID", ""), os.environ.get("FINETUNE_PORT", "7860")
ended = threading.Lock()
lines: deque[str] = deque(maxlen=1000)


def main() -> None:
    if over():
        pause()
    else:
        run()
    # A container that ends is started again.
    while True:
        time.sleep(3600)


def over() -> bool:
    """An earlier container has said how it went, or `jobs.cancel` has."""
    said: list[str] = []
    attempt(
        lambda: said.extend(
            one.title for one in hub().get_repo_discussions(SPACE, repo_type="space")
        )
    )
    return not {SUCCEEDED, FAILED, CANCELLED}.isdisjoint(said)


def run() -> None:
    await_hardware()
    overtime = threading.Timer(float(os.environ["FINETUNE_TIMEOUT"]), lambda: end(FAILED, OVERTIME))
    overtime.daemon = True
    overtime.start()
    try:
        fetch_pairs()
        swallowed = train()
        delivered = weights() and (not swallowed or push())
        end(SUCCEEDED if delivered else FAILED, "")
    except Exception as error:
        end(FAILED, told(error))


def await_hardware() -> None:
    """Until the hardware that was paid for is there: the Space was first made on a free one."""
    if has_hardware():
        return
    server = http.server.ThreadingHTTPServer(("", int(PORT)), Waiting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while not has_hardware():
        time.sleep(LOOK)
    time.sleep(GRACE)
    server.shutdown()
    server.server_close()


class Waiting(http.server.BaseHTTPRequestHandler):
    """Tells the Hub that the container lives."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"Waiting for its hardware")


def has_hardware() -> bool:
    try:
        return str(hub().get_space_runtime(SPACE).hardware) == os.environ["FINETUNE_HARDWARE"]
    except Exception as error:
        print("The Hub does not tell the hardware:", told(error), flush=True)
        return False


def fetch_pairs() -> None:
    """Puts the prompt of each pair in front of its answers, where AutoTrain takes it from."""
    if not os.environ.get("FINETUNE_PAIRS"):
        return
    source = hub().hf_hub_download(os.environ["DATA_PATH"], "rows.jsonl", repo_type="dataset")
    Path("data").mkdir(exist_ok=True)
    with Path(source).open(encoding="utf-8") as read, PAIRS.open("w", encoding="utf-8") as write:
        for line in filter(str.strip, read):
            write.write(json.dumps(whole(json.loads(line)), ensure_ascii=False) + "\n")
    params = {**json.loads(os.environ["PARAMS"]), "data_path": "data"}
    os.environ["PARAMS"] = json.dumps(params)


def whole(row: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(row.get("prompt"), list):
        return row
    return {**row, **{key: [*row["prompt"], *row[key]] for key in ("chosen", "rejected")}}


def train() -> bool:
    """Whether AutoTrain says that it failed; what it returns says nothing."""
    swallowed = False
    hidden = ("FINETUNE_", "SPACE_ID")
    with subprocess.Popen(
        ["autotrain", "api", "--host", "0.0.0.0", "--port", PORT],  # noqa: S104 - a container's own
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={name: os.environ[name] for name in os.environ if not name.startswith(hidden)},
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            if line.strip() and not PROGRESS.search(line):
                lines.append(line.rstrip())
            swallowed = swallowed or SWALLOWED in line
    return swallowed


def weights() -> bool:
    folder = Path(os.environ["PROJECT_NAME"])
    return folder.is_dir() and any(WEIGHTS.fullmatch(path.name) for path in folder.iterdir())


def push() -> bool:
    """Puts the model on the Hub once more: its weights are written when the training is over."""
    folder = os.environ["PROJECT_NAME"]
    repo = f"{os.environ['AUTOTRAIN_USERNAME']}/{folder}"

    def upload() -> None:
        hub().create_repo(repo, private=True, exist_ok=True)
        hub().upload_folder(repo_id=repo, folder_path=folder, ignore_patterns=LEFT_OUT)

    return attempt(upload)


def end(title: str, words: str) -> None:
    """Says how it went, and pauses the Space until that is done; the first ending counts."""
    if not ended.acquire(blocking=False):
        return
    text = "\n".join(lines)[-TAIL:].replace(os.environ["HF_TOKEN"], "[redacted]")
    description = f"{words}\n\n````\n{text}\n````\n"
    said = attempt(
        lambda: hub().create_discussion(
            SPACE, title=title, description=description, repo_type="space"
        )
    )
    pause()
    if said:
        release()


def pause() -> None:
    while not attempt(lambda: hub().pause_space(SPACE)):
        print("The Space could not be paused; trying again", flush=True)


def release() -> None:
    """Gives the hardware back, where the Hub still lets this container do so.

    A paused Space costs nothing with it either. Without a word on its page it keeps it: that is
    what tells a job that has ended from one that never began.
    """
    try:
        hub().request_space_hardware(SPACE, FREE)
    except Exception as error:
        print(told(error), flush=True)


def attempt(step: Callable[[], object]) -> bool:
    for pause in PAUSES:
        time.sleep(pause)
        try:
            step()
        except Exception as error:
            print(told(error), flush=True)
            lines.append(told(error))
        else:
            return True
    return False


def hub() -> Any:
    from huggingface_hub import HfApi

    return HfApi(token=os.environ["HF_TOKEN"])


def told(error: Exception) -> str:
    words = " ".join(f"{type(error).__name__}: {error}".split())
    return words.replace(os.environ["HF_TOKEN"], "[redacted]")[:500]


if __name__ == "__main__":
    main()
