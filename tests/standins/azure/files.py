"""The routes of files where Azure's differ from OpenAI's."""

from __future__ import annotations

from tests.standins.azure.jobs import refuse, service_of
from tests.standins.openai import StoredFile, files
from tests.standins.openai.call import Call
from tests.standins.openai.wire import Json, Refusal

SHORTEST = 14 * 24 * 3600


class AzureFile(StoredFile):
    """A file that waits before it is processed."""

    def status(self, now: float) -> str:
        age = now - self.born
        if age < self.delay:
            return "pending" if age < self.delay / 2 else "running"
        return super().status(now)


def create(call: Call) -> Json:
    form = call.form()
    if "file" in form and form["file"].blob.size > service_of(call).largest:
        raise Refusal(413, "The file is too large.", param="file")
    life = form.get("expires_after[seconds]")
    if life is not None and life.text.isdecimal() and int(life.text) < SHORTEST:
        raise refuse("Files live for 14 to 30 days.", "expires_after")
    return _bare(files.create(call))


def listed(call: Call) -> Json:
    found = files.listed(call)
    return _bare(found | {"data": [_bare(one) for one in found["data"]]})


def retrieve(call: Call) -> Json:
    return _bare(files.retrieve(call))


def _bare(found: Json) -> Json:
    """Without what is null: Azure leaves it out."""
    return {key: value for key, value in found.items() if value is not None}
