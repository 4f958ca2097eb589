"""What a delivery said, as the store keeps it: its headers, which hold secrets, are not kept."""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError

from deployer.errors import StoreUnusable
from deployer.ports import Heard

_HEARD = TypeAdapter(Heard)


def written(heard: Heard) -> str:
    """What was heard, as JSON."""
    return _HEARD.dump_json(heard).decode()


def read(text: str) -> Heard:
    """What `written` made. Raises StoreUnusable where it is nothing of ours."""
    try:
        return _HEARD.validate_json(text)
    except ValidationError as error:
        raise StoreUnusable(
            "the store has a delivery that deployer did not write. Find out who did, and remove "
            "that row or restore a backup"
        ) from error
