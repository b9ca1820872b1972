"""What the machine has, and what a model's files say of its licence: files as others wrote them."""

from __future__ import annotations

from pathlib import Path

import pytest

from finetune_sdk.providers.local.models import licence
from finetune_sdk.providers.local.preflight import capacity
from finetune_sdk.providers.local.preflight.capacity import Capacity

GIB = 2**30
MEMINFO = (
    "MemTotal:       16777216 kB\nMemFree: 1048576 kB\nMemAvailable:    8388608 kB\n"
    "SwapTotal:       2097152 kB\nHugePages_Total:       0\n"
)


def put(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def test_a_machine_without_limits(tmp_path: Path) -> None:
    root = put(tmp_path, {"proc/meminfo": MEMINFO, "proc/self/cgroup": "0::/\n"})
    assert capacity.memory(root) == Capacity(18 * GIB, 8 * GIB)


def test_the_narrowest_of_the_groups_around_a_process_counts(tmp_path: Path) -> None:
    files = {
        "proc/meminfo": MEMINFO,
        "proc/self/cgroup": "0::/user.slice/job\n",
        "sys/fs/cgroup/user.slice/memory.max": f"{4 * GIB}\n",
        "sys/fs/cgroup/user.slice/memory.current": f"{3 * GIB}\n",
        "sys/fs/cgroup/user.slice/memory.stat": f"anon 5\ninactive_file {GIB}\n",
        "sys/fs/cgroup/user.slice/job/memory.max": "max\n",
        "sys/fs/cgroup/user.slice/job/memory.current": "7\n",
    }
    assert capacity.memory(put(tmp_path, files)) == Capacity(4 * GIB, 2 * GIB)


def test_a_container_with_the_groups_of_old(tmp_path: Path) -> None:
    files = {
        "proc/meminfo": MEMINFO,
        "proc/self/cgroup": "9:cpu,cpuacct:/x\n4:memory:/docker/abc\n0::/\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{2 * GIB}\n",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{GIB}\n",
    }
    assert capacity.memory(put(tmp_path, files)) == Capacity(2 * GIB, GIB)


def test_no_limit_in_the_words_of_old(tmp_path: Path) -> None:
    files = {
        "proc/meminfo": MEMINFO,
        "proc/self/cgroup": "4:memory:/\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": "4096\n",
    }
    assert capacity.memory(put(tmp_path, files)) == Capacity(18 * GIB, 8 * GIB)


def test_a_system_that_tells_its_pages_alone(tmp_path: Path) -> None:
    there = capacity.memory(tmp_path)
    assert there is not None
    assert there.total > GIB / 4
    assert there.free is None


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"README.md": "---\nlicense: apache-2.0\n---\n# M"}, "apache-2.0, as the model's README"),
        (
            {"README.md": "---\nlicense: other\nlicense_name: llama3\n---\n"},
            "other (llama3), as the model's README.md says",
        ),
        (
            {"README.md": "# No head\nlicense: mit", "LICENSE": "\n  MIT License\n\nCopyright"},
            "'MIT License' is how the model's LICENSE begins",
        ),
        ({"README.md": "---\nlicense: [\n---\n"}, "unknown: "),
        ({"README.md": "---\ntags: [a]\n---\n"}, "unknown: "),
        ({"README.md": '---\nlicense: "mit\\e[2J"\n---\n'}, "mit[2J, as "),
        ({"LICENSE": ""}, "unknown: "),
        ({"licence.json": "{"}, "unknown: "),
        ({}, "unknown: "),
    ],
)
def test_a_licence_is_what_the_files_say(tmp_path: Path, files: dict[str, str], words: str) -> None:
    assert licence.of(put(tmp_path, files)).startswith(words)


def test_the_licence_of_weights_that_were_converted(tmp_path: Path) -> None:
    licence.note(tmp_path, "apache-2.0", "`general.license` of m.gguf")
    assert licence.of(tmp_path) == "apache-2.0, as `general.license` of m.gguf says"
