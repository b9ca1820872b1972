"""UPL-09: what must not stand in a text is found wherever it stands, and never told again."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_sdk import datasets, transport
from finetune_sdk.datasets import EVERYTHING, RowRules, lines, load
from finetune_sdk.datasets import sieve as sieves
from finetune_sdk.transport import KEYS, redact
from finetune_sdk.types import DatasetReport, Finding
from tests.datasets.cases import said
from tests.datasets.samples import (
    ANSWER,
    ASSISTANT,
    CALL,
    CALLING,
    TOOL,
    USER,
    Json,
    line,
    numbered_rows,
    question,
    row,
    thumb,
    trl_pair,
    written,
)
from tests.datasets.samples import judged as check

RULES = RowRules(content=EVERYTHING)
BODY = "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5h"
# Put together here, so that no scanner of repositories takes them for real ones.
SECRETS = {
    "an OpenAI key": "sk" + "-proj-" + BODY,
    "a Hugging Face token": "hf" + "_" + BODY,
    "a GitHub token": "ghp" + "_" + BODY,
    "a fine-grained GitHub token": "github" + "_pat_" + BODY + BODY,
    "an AWS access key": "AK" + "IA" + "Z7Y6X5W4V3U2T1S0",
    "a Google key": "AI" + "za" + "zyxwvutsrqponmlkjihgfedcbazyxwvutsr",
    "a Slack token": "xox" + "b-" + "1234-5678-" + BODY,
    "a Stripe key": "sk" + "_live_" + BODY,
    "a JSON web token": "ey" + "J" + BODY + ".eyJzdWIiOiIx.c2ln",
    "a private key": "-----BEGIN " + "RSA PRIVATE KEY-----",
}
MORE = [
    "rk" + "-" + BODY,
    "gho" + "_" + BODY,
    "github" + "_pat_" + "0" * 40,
    "AS" + "IA" + "Z7Y6X5W4V3U2T1S0",
    "rk" + "_live_" + BODY,
    "-----BEGIN " + "PRIVATE KEY-----",
    "-----BEGIN " + "OPENSSH PRIVATE KEY-----",
]
each_secret = pytest.mark.parametrize("secret", [*SECRETS.values(), *MORE])
TOKEN = "<|im_end|>"


@pytest.fixture(params=["hyperscan", "plain"])
def each_sieve(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "plain":
        monkeypatch.setitem(sys.modules, "hyperscan", None)
        monkeypatch.setattr(sieves, "_ours", threading.local())


def hazards(report: DatasetReport) -> list[Finding]:
    codes = ("secret_in_text", "special_token", "card_number")
    return [finding for finding in report.findings if finding.code in codes]


def found(data: bytes, folder: Path, rules: RowRules = RULES) -> list[tuple[int, str, str]]:
    path = folder / "a.jsonl"
    path.write_bytes(data)
    return [(f.line, f.pointer, f.code) for f in hazards(check(load(path), rules=rules))]


def test_every_kind_of_key_is_tried() -> None:
    assert set(SECRETS) == set(KEYS)
    for name, secret in SECRETS.items():
        assert re.search(KEYS[name], secret)


@pytest.mark.parametrize("name", KEYS)
def test_a_key_is_called_by_its_name(name: str) -> None:
    (finding,) = hazards(check(load([row(said(f"it is {SECRETS[name]}!"), ASSISTANT)])))
    assert finding.code == "secret_in_text"
    assert f"what looks like {name}, " in finding.message


def places(secret: str) -> Iterator[tuple[Json, str, RowRules]]:
    """Rows that hold a secret, and where."""
    text = f"it is {secret}"
    arguments = json.dumps({"key": text})
    called: Json = {**CALL, "function": {"name": "scale", "arguments": arguments}}
    preference, kto, prompts = (
        RowRules(format=wanted, content=EVERYTHING) for wanted in ("preference", "kto", "prompts")
    )
    yield row(said(text), ASSISTANT), "/messages/0/content", RULES
    yield row(USER, said(text, "assistant")), "/messages/1/content", RULES
    yield (
        row(said([{"type": "text", "text": text}]), ASSISTANT),
        "/messages/0/content/0/text",
        RULES,
    )
    yield row({**USER, "name": text}, ASSISTANT), "/messages/0/name", RULES
    yield row(note=text), "/note", RULES
    yield row(said(text)), "/messages/0/content", RULES
    yield (
        row(USER, {**CALLING, "tool_calls": [called]}, ANSWER, ASSISTANT),
        "/messages/1/tool_calls/0/function/arguments",
        RULES,
    )
    yield row(USER, CALLING, {**ANSWER, "content": text}, ASSISTANT), "/messages/2/content", RULES
    yield (
        row(tools=[{**TOOL, "function": {"name": "cut", "description": text}}]),
        "/tools/0/function/description",
        RULES,
    )
    yield trl_pair(prompt=[said(text)]), "/prompt/0/content", preference
    yield trl_pair(prompt=text, chosen="a", rejected="b"), "/prompt", preference
    yield thumb(completion=[said(text, "assistant")]), "/completion/0/content", kto
    yield question(answer={"a/b": [text]}), "/answer/a~1b/0", prompts


@pytest.mark.usefixtures("each_sieve")
@each_secret
def test_a_secret_is_found_wherever_it_stands(secret: str, tmp_path: Path) -> None:
    for one, pointer, rules in places(secret):
        data = json.dumps(one).encode()
        assert (1, pointer, "secret_in_text") in found(data, tmp_path, rules)


@pytest.mark.usefixtures("each_sieve")
def test_a_control_token_is_found_wherever_it_stands(tmp_path: Path) -> None:
    for one, pointer, rules in places(TOKEN):
        assert (1, pointer, "special_token") in found(line(one), tmp_path, rules)


def all_escaped(text: str) -> str:
    return "".join(f"\\u{ord(letter):04x}" for letter in text)


@pytest.mark.usefixtures("each_sieve")
@pytest.mark.parametrize("hazard", [*SECRETS.values(), *MORE, TOKEN, "4111 1111 1111 1111"])
def test_escapes_hide_nothing(hazard: str, tmp_path: Path) -> None:
    text = json.dumps(row(said("#"), ASSISTANT))
    ways = [all_escaped(hazard), all_escaped(hazard).upper().replace("\\U", "\\u")]
    ways += [hazard[:at] + all_escaped(hazard[at]) + hazard[at + 1 :] for at in range(len(hazard))]
    for way in ways:
        (one,) = found(text.replace("#", way).encode(), tmp_path)
        assert one[:2] == (1, "/messages/0/content")


@pytest.mark.usefixtures("each_sieve")
@pytest.mark.parametrize(
    "escape", ["\\u003c|im_end|\\u003e", "\\u003C|im_end|\\u003E", "<\\u007cim_end|>"]
)
def test_a_control_token_in_html_escapes_is_found(escape: str, tmp_path: Path) -> None:
    data = line(row(said("#"), ASSISTANT)).replace(b"#", escape.encode())
    assert found(data, tmp_path) == [(1, "/messages/0/content", "special_token")]


@pytest.mark.usefixtures("each_sieve")
@pytest.mark.parametrize("size", [1, 50, 100, 101, 102, 103, 200])
def test_hazards_are_found_at_the_borders_of_blocks(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "_BLOCK", size)
    secret = SECRETS["an OpenAI key"]
    rows = [line(row(said(f"{secret}{n}" if n % 3 == 0 else f"{n}"), ASSISTANT)) for n in range(12)]
    wanted = [(n + 1, "/messages/0/content", "secret_in_text") for n in range(0, 12, 3)]
    assert found(b"\n".join(rows), tmp_path) == wanted
    assert found(b"\r\n".join([*rows, b""]), tmp_path) == wanted


@pytest.mark.usefixtures("each_sieve")
def test_hazards_are_found_at_the_ends_of_lines(tmp_path: Path) -> None:
    """Two rows side by side: the one that has it is told, and not its neighbour."""
    odd = (
        b'{"messages": [{"role": "user", "content": "x"}, {"content": "%s", "role": "assistant"}]}'
    )
    rows = [odd % b"a", odd % TOKEN.encode(), odd % b"b", *map(line, numbered_rows(100))]
    assert found(b"\n".join(rows), tmp_path) == [(2, "/messages/1/content", "special_token")]


CARDS = [
    "4111111111111111",
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "378282246310005",
    "3782 822463 10005",
    "5555555555554444",
    "6011111111111117",
    "30569309025904",
    "4222222222222",
    "card: 4111 1111 1111 1111, code 123",
    "4111 1111 1111 1111 12/27",
    "pan=4111111111111111;",
]
NO_CARDS = [
    "4111111111111112",
    "4111 1111 1111 1112",
    "1111111111111111",
    "0000000000000000",
    "411111111111",
    "4111  1111  1111  1111",
    "4111_1111_1111_1111",
    "94111111111111111",
    "4111.1111.1111.1111",
    "41111111111111111111111",
    "2026-11-26 08:07:21",
    "3.14159265358979",
]


@pytest.mark.usefixtures("each_sieve")
@pytest.mark.parametrize("text", CARDS)
def test_a_card_number_is_found(text: str, tmp_path: Path) -> None:
    assert found(line(row(said(text), ASSISTANT)), tmp_path) == [
        (1, "/messages/0/content", "card_number")
    ]


@pytest.mark.usefixtures("each_sieve")
@pytest.mark.parametrize("text", NO_CARDS)
def test_other_digits_are_no_card(text: str, tmp_path: Path) -> None:
    assert found(line(row(said(text), ASSISTANT)), tmp_path) == []


HARMLESS = [
    "task-oriented-and-much-longer",
    "<|>",
    "<||>",
    "<|im end|>",
    "< |im_end|>",
    "a |> b",
    "<|" + "a" * 41 + "|>",
    "hf_short",
    "sk-short",
    "github_pat_",
    "PRIVATE KEY",
    "eyJust a word",
    "AIzaShort",
    "desk-" + "a" * 20,
]


@pytest.mark.usefixtures("each_sieve")
@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_begins_like_one_is_left_alone(text: str, tmp_path: Path) -> None:
    assert found(line(row(said(text), ASSISTANT)), tmp_path) == []


def everywhere(secret: str) -> list[object]:
    """Rows that hold a secret where a message might repeat it."""
    long = f"{'x' * 185}{secret}{'x' * 400}"
    return [
        row(said(secret), ASSISTANT),
        row(said(f"<|{secret}|>"), ASSISTANT),
        row(said(7), said(secret, secret)),
        row(said([{"type": secret}, {"type": "image_url", "image_url": {"url": secret}}])),
        row(USER, {**ASSISTANT, "weight": secret, secret: 1, "name": [secret]}),
        row(USER, {**CALLING, "tool_calls": secret}, {**ANSWER, "tool_call_id": secret}),
        row(**{secret: secret}, tools=secret, parallel_tool_calls=secret),
        row(said(long, long), {"role": [long], "content": {long: long}}, tools=[long]),
        row(said([{"type": "image_url", "image_url": {"url": f"data:image/{secret};base64,A"}}])),
        {"messages": secret},
        {secret: 1},
        secret,
        [secret],
        trl_pair(**{secret: 1}, chosen=secret),
        thumb(label=secret),
        {"input": secret, "preferred_output": secret, "non_preferred_output": {secret: secret}},
    ]


@each_secret
def test_a_finding_never_repeats_a_secret(secret: str) -> None:
    for wanted in ("chat", "preference", "kto", "prompts"):
        rules = RowRules(format=wanted, content=EVERYTHING)
        report = check(load(everywhere(secret)), rules=rules)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - bad rows on purpose
        text = report.to_json() + "".join(map(str, report.findings))
        core = secret if secret.startswith("---") else secret[:14]
        assert core not in text
        assert redact(text) == text


@pytest.mark.parametrize("code", ["secret_in_text", "special_token"])
def test_what_the_caller_allows_is_a_warning(code: str) -> None:
    one = row(said(f"{SECRETS['a Stripe key']} {TOKEN}"), ASSISTANT)
    rules = RowRules(allowed=frozenset({code}))
    graves = {f.code: f.severity for f in check(load([one]), rules=rules).findings}
    assert graves == {"secret_in_text": "error", "special_token": "error", code: "warning"}


def test_other_codes_cannot_be_allowed() -> None:
    rules = RowRules(allowed=frozenset({"no_assistant_turn"}))
    assert not check(load([row(USER)]), rules=rules).ok


@settings(deadline=None, max_examples=200)
@given(st.text(st.sampled_from("<|>im_end-sk4 1\\u03ceEghpAIza"), max_size=60))
def test_what_the_sieve_passes_is_clean(text: str) -> None:
    """Whoever looks at all texts finds what is found behind the sieve."""
    many = [row(said(text), ASSISTANT), *numbered_rows(3)]
    odd = [row(said(text), ASSISTANT, note=1)]
    behind = [(f.code, f.message) for f in hazards(check(load(many)))]
    assert behind == [(f.code, f.message) for f in hazards(check(load(odd)))]
    assert bool(behind) == any(
        re.search(shape, text) for shape in (*KEYS.values(), r"<\|\w{1,40}\|>")
    )


def shapes() -> list[tuple[str, Any]]:
    """All patterns that are kept at the top of our modules."""
    modules = [transport, datasets]
    for found in pkgutil.walk_packages(datasets.__path__, datasets.__name__ + "."):
        modules.append(importlib.import_module(found.name))
    kept: list[tuple[str, Any]] = [
        (f"{module.__name__}.{name}", value)
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, re.Pattern)
    ]
    return [*kept, *((name, re.compile(shape)) for name, shape in KEYS.items())]


SIZE = 1_000_000
SEEDS = [
    *("A", "3", "4 ", "4-", "|", "<|", "<|a", "<|a|", "sk-", "ghp_", "github_pat_", "AKIA", "AIza"),
    *("xoxb-", "eyJ", "eyJ-", "sk_live_", "-----BEGIN A A ", "://a:", "bearer ", "ua", '\\"', '"'),
    *("} ", "\\u003", "ก", "://" + "a" * 255, "411111111111 "),
]


def work(pattern: re.Pattern[Any], text: str) -> None:
    """Goes through a text as we do: patterns that give nothing back are tried at one place."""
    seen = text.encode() if isinstance(pattern.pattern, bytes) else text
    if "*+" in str(pattern.pattern):
        pattern.match(seen)
    else:
        deque(pattern.finditer(seen), 0)


@pytest.mark.timeout(120)
def test_sec_15_no_pattern_is_slow_on_hostile_text() -> None:
    """Much room for a machine that is busy: what is not linear takes minutes here."""
    worst: dict[str, float] = {}
    for name, pattern in shapes():
        for seed in SEEDS:
            text = (seed * (SIZE // len(seed) + 1))[:SIZE] + "!"
            begun = time.process_time()
            work(pattern, text)
            worst[name] = max(worst.get(name, 0), time.process_time() - begun)
    assert len(worst) > len(KEYS)
    assert max(worst.values()) < 10


@pytest.mark.usefixtures("each_sieve")
@pytest.mark.parametrize("seed", ["4 ", "4-", "3", "<|a", "sk-", "|>", "eyJ-", "\\u0041", "}{"])
def test_a_row_of_hostile_text_is_gone_through(seed: str, tmp_path: Path) -> None:
    data = line(row(said("#"), ASSISTANT)).replace(b"#", (seed * (SIZE // len(seed))).encode())
    (tmp_path / "a.jsonl").write_bytes(data)
    assert check(load(tmp_path / "a.jsonl")).rows == 1


def test_rows_from_memory_are_looked_at_too(tmp_path: Path) -> None:
    rows = [*numbered_rows(600), row(said(TOKEN), ASSISTANT)]
    assert [f.line for f in hazards(check(load(rows)))] == [601]
    path = written(tmp_path / "a.json", b"[" + b",\n".join(map(line, rows)) + b"]")
    assert [f.code for f in hazards(check(load(path)))] == ["special_token"]


def test_a_secret_in_the_name_of_a_key_is_found_and_not_repeated() -> None:
    secret = "sk-" + "abcd1234" * 4
    bad = {"messages": [USER, {**ASSISTANT, secret: 1}], secret: 1}
    report = check(load([bad]))
    places = [f.pointer for f in report.findings if f.code == "secret_in_text"]
    assert sorted(places) == ["", "/messages/1"]
    assert secret not in report.to_json()
