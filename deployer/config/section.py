"""A mapping of config.yml, as a model."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Section(BaseModel):
    """A mapping of config.yml; a key without a value counts as left out."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _written(cls, data: Any) -> Any:
        if data is None:
            return {}
        if not isinstance(data, dict):
            raise ValueError("not a mapping. Write its keys below it, further to the right.")
        return {name: value for name, value in data.items() if value is not None}
