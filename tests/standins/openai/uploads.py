"""The routes of uploads: a large file in parts."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.standins.openai.call import Call
from tests.standins.openai.checks import check_texts, wrong
from tests.standins.openai.files import check, check_purpose, expire
from tests.standins.openai.files import view as view_file
from tests.standins.openai.multipart import Blob
from tests.standins.openai.state import State, StoredUpload
from tests.standins.openai.wire import Json, Refusal, as_list, inner

LARGEST = 8 * 1024**3
LARGEST_PART = 64 * 1024**2


def create(call: Call) -> Json:
    body, state = call.json(), call.state
    check_texts(body, ("filename", "purpose", "mime_type"))
    check_purpose(body["purpose"])
    size = body.get("bytes")
    if not isinstance(size, int) or not 0 < size <= LARGEST:
        raise wrong("bytes", "an integer of at most 8 GB", size)
    upload_id = f"upload_{state.count('upload'):024d}"
    upload = StoredUpload(
        upload_id, body["filename"], body["purpose"], size, state.now(), state.wall()
    )
    upload.expires_after = inner(body, "expires_after").get("seconds")
    state.uploads[upload.id] = upload
    return view(state, upload)


def add_part(call: Call) -> Json:
    upload = _pending(call)
    part = call.form().get("data")
    if part is None:
        message = "Missing required parameter: 'data'."
        raise Refusal(400, message, param="data", code="missing_required_parameter")
    if part.blob.size > LARGEST_PART:
        raise Refusal(400, "A part can be at most 64 MB.", param="data")
    part_id = f"part_{call.state.count('part'):024d}"
    upload.parts[part_id] = part.blob
    return {
        "id": part_id,
        "object": "upload.part",
        "created_at": call.state.wall(),
        "upload_id": upload.id,
    }


def complete(call: Call) -> Json:
    upload, body = _pending(call), call.json()
    blob = _joined(upload, body.get("part_ids"), keep=call.state.keep_bytes)
    if blob.size != upload.size:
        message = f"Expected {upload.size} bytes, but the parts have {blob.size}."
        raise Refusal(400, message, param="part_ids")
    _check_md5(blob, body.get("md5"))
    check(upload.filename, upload.purpose, blob)
    upload.file = call.state.add_file(upload.filename, upload.purpose, blob)
    expire(upload.file, upload.expires_after)
    _end(upload, "completed")
    return view(call.state, upload)


def cancel(call: Call) -> Json:
    upload = _pending(call)
    _end(upload, "cancelled")
    return view(call.state, upload)


def _end(upload: StoredUpload, word: str) -> None:
    upload.ended = word
    upload.parts.clear()


def _joined(upload: StoredUpload, ids: Any, *, keep: bool) -> Blob:
    wanted, whole = as_list(ids), Blob(keep=keep)
    if wanted is None:
        raise wrong("part_ids", "a list of ids", ids)
    for part_id in wanted:
        if str(part_id) not in upload.parts:
            raise Refusal(400, f"No such part: {part_id}", param="part_ids")
        whole.extend(upload.parts[str(part_id)])
    return whole


def _check_md5(blob: Blob, given: object) -> None:
    # Without its bytes it has no digest to compare.
    if given is None or not blob.kept:
        return
    if hashlib.md5(blob.content, usedforsecurity=False).hexdigest() != given:
        raise Refusal(400, "The md5 of the parts is another one.", param="md5")


def _pending(call: Call) -> StoredUpload:
    upload = call.state.uploads.get(call.id)
    if upload is None:
        raise Refusal(404, f"No such Upload object: {call.id}", param="id")
    status = upload.status(call.state.now())
    if status != "pending":
        raise Refusal(400, f"Upload {call.id} is {status}, and no longer pending.")
    return upload


def view(state: State, upload: StoredUpload) -> Json:
    """An upload as the wire shows it now."""
    seen: Json = {
        "object": "upload",
        "id": upload.id,
        "bytes": upload.size,
        "created_at": upload.created,
        "expires_at": upload.created + 3600,
        "filename": upload.filename,
        "purpose": upload.purpose,
        "status": upload.status(state.now()),
    }
    return seen if upload.file is None else {**seen, "file": view_file(state, upload.file)}
