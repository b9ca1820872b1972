"""The documents: every Python block runs, every link leads somewhere, the tables are the code's.

The blocks say `FineTuneClient("local")`. Here a profile of that name is the fake provider: the
same one-word change that a reader would make.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "CONTRIBUTING.md"]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r'^```python title="([\w.]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")
CONFIG = """
[profiles.local]
provider = "fake"
[profiles.openai]
provider = "fake"
[profiles.hub]
provider = "fake"
[profiles.azure-eu]
provider = "fake"
"""


def blocks(page: Path) -> list[str]:
    return BLOCK.findall(page.read_text())


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=name)
def test_every_python_block_runs(page: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / "finetune.toml").write_text(CONFIG)
    (tmp_path / "page.py").write_text("\n".join(blocks(page)))
    done = subprocess.run(
        [sys.executable, "-W", "error", "page.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "page", [page for page in PAGES if FILE.search(page.read_text())], ids=name
)
def test_every_test_file_passes(page: Path, tmp_path: Path) -> None:
    for file, text in FILE.findall(page.read_text()):
        (tmp_path / file).write_text(text)
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    missing = [
        target for target in LINK.findall(page.read_text()) if not (page.parent / target).exists()
    ]
    assert not missing


@pytest.mark.parametrize("tool", ["provider_table.py", "findings_table.py", "laws_page.py"])
def test_the_tables_are_what_the_code_says(tool: str) -> None:
    command = [sys.executable, str(ROOT / "tools" / tool), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_readme_names_the_distribution_and_not_its_namesake() -> None:
    for page in PAGES:
        assert "pip install finetune-sdk" not in page.read_text()
        assert "pip install finetune_sdk" not in page.read_text()
