"""What of the caller's environment reaches a process of ours."""

from __future__ import annotations

import pytest

from finetune_sdk.providers.local.environment import child_environment


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "HOME",
        "LANG",
        "LC_ALL",
        "TMPDIR",
        "TZ",
        "HF_HOME",
        "HF_HUB_OFFLINE",
        "HF_ENDPOINT",
        "HF_DATASETS_CACHE",
        "HF_TOKEN",
        "TRANSFORMERS_CACHE",
        "CUDA_VISIBLE_DEVICES",
        "NVIDIA_VISIBLE_DEVICES",
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "GOMP_CPU_AFFINITY",
        "LD_LIBRARY_PATH",
        "VIRTUAL_ENV",
        "PYTHONPATH",
        "XDG_CACHE_HOME",
        "FINETUNE_HOME",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "NO_PROXY",
        "no_proxy",
    ],
)
def test_what_is_needed_passes(name: str) -> None:
    assert child_environment({name: "value"}) == {name: "value"}


@pytest.mark.parametrize(
    "name",
    [
        "OPENAI_API_KEY",
        "AZURE_OPENAI_API_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "GITHUB_TOKEN",
        "PYTHONSTARTUP",
        "PYTHONWARNINGS",
        "PYTHONOPTIMIZE",
        "LD_PRELOAD",
        "ALL_PROXY",
        "WANDB_API_KEY",
        "path",
        "HF_XYZ",
    ],
)
def test_everything_else_stays(name: str) -> None:
    assert child_environment({name: "value"}) == {}


@pytest.mark.parametrize(
    "name", ["HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "http_proxy", "HF_ENDPOINT"]
)
@pytest.mark.parametrize(
    ("value", "passes"),
    [
        ("http://proxy:3128", True),
        ("proxy:3128", True),
        ("http://user:password@proxy:3128", False),
        ("user:password@proxy:3128", False),
        ("http://token@proxy", False),
        ("http://[::1", False),
    ],
)
def test_an_address_passes_without_its_password(name: str, value: str, passes: bool) -> None:
    assert child_environment({name: value}) == ({name: value} if passes else {})
