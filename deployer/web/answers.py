"""Answers in JSON: documents, and problems as RFC 9457 (`application/problem+json`) has them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Response

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # With no-referrer browsers would send forms of our own with `Origin: null`.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
PROBLEM = "application/problem+json"


def document(content: Mapping[str, Any], status: int = 200) -> Response:
    """The answer for what was asked, keys in the order given."""
    return Response(json.dumps(content) + "\n", status, content_type="application/json")


def problem_body(status: int, detail: str, more: Mapping[str, Any] | None = None) -> bytes:
    """The JSON of a problem; its title is the status in words, `more` are members of its own."""
    problem = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **(more or {}),
    }
    return f"{json.dumps(problem)}\n".encode()


def problem(
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Response:
    """The answer for an error; `more` are members that RFC 9457 leaves to us (section 3.2)."""
    body = problem_body(status, detail, more)
    return Response(body, status, dict(headers or {}), content_type=PROBLEM)
