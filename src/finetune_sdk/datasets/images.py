"""Images in rows: where they lie, of what kind they are, how large."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

from finetune_sdk.datasets.faults import Fault, shown
from finetune_sdk.datasets.read import Row
from finetune_sdk.datasets.rules import RowRules

KINDS = ("png", "jpeg", "jpg", "webp")
"""What OpenAI and Azure read (Azure's guide to vision fine-tuning, 2026-03)."""

_INLINE = "data:image/"
_ADDRESSES = ("http://", "https://", _INLINE)


class Image(NamedTuple):
    """An image of a row.

    Attributes:
        url: its address, or the image itself as a data URL.
        kind: of one that is embedded, such as `png`; None for one at an address.
        bytes: of one that is embedded.
    """

    url: str
    kind: str | None
    bytes: int

    @property
    def addressed(self) -> bool:
        """It lies somewhere."""
        return self.url.startswith(_ADDRESSES)

    @property
    def readable(self) -> bool:
        """It is at an address, or of a kind that is read."""
        return self.kind is None or self.kind in KINDS


def image_of(url: str) -> Image:
    """The image that a URL leads to or holds."""
    if not url.startswith(_INLINE):
        return Image(url, None, 0)
    head, _, data = url.partition(",")
    kind = head[len(_INLINE) :].partition(";")[0].lower()
    # Four characters of base64 are three bytes (RFC 4648, section 4).
    return Image(url, kind, len(data) * 3 // 4)


def within(images: Sequence[Image], rules: RowRules) -> bool:
    """All of them may be there."""
    if not images:
        return True
    limits = rules.images
    if "image" not in rules.content or not all(i.addressed and i.readable for i in images):
        return False
    return limits is None or (
        len(images) <= limits.per_row and all(image.bytes <= limits.bytes for image in images)
    )


def image_faults(image: Image, at: str, rules: RowRules) -> Iterator[Fault]:
    """What is wrong with an image that is addressed well."""
    if not image.readable:
        known = ", ".join(kind for kind in KINDS if kind != "jpg")
        text = f"the image is of the kind {shown(image.kind)}, and these are read: {known}"
        yield Fault("image_format", at, text)
    if rules.images is not None and image.bytes > rules.images.bytes:
        text = f"the image has {image.bytes} bytes, and {rules.images.bytes} are taken"
        yield Fault("image_too_large", at, text)


def row_image_faults(messages: Sequence[object], at: str, rules: RowRules) -> Iterator[Fault]:
    """What is wrong with the number of images in a row."""
    count = image_count(messages)
    if rules.images is not None and count > rules.images.per_row:
        text = f"the row has {count} images, and {rules.images.per_row} are taken"
        yield Fault("too_many_images", at, text)


def image_count(messages: Sequence[object]) -> int:
    """The images of a conversation, good or bad."""
    return sum(_is_image(part) for message in messages for part in _parts(message))


def _parts(message: object) -> list[object]:
    content = cast("Row", message).get("content") if isinstance(message, dict) else None
    return cast("list[object]", content) if isinstance(content, list) else []


def _is_image(part: object) -> bool:
    return isinstance(part, dict) and cast("Row", part).get("type") == "image_url"
