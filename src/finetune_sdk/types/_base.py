"""What every value of ours is: frozen, strict about its fields, JSON and back."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

SCHEMA_VERSION = 1
"""Version of the JSON form of our values. It grows when an old reader could misread a new value."""


class Value(BaseModel):
    """Base of our models: immutable, no unknown fields, floats that are numbers."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, ser_json_inf_nan="constants"
    )


class Document(Value):
    """A value that people keep: it carries the version of its JSON form."""

    schema_version: int = SCHEMA_VERSION

    @model_validator(mode="before")
    @classmethod
    def _refuse_newer(cls, data: object) -> object:
        # Checked before the fields: a newer writer may have added some that we do not know.
        if isinstance(data, dict):
            version = data.get("schema_version", SCHEMA_VERSION)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            if isinstance(version, int) and version > SCHEMA_VERSION:
                raise ValueError(
                    f"written by a newer finetune-anywhere (`schema_version` {version}, "
                    f"this one reads up to {SCHEMA_VERSION}); upgrade to read it"
                )
            # What is told for people and programs, and follows from the rest.
            told = cls.model_computed_fields
            return {name: value for name, value in data.items() if name not in told}  # pyright: ignore[reportUnknownVariableType]
        return data  # pyright: ignore[reportUnknownVariableType]

    def to_json(self) -> str:
        """This value as one line of JSON."""
        return self.model_dump_json(exclude_none=True)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The value that `to_json` wrote.

        Raises:
            pydantic.ValidationError: it is not such a value, or a newer version wrote it.
        """
        return cls.model_validate_json(text)
