"""Bodies of requests: read whole, up to a limit, and as JSON."""

from __future__ import annotations

from typing import Any

from flask import request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

from deployer import strict_json


def read_body(limit: int) -> bytes:
    """The request's body. Raises RequestEntityTooLarge above the limit, BadRequest if cut off.

    By hand: Flask cuts a body without a length at the limit (it trusts the server to end it),
    and takes one that is shorter than its length for whole.
    """
    length = request.content_length
    if length is not None and length > limit:
        raise RequestEntityTooLarge
    try:
        body: bytes = request.environ["wsgi.input"].read(limit + 1 if length is None else length)
    except OSError as error:
        raise BadRequest("the request broke off") from error
    if len(body) > limit:
        raise RequestEntityTooLarge
    if length is not None and len(body) < length:
        raise BadRequest("the request broke off")
    return body


def read_object(limit: int) -> dict[str, Any]:
    """The JSON object that the body is; {} for no body.

    Raises UnsupportedMediaType where it says that it is something else, BadPayload where it is.
    """
    body = read_body(limit)
    if not body:
        return {}
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("send the body as Content-Type: application/json")
    return strict_json.load(body)
