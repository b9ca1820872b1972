"""The routes of files."""

from __future__ import annotations

from tests.standins.openai.call import Call
from tests.standins.openai.multipart import Blob
from tests.standins.openai.pages import bounded, one, page, rows
from tests.standins.openai.state import State, StoredFile
from tests.standins.openai.wire import Answer, Json, Refusal

PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
LARGEST = 512 * 1024 * 1024


def create(call: Call) -> Json:
    form = call.form()
    for name in ("file", "purpose"):
        if name not in form:
            message = f"Missing required parameter: '{name}'."
            raise Refusal(400, message, param=name, code="missing_required_parameter")
    part, purpose = form["file"], form["purpose"].text
    check(part.filename or "", purpose, part.blob)
    if part.blob.size > LARGEST:
        raise Refusal(413, "File is too large: the limit is 512 MB.", param="file")
    file = call.state.add_file(part.filename or "", purpose, part.blob)
    expire(file, form["expires_after[seconds]"].text if "expires_after[seconds]" in form else None)
    return view(call.state, file)


def check(filename: str, purpose: str, blob: Blob) -> None:
    """What holds for a file however it came."""
    check_purpose(purpose)
    if not blob.size:
        raise Refusal(400, "File is empty.", param="file")
    if purpose == "fine-tune" and not filename.endswith(".jsonl"):
        message = "Invalid file format for Fine-Tuning API. Must be .jsonl"
        raise Refusal(400, message, param="file")


def check_purpose(purpose: object) -> None:
    if purpose not in PURPOSES:
        message = f"'{purpose}' is not one of {list(PURPOSES)} - 'purpose'"
        raise Refusal(400, message, param="purpose", code="invalid_value")


def expire(file: StoredFile, seconds: object) -> None:
    """Lets a file say when it expires, between an hour and thirty days."""
    if seconds is None:
        return
    if not str(seconds).isdecimal() or not 3600 <= int(str(seconds)) <= 2_592_000:
        raise Refusal(400, "Invalid 'expires_after.seconds'.", param="expires_after.seconds")
    file.expires_at = file.created + int(str(seconds))


def listed(call: Call) -> Json:
    found = list(call.state.files.values())
    if (purpose := one(call.query, "purpose")) is not None:
        found = [file for file in found if file.purpose == purpose]
    if one(call.query, "order") != "asc":
        found.reverse()
    every = rows(found, lambda file: view(call.state, file))
    return bounded(page(every, call.query, call.lens, usual=10_000, most=10_000))


def retrieve(call: Call) -> Json:
    return view(call.state, find(call))


def delete(call: Call) -> Json:
    file = find(call)
    del call.state.files[file.id]
    return {"id": file.id, "object": "file", "deleted": True}


def content(call: Call) -> Answer:
    file = find(call)
    headers = {
        "content-type": "application/octet-stream",
        "content-disposition": f'attachment; filename="{file.filename}"',
    }
    return Answer(headers=headers, body=file.blob.content, handled=True)


def find(call: Call) -> StoredFile:
    file = call.state.files.get(call.id)
    if file is None:
        raise Refusal(404, f"No such File object: {call.id}", param="id")
    return file


def view(state: State, file: StoredFile) -> Json:
    """A file as the wire shows it now."""
    true = file.status(state.now())
    seen: Json = {
        "object": "file",
        "id": file.id,
        "purpose": file.purpose,
        "filename": file.filename,
        "bytes": file.blob.size,
        "created_at": file.created,
        "expires_at": file.expires_at,
        "status": state.word(file.id, true),
        "status_details": file.error if true == "error" else None,
    }
    return seen
