"""Trains inside of a container, and leaves with success only when the model is on the Hub.

AutoTrain ends with 0 after a training that failed (autotrain-advanced 0.8.36, issue 877), and a
container's disk goes with it. So this program looks at the files, and puts them on the Hub itself.
What it says to whoever reads the log are lines of JSON behind the word `FINETUNE`.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone
from importlib import import_module
from pathlib import Path
from typing import Any

WEIGHTS = re.compile(r"(?:adapter_model|model(?:-\d{5}-of-\d{5})?)\.safetensors")
SWALLOWED = "has failed due to an exception"
LONGEST = 20_000
"""Characters of a line that is looked at for numbers."""
BARE = re.compile(r"(?<=: )(-?(?:nan|inf))(?=[,}])")
# Not that of whoever has started the trainer, which comes last and says nothing.
REASON = re.compile(r"(?!subprocess\.)(?:\w+\.)*\w+(?:Error|Exception)\b")
MANIFEST = "finetune.json"
BASE, ADAPTER = "base", "adapter_config.json"
PAUSES = (5, 15, 60, 120, 240)
REFUSED = (400, 401, 402, 403, 404, 409, 413, 422)
LEFT_OUT = ["checkpoint-*", "autotrain-data/*", "runs/*", "*.pt", "*.pth", "optimizer.bin"]
TRAINING_FAILED, NOT_PUSHED = 1, 2

Course = dict[str, Any]


def main() -> int:
    course: Course = json.loads(os.environ["FINETUNE_COURSE"])
    course["end"] = time.time() + course["seconds"]
    folder = Path(course["output"])
    say("started", engine=course["engine"], repo=course["repo"])
    # Before anything is learned: whether the model may be put there at all.
    opened = attempt(lambda: make_repo(course))
    if opened:
        return fail("repository", opened)
    fetched = attempt(lambda: fetch(course))
    if fetched:
        return fail("dataset", fetched)
    watch = Watch(course, folder)
    reason = train(course, watch)
    watch.stop()
    if not weights(folder):
        return fail("training_failed", reason or "it ended without weights")
    if reason:
        # It may well be good: its weights are written when the training is over.
        return hold(course, folder, f"its weights were written, and then it failed: {reason}")
    say("trained")
    return deliver(course, folder)


def attempt(step: Callable[[], object]) -> str:
    """Why the step failed; empty where it did not."""
    try:
        step()
    except Exception as error:
        return told(error)
    return ""


def make_repo(course: Course) -> None:
    hub().create_repo(course["repo"], private=True, exist_ok=True)


def fetch(course: Course) -> None:
    """The rows, as files that both engines read."""
    Path("data").mkdir(exist_ok=True)
    for split, source in course["rows"].items():
        target = Path("data", f"{split}.jsonl")
        if "file" in source:
            path = hub().hf_hub_download(
                source["repo"], source["file"], repo_type="dataset", revision=source["revision"]
            )
            copy(Path(path), target, pairs=course["pairs"])
        else:
            rows(source).to_json(target, lines=True, force_ascii=False)
    for name, text in course["files"].items():
        Path(name).write_text(text, encoding="utf-8")
    if course.get("base"):
        # TRL reads the configuration and the tokenizer of `main`, whatever revision it is told.
        hub().snapshot_download(**course["base"], local_dir=BASE)
    turns(course)


def rows(source: dict[str, Any]) -> Any:
    return import_module("datasets").load_dataset(
        source["repo"], source["config"], split=source["split"], revision=source["revision"]
    )


def copy(source: Path, target: Path, *, pairs: bool) -> None:
    """Copies rows. AutoTrain takes the prompt of a pair from its chosen answer."""
    if not pairs:
        shutil.copyfile(source, target)
        return
    with source.open(encoding="utf-8") as read, target.open("w", encoding="utf-8") as write:
        for line in filter(str.strip, read):
            row = json.loads(line)
            if isinstance(row.get("prompt"), list):
                for key in ("chosen", "rejected"):
                    row[key] = [*row["prompt"], *row[key]]
            write.write(json.dumps(row, ensure_ascii=False) + "\n")


def turns(course: Course) -> None:
    """Rows of one answer each, where TRL cannot tell in the template which turns are answers."""
    config = Path("config.json")
    if not course["turns"] or tells(json.loads(config.read_text(encoding="utf-8"))):
        return
    for path in Path("data").glob("*.jsonl"):
        # By lines of a file: a text may hold what other ways to cut take for the end of one.
        with path.open(encoding="utf-8") as file:
            read = [json.loads(line) for line in file if line.strip()]
        lines = [json.dumps(one, ensure_ascii=False) for row in read for one in answers(row)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    said = json.loads(config.read_text(encoding="utf-8"))
    config.write_text(json.dumps({**said, "assistant_only_loss": False}), encoding="utf-8")
    say("turned")


def tells(config: dict[str, Any]) -> bool:
    templates = import_module("trl.chat_template_utils")
    tokenizer = import_module("transformers").AutoTokenizer.from_pretrained(
        config["model_name_or_path"]
    )
    try:
        templates.get_training_chat_template(tokenizer)
    except ValueError:
        return False
    return True


def answers(row: dict[str, Any]) -> list[dict[str, Any]]:
    messages = row.pop("messages")
    return [
        {"prompt": messages[:number], "completion": [message], **row}
        for number, message in enumerate(messages)
        if message["role"] == "assistant" and number
    ]


def train(course: Course, watch: Watch) -> str:
    """Why the training failed; empty where it did not."""
    swallowed, last = False, ""
    environ = {name: os.environ[name] for name in os.environ if not name.startswith("FINETUNE_")}
    with subprocess.Popen(
        course["command"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environ,
    ) as process:
        watch.start()
        for line in process.stdout or ():
            print(line, end="", flush=True)
            number(line)
            swallowed = swallowed or SWALLOWED in line
            last = line.strip() if REASON.match(line) else last
    if process.returncode:
        return last or f"the trainer ended with {process.returncode}"
    return (last or "AutoTrain reports an exception") if swallowed else ""


def number(line: str) -> None:
    """Says again what a trainer has measured, with the time."""
    _, begin, rest = line[:LONGEST].partition("{'")
    text = BARE.sub(r"'\1'", f"{begin}{rest}".strip())
    try:
        values: Any = ast.literal_eval(text) if begin else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return
    if isinstance(values, dict) and "epoch" in values:
        say("measured", values=texts(values))


def texts(values: Any) -> dict[str, str]:
    return {str(name): str(values[name]) for name in values}


def weights(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if WEIGHTS.fullmatch(path.name))


def deliver(course: Course, folder: Path) -> int:
    """Puts the model in its place on the Hub."""
    name_base(course, folder)
    manifest(course, folder)
    why = push(lambda: upload(course["repo"], folder), course)
    if not why:
        say("pushed", repo=course["repo"])
        merge(course, folder)
        return 0
    return hold(course, folder, why)


def hold(course: Course, folder: Path, why: str) -> int:
    """Keeps the model where it can be fetched from without training again."""
    name_base(course, folder)
    manifest(course, folder)
    kept = push(lambda: keep(course, folder), course)
    if kept:
        return fail("push_failed", f"{why}; and it could not be kept: {kept}", code=NOT_PUSHED)
    say("kept", repo=course["kept"], path=course["output"])
    return fail("push_failed", why, code=NOT_PUSHED)


def name_base(course: Course, folder: Path) -> None:
    """Says of an adapter what it belongs to, by its name on the Hub."""
    path = folder / ADAPTER
    if not course.get("base") or not path.is_file():
        return
    about = json.loads(path.read_text(encoding="utf-8"))
    about["base_model_name_or_path"] = course["base"]["repo_id"]
    about["revision"] = course["base"]["revision"]
    path.write_text(json.dumps(about, indent=2), encoding="utf-8")


def manifest(course: Course, folder: Path) -> None:
    files = {path.name: path.stat().st_size for path in folder.iterdir() if path.is_file()}
    about = {"key": course["key"], "engine": course["engine"], "files": files}
    (folder / MANIFEST).write_text(json.dumps(about, indent=1), encoding="utf-8")


def push(step: Callable[[], object], course: Course) -> str:
    """Tries once, and on until it is there, is refused, or the machine's time is nearly over."""
    why = ""
    for pause in (0, *PAUSES):
        if pause and time.time() + pause > course["end"]:
            return why
        time.sleep(pause)
        try:
            step()
        except Exception as error:
            why = told(error)
            if getattr(getattr(error, "response", None), "status_code", None) in REFUSED:
                return why
        else:
            return ""
    return why


def upload(repo: str, folder: Path, revision: str | None = None) -> None:
    if revision:
        hub().create_branch(repo, branch=revision, exist_ok=True)
    hub().upload_folder(
        repo_id=repo,
        folder_path=folder,
        revision=revision,
        ignore_patterns=LEFT_OUT,
        # A branch begins with the files of `main`, which are those of another state.
        delete_patterns="*" if revision else None,
        commit_message="Trained by finetune-anywhere",
    )


def keep(course: Course, folder: Path) -> None:
    hub().create_repo(course["kept"], repo_type="dataset", private=True, exist_ok=True)
    hub().upload_folder(
        repo_id=course["kept"],
        repo_type="dataset",
        folder_path=folder,
        path_in_repo=course["output"],
        ignore_patterns=LEFT_OUT,
    )


def merge(course: Course, folder: Path) -> None:
    """Whole weights on a branch: a server that loads the repository needs them."""
    if not course["merge"] or weights(folder) != ["adapter_model.safetensors"]:
        return
    try:
        merged(folder, Path("merged"))
        upload(course["repo"], Path("merged"), course["merge"])
    except Exception as error:
        say("not_merged", message=told(error))
    else:
        say("merged", revision=course["merge"])


def merged(folder: Path, target: Path) -> None:
    peft, transformers = import_module("peft"), import_module("transformers")
    model = peft.AutoPeftModelForCausalLM.from_pretrained(folder, torch_dtype="auto")
    model.merge_and_unload().save_pretrained(target, safe_serialization=True)
    transformers.AutoTokenizer.from_pretrained(folder).save_pretrained(target)


class Watch:
    """Puts checkpoints on branches of their own while the training goes on."""

    def __init__(self, course: Course, folder: Path) -> None:
        self._course, self._folder = course, folder
        self._seconds: float = course["look"]
        self._seen: set[str] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        self._look()

    def _run(self) -> None:
        while not self._over.wait(self._seconds):
            self._look()

    def _look(self) -> None:
        # Its state is written last.
        for path in sorted(self._folder.glob("checkpoint-*/trainer_state.json")):
            name = path.parent.name
            if name not in self._seen:
                self._seen.add(name)
                self._save(name, path.parent)

    def _save(self, name: str, folder: Path) -> None:
        try:
            name_base(self._course, folder)
            upload(self._course["repo"], folder, name)
        except Exception as error:
            # The training matters more, and the next one may go through.
            say("checkpoint_lost", name=name, message=told(error))
        else:
            say("checkpoint", name=name)


def hub() -> Any:
    from huggingface_hub import HfApi

    return HfApi(token=os.environ["HF_TOKEN"])


def told(error: Exception) -> str:
    words = " ".join(f"{type(error).__name__}: {error}".split())
    return words.replace(os.environ["HF_TOKEN"], "[redacted]")[:500]


def fail(why: str, message: str, *, code: int = TRAINING_FAILED) -> int:
    say("failed", code=why, message=message)
    return code


def say(event: str, **more: Any) -> None:
    at = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
    text = json.dumps({"event": event, "at": at, **more})
    print("FINETUNE", text.replace(os.environ["HF_TOKEN"], "[redacted]"), flush=True)


if __name__ == "__main__":
    sys.exit(main())
