"""The JSON of a body that may be a form with it as its one field `payload`."""

from __future__ import annotations

from urllib.parse import parse_qs

from deployer.errors import BadPayload
from deployer.ports import Inbound

FORM = "application/x-www-form-urlencoded"


def json_of(inbound: Inbound) -> bytes:
    """The JSON itself. Raises BadPayload where a form has no or several `payload`."""
    kind = inbound.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM:
        return inbound.body
    try:
        fields = parse_qs(
            inbound.body.decode("ascii"), strict_parsing=True, max_num_fields=10, errors="strict"
        )
    except ValueError as error:
        raise BadPayload("the body is no form that can be read") from error
    found = fields.get("payload", [])
    if len(found) != 1:
        raise BadPayload("the form has not one field payload")
    return found[0].encode()
