"""What a request asks for in its query, and who asks."""

from __future__ import annotations

from collections.abc import Mapping

from deployer.errors import BadPayload

DEFAULT_LIMIT = 20
MAX_LIMIT = 200
MAX_ID = 2**63 - 1
"""The greatest id that a row can have."""

AT_THE_API, AT_THE_PAGES = "an operator at the API", "an operator at the pages"
"""Who gives an order: tokens have no names."""


def asked_limit(query: Mapping[str, str]) -> int:
    """How many are wanted at most. Raises BadPayload."""
    limit = query.get("limit", str(DEFAULT_LIMIT))
    if not _is_number(limit) or not 1 <= int(limit[:9]) <= MAX_LIMIT:
        raise BadPayload(f"limit is not a number from 1 to {MAX_LIMIT}")
    return int(limit)


def asked_before(query: Mapping[str, str]) -> int | None:
    """The id before which they are to be; None without it. Raises BadPayload."""
    before = query.get("before")
    if before is None:
        return None
    if not _is_number(before) or len(before) > len(str(MAX_ID)) or int(before) > MAX_ID:
        raise BadPayload("before is not the id of one: give the last id of the page before")
    return int(before)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
