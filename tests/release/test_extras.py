"""The wheel outside the repository, with one extra at a time: its promises, and what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.release import places
from tests.release.building import Built

QUICK = ("openai", "azure", "huggingface", "datasets")


def test_every_extra_is_tried(built: Built) -> None:
    assert places.extras(built.wheel) == set(places.BRINGS) - {""}
    assert set(places.PROBES.values()) == places.extras(built.wheel) - {"ray", "all"}


def test_the_core_alone(built: Built, tmp_path: Path) -> None:
    python = places.linked(built.wheel, "", tmp_path / "venv")
    assert places.probe(python, tmp_path / "away") == places.expected("")


@pytest.mark.parametrize("extra", QUICK)
def test_an_extra_alone(built: Built, tmp_path: Path, extra: str) -> None:
    python = places.linked(built.wheel, extra, tmp_path / "venv")
    of_it = [name for name, of in places.PROBES.items() if of == extra]
    assert places.probe(python, tmp_path / "away", of_it) == dict.fromkeys(of_it, "works")


@pytest.mark.long
@pytest.mark.parametrize("extra", [*QUICK, "plot", "evaluation", "local"])
def test_an_extra_alone_and_all_that_lacks_it(built: Built, tmp_path: Path, extra: str) -> None:
    python = places.linked(built.wheel, extra, tmp_path / "venv")
    assert places.probe(python, tmp_path / "away") == places.expected(extra)
