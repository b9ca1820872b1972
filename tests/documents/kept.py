"""A fake whose jobs live as long as the process: one command finds what another has made.

python -m tests.documents.kept   runs commands, a JSON list of words a line of stdin, one after the
                                 other; says of each, on the last line, how it ended
"""

from __future__ import annotations

import json
import re
import sys
from typing import ClassVar

from finetune_sdk import FineTuneClient, Model, NotFoundError
from finetune_sdk.cli import main
from finetune_sdk.providers.base import ProviderSettings
from finetune_sdk.testing import FakeProvider

ROWS = "examples/recipes/train.jsonl"
HANDLE = re.compile(r"(?<![\w/])(?P<profile>[a-z][a-z0-9-]*):(?P<name>[a-z][\w.-]*)$")


class KeptFake(FakeProvider):
    """The same account whenever it is opened."""

    name: ClassVar[str] = "kept"
    _account: ClassVar[KeptFake | None] = None

    @classmethod
    def open(cls, settings: ProviderSettings, /) -> KeptFake:
        if cls._account is None:
            cls._account = cls()
        return cls._account

    def get_model(self, model_id: str, /) -> Model:
        try:
            return super().get_model(model_id)
        except NotFoundError:
            # Base models are there, as at a real place: `doctor` looks.
            return Model(id=model_id, provider=self.name, kind="base")


def real(word: str, *, deploys: bool) -> str:
    """The word, where it is a handle that a page has made up, with what is really there."""
    found = HANDLE.search(word)
    if found is None:
        return word
    head, profile = word[: found.start()], found["profile"]
    with FineTuneClient(profile) as client:
        if found["name"].startswith("ftjob-"):
            return head + _job(client)
        if not deploys:
            _deploy(client, found["name"])
    return word


def _job(client: FineTuneClient) -> str:
    job = client.jobs.create(model="any", training_data=ROWS, idempotency_key="of-the-page")
    return client.jobs.wait(job, progress=False).handle


def _deploy(client: FineTuneClient, name: str) -> None:
    try:
        client.deployments.get(name)
    except NotFoundError:
        client.deployments.create(client.jobs.get(_job(client)), name=name)


def run(words: list[str]) -> int:
    deploys = "deploy" in words
    return main([real(word, deploys=deploys) for word in words])


if __name__ == "__main__":
    ended = [run(json.loads(line)) for line in sys.stdin.read().splitlines()]
    print(json.dumps(ended))
