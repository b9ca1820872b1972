"""Rows shown as the trainer learns them: token by token, and which of them carry loss."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Generator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import pytest

from finetune_sdk import FineTuneClient
from finetune_sdk.cli import main
from finetune_sdk.errors import (
    DatasetValidationError,
    InvalidRequestError,
    ServerError,
    UnsupportedError,
)
from finetune_sdk.providers.local.preflight import inspection
from finetune_sdk.providers.local.preflight.label import pieces as pieces_of
from finetune_sdk.providers.local.provider import LocalProvider
from finetune_sdk.providers.local.training.rows.encoding import Encoder
from finetune_sdk.testing import FakeProvider
from finetune_sdk.types import MethodName, Supervised, TokenPiece
from tests.local.looks import answering
from tests.training.jobs import CAKES, Row, chat, make_job
from tests.training.tiny import CHATML, SPECIAL

ROW = chat("what is 🍰?", "this is a cake, 日本 🎂", "and now?", "é")
WRITTEN = (
    "<|im_start|>user\nwhat is 🍰?<|im_end|>\n"
    "<|im_start|>assistant\nthis is a cake, 日本 🎂<|im_end|>\n"
    "<|im_start|>user\nand now?<|im_end|>\n"
    "<|im_start|>assistant\né<|im_end|>\n"
)
TURNS = "this is a cake, 日本 🎂<|im_end|>é<|im_end|>"

Show = Callable[..., tuple[int, str, str]]


@pytest.fixture
def client(tmp_path: Path) -> Generator[FineTuneClient]:
    with FineTuneClient(LocalProvider(home=tmp_path / "home")) as client:
        yield client


@pytest.fixture
def show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Show:
    """`finetune data show` of four lines, of which the second is blank: code, stdout, stderr."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FINETUNE_HOME", str(tmp_path / "home"))
    lines = [json.dumps(ROW), "", *map(json.dumps, CAKES[:2])]
    (folder / "train.jsonl").write_text("\n".join(lines), encoding="utf-8")

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["data", "show", "train.jsonl", *words])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def text(pieces: Sequence[TokenPiece]) -> str:
    return "".join(piece.text for piece in pieces)


def learned(pieces: Sequence[TokenPiece]) -> str:
    return text([piece for piece in pieces if piece.learned])


def documents(out: str) -> list[tuple[int, list[dict[str, str]]]]:
    """The line and the pieces of each row."""
    read = [cast("dict[str, object]", json.loads(line)) for line in out.splitlines()]
    return [(cast("int", one["line"]), cast("list[dict[str, str]]", one["pieces"])) for one in read]


def test_the_assistants_turns_are_learned_and_nothing_is_left(
    client: FineTuneClient, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    first, second = client.datasets.tokens([ROW, CAKES[0]], model=str(tiny))
    assert text(first) == WRITTEN
    assert learned(first) == TURNS
    assert learned(second) == "this is a cake<|im_end|>"
    # Four tokens write this sign, and none of them is one.
    at = [piece.text for piece in first].index("🎂")
    assert [piece.text for piece in first[at - 3 : at]] == ["", "", ""]
    assert not (tmp_path / "home").exists()
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("train_on", ["assistant", "all"])
def test_they_are_the_tokens_that_are_counted(
    client: FineTuneClient, tiny: Path, train_on: str
) -> None:
    method = Supervised.model_validate({"train_on": train_on})
    shown = client.datasets.tokens(CAKES, model=str(tiny), method=method)
    report = client.datasets.count(CAKES, model=str(tiny), method=method)
    assert sum(map(len, shown)) == report.total
    assert sum(piece.learned for row in shown for piece in row) == report.trained


def sentence_piece() -> Any:
    """A tokenizer as Llama 2 has it: blanks begin words, what it does not know falls to bytes."""
    tokenizers = import_module("tokenizers")
    core = tokenizers.Tokenizer(tokenizers.models.BPE(byte_fallback=True))
    core.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace(prepend_scheme="first")
    made = tokenizers.decoders
    steps = [made.Replace("\u2581", " "), made.ByteFallback(), made.Fuse(), made.Strip(" ", 1, 0)]
    core.decoder = made.Sequence(steps)
    trainer = tokenizers.trainers.BpeTrainer(
        special_tokens=[*SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256))],
        initial_alphabet=list("abcdefghijklmnopqrstuvwxyz,? \n"),
        show_progress=False,
    )
    core.train_from_iterator(["this is a cake, what is this"], trainer)
    return import_module("transformers").PreTrainedTokenizerFast(
        tokenizer_object=core, eos_token="<|im_end|>", chat_template=CHATML
    )


def test_blanks_and_bytes_of_a_sentencepiece_tokenizer_are_kept() -> None:
    tokenizer, said = sentence_piece(), list[str]()
    example = Encoder(tokenizer, "assistant", said.append).example(ROW, 1)
    pieces = list(pieces_of(example, tokenizer))
    assert (text(pieces), learned(pieces)) == (WRITTEN, TURNS)
    assert len(pieces) == len(example.tokens)
    assert said == []


def test_rows_of_a_foreign_format_are_shown_as_they_are_learned(
    client: FineTuneClient, tiny: Path
) -> None:
    row = {"conversations": [{"from": "human", "value": "hello"}, {"from": "gpt", "value": "rice"}]}
    (pieces,) = client.datasets.tokens([row], model=str(tiny))
    assert learned(pieces) == "rice<|im_end|>"


@pytest.mark.parametrize(
    ("method", "row"),
    [
        (MethodName.DPO, {"prompt": "a", "chosen": "b", "rejected": "c"}),
        (MethodName.REINFORCEMENT, {"messages": [{"role": "user", "content": "a"}]}),
    ],
)
def test_other_methods_say_what_can_be_had(
    client: FineTuneClient, tiny: Path, method: MethodName, row: Row
) -> None:
    with pytest.raises(UnsupportedError, match=rf"'{method.value}'.*datasets.count"):
        client.datasets.tokens([row], model=str(tiny), method=method)


def test_what_a_trainer_of_ones_own_learns_is_not_known(tiny: Path, tmp_path: Path) -> None:
    provider = LocalProvider(home=tmp_path / "home", trainer=["train"])
    with (
        FineTuneClient(provider) as client,
        pytest.raises(UnsupportedError, match="without `trainer`"),
    ):
        client.datasets.tokens([ROW], model=str(tiny))


def test_a_provider_that_does_not_show_them_names_one_that_does() -> None:
    with FineTuneClient(FakeProvider()) as client, pytest.raises(UnsupportedError, match="local"):
        client.datasets.tokens([ROW], model="base")


def test_rows_that_cannot_be_learned_are_refused(
    client: FineTuneClient, tiny: Path, tmp_path: Path
) -> None:
    with pytest.raises(DatasetValidationError, match="rows:1 /messages"):
        client.datasets.tokens([{"messages": "hello"}], model=str(tiny))
    first = {"messages": [{"role": "assistant", "content": "hello"}]}
    with pytest.raises(InvalidRequestError) as caught:
        client.datasets.tokens([ROW, first], model=str(plain(tiny, tmp_path / "plain")))
    assert str(caught.value).startswith("line 1 of the rows that were given: ")
    assert caught.value.code == "chat_template"


def plain(tiny: Path, folder: Path) -> Path:
    """The model without a chat template."""
    folder.mkdir()
    for file in tiny.iterdir():
        if file.suffix != ".jinja":
            (folder / file.name).symlink_to(file)
    return folder


def test_rows_that_take_too_long_are_given_up(tiny: Path, tmp_path: Path) -> None:
    environ = answering(tmp_path / "first", "import threading; threading.Event().wait(60)")
    with pytest.raises(ServerError, match=r"not cut into tokens in 0.5 seconds"):
        inspection.tokens(make_job(tmp_path, tiny), environ, patience=0.5)


def test_the_command_prints_the_pieces(show: Show, tiny: Path) -> None:
    words = ("--model", str(tiny), "--rows", "2", "--profile", "local", "--json")
    code, out, _ = show(*words)
    assert code == 0
    (line, first), (next_line, _) = documents(out)
    assert (line, next_line) == (1, 3)
    assert "".join(piece["text"] for piece in first) == WRITTEN
    assert "".join(piece["text"] for piece in first if piece["learned"] == "yes") == TURNS


def test_the_command_colours_what_carries_loss(
    show: Show, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    code, out, err = show("--model", str(tiny), "--rows", "1", "--line", "4", "--profile", "local")
    assert code == 0
    assert "in colour carry loss" in err
    green = [part.partition("m")[2] for part in out.split("\x1b[30;") if part[:2] in ("42", "10")]
    assert (
        "".join(part.partition("\x1b")[0] for part in green) == "this is a cake of flour<|im_end|>"
    )


def test_the_profile_says_how_rows_are_written_and_learned(show: Show, tiny: Path) -> None:
    template = json.dumps(CHATML.replace("<|im_start|>", "## "))
    Path("finetune.toml").write_text(
        'profile = "desk"\n[profiles.desk]\nprovider = "local"\n'
        '[profiles.desk.hyperparameters]\ntrain_on = "all"\n'
        f"[profiles.desk.options]\nchat_template = {template}\n"
        f'[models.small]\ndesk = "{tiny}"\n',
        encoding="utf-8",
    )
    code, out, err = show("--model", "small", "--rows", "1", "--json")
    assert code == 0, err
    ((_, pieces),) = documents(out)
    assert "".join(piece["text"] for piece in pieces) == WRITTEN.replace("<|im_start|>", "## ")
    assert {piece["learned"] for piece in pieces[1:]} == {"yes"}
    code, out, err = show("--model", "small", "--rows", "1", "--train-on", "assistant", "--json")
    assert code == 0, err
    ((_, pieces),) = documents(out)
    assert "".join(piece["text"] for piece in pieces if piece["learned"] == "yes") == TURNS


def test_the_command_needs_a_profile_for_such_a_model(show: Show, tiny: Path) -> None:
    code, out, err = show("--model", str(tiny))
    assert (code, out) == (1, "")
    assert "`--profile local`" in err
