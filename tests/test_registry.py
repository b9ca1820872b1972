"""Which providers are installed, and what a broken one does to the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from finetune_sdk import FineTuneClient
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.providers import registry
from finetune_sdk.providers.base import CanDeploy, FineTuneProvider
from finetune_sdk.testing import FakeProvider
from tests.cli.plugin import install

FAKE = "finetune_sdk.testing.fake:FakeProvider"


class Plugins:
    """Installs packages for one test."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._monkeypatch = monkeypatch

    def add(self, package: str, **providers: str) -> None:
        place = install(self._folder / package, package, **providers)
        self._monkeypatch.syspath_prepend(place)  # pyright: ignore[reportUnknownMemberType]

    def write(self, name: str, code: str) -> None:
        folder = self._folder / "code"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.py").write_text(code)
        self._monkeypatch.syspath_prepend(folder)  # pyright: ignore[reportUnknownMemberType]


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plugins:
    return Plugins(tmp_path, monkeypatch)


def test_our_own_are_there_under_their_names() -> None:
    assert {"fake", "local"} <= set(registry.names())
    for name in ("fake", "local"):
        assert registry.load(name).name == name


def test_one_of_a_third_party_opens_like_ours(plugins: Plugins) -> None:
    plugins.add("a-plugin", theirs=FAKE)
    assert "theirs" in registry.names()
    assert registry.load("theirs") is FakeProvider
    with FineTuneClient("theirs") as client:
        assert isinstance(client.provider, FakeProvider)


def test_an_unknown_name_lists_those_that_are_there() -> None:
    with pytest.raises(ConfigurationError, match=r"'nowhere'.*'fake'.*'local'"):
        registry.load("nowhere")


@pytest.mark.parametrize(
    ("name", "code", "why"),
    [
        ("raises", "raise RuntimeError('no luck')", "RuntimeError: no luck"),
        ("leaks", "raise RuntimeError('sk-' + 'a' * 20)", r"\[redacted\]"),
        ("exits", "import sys; sys.exit(3)", "SystemExit"),
        ("lacks", "import a_package_that_is_not_there", "ModuleNotFoundError"),
        ("lacks_its_own", "from broken_lacks_its_own import nothing_of_it.x", "SyntaxError"),
        ("empty", "", "AttributeError"),
        ("main", "import __main__.helpers", "ModuleNotFoundError"),
        (
            "speechless",
            "class Odd(Exception):\n    def __str__(self): return self.args[7]\nraise Odd()",
            "cannot be loaded: Odd;",
        ),
        ("panics", "class Panic(BaseException): ...\nraise Panic('oh')", "Panic: oh"),
        (
            "meta",
            "from finetune_sdk.testing import FakeProvider\n"
            "class Meta(type(FakeProvider)):\n"
            "    capabilities = property(lambda _: 1 / 0)\n"
            "class Provider(FakeProvider, metaclass=Meta): ...",
            "ZeroDivisionError",
        ),
        (
            "odd_name",
            "from finetune_sdk.testing import FakeProvider\n"
            "class Provider(FakeProvider): name = 'odd:name'",
            "'odd:name'; it is made of letters",
        ),
        ("other", "Provider = 3", "no subclass"),
        ("klass", "class Provider: ...", "no subclass"),
    ],
)
def test_a_broken_one_is_one_clear_error_and_spares_the_others(
    plugins: Plugins, name: str, code: str, why: str
) -> None:
    plugins.write(f"broken_{name}", code)
    plugins.add("broken-plugin", broken=f"broken_{name}:Provider")
    with pytest.raises(ConfigurationError, match=why) as caught:
        registry.load("broken")
    assert "`broken-plugin`" in str(caught.value)
    assert registry.load("fake") is FakeProvider
    assert "local" in registry.able(lambda kind: issubclass(kind, CanDeploy))


@pytest.mark.parametrize("value", ["", "a b c", ":Provider"])
def test_an_entry_point_that_names_nothing_is_told_as_it_stands(
    plugins: Plugins, value: str
) -> None:
    plugins.add("broken-plugin", broken=value)
    with pytest.raises(ConfigurationError, match=f"{value!r} and no `module:Class`"):
        registry.load("broken")


def test_a_package_that_is_installed_wrongly_spares_the_others(
    plugins: Plugins, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plugins.add("a-plugin", theirs=FAKE)
    plugins.add("broken-plugin", broken="a:B")
    (written,) = tmp_path.rglob("broken_plugin-1.0.dist-info/entry_points.txt")
    written.write_text("[of.others]\nno entry at all\n")
    assert registry.load("theirs") is registry.load("fake") is FakeProvider
    assert "broken-plugin" in caplog.text


def test_nobody_takes_a_name_of_ours(plugins: Plugins) -> None:
    plugins.add("a-thief", local=FAKE)
    assert registry.load("local") is not FakeProvider


def test_a_name_that_two_claim_belongs_to_neither(plugins: Plugins) -> None:
    plugins.add("plugin-a", theirs=FAKE)
    plugins.add("plugin-b", theirs="elsewhere:Provider")
    with pytest.raises(ConfigurationError, match=r"`plugin-[ab]` and `plugin-[ab]`"):
        registry.load("theirs")


def test_one_package_that_is_found_twice_claims_once(plugins: Plugins) -> None:
    plugins.add("a-plugin", theirs=FAKE)
    plugins.add("A_Plugin", theirs=FAKE)
    assert registry.load("theirs") is FakeProvider


def test_the_fake_is_no_way_on_in_a_message(plugins: Plugins) -> None:
    def everyone(kind: type[FineTuneProvider]) -> bool:
        return True

    plugins.add("a-plugin", theirs=FAKE)
    able = registry.able(everyone)
    assert "fake" not in able
    assert {"local", "theirs"} <= set(able)
    assert registry.able(lambda kind: False) == ()
