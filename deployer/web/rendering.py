"""How pages are made: templates, the words for values, and answers that need no second sending."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, render_template, request
from jinja2 import StrictUndefined

from deployer import words
from deployer.views import moment

STATIC = Path(__file__).parent / "static"
SEEN = "Deployer-Seen-At"
"""When the worker last looked at Docker and Nginx; it is told with a 304 too."""


def prepare(app: Flask) -> None:
    """Give the application's templates their rules and filters."""
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters |= {
        "moment": moment,
        "utc": _utc,
        "took": words.took,
        "short": words.short,
        "safe_text": words.safe,
    }
    app.jinja_env.globals |= {"symbols": words.SYMBOLS, "static": static_url}


@cache
def static_url(name: str) -> str:
    """The address of a file that changes with its content, so that browsers may keep it."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()
    return f"/static/{name}?v={digest[:12]}"


def page(template: str, status: int = 200, seen_at: float | None = None, **values: Any) -> Response:
    """A page; 304 without a body where the browser has it as it is (RFC 9110, 13.1.2).

    `seen_at` is when the worker last looked, in seconds since 1970. It changes every few seconds
    while nothing else does, so it is left out of the comparison and told in a header: the tag is
    a weak one.
    """
    main = render_template(template, seen_at=None, **values)
    answer = Response(status=status, content_type="text/html; charset=utf-8")
    if seen_at is not None:
        answer.headers[SEEN] = moment(seen_at)
    if status == 200:
        answer.set_etag(hashlib.sha256(main.encode()).hexdigest()[:32], weak=True)
        if request.if_none_match.contains_weak(answer.get_etag()[0] or ""):
            answer.status_code = 304
            return answer
    answer.set_data(
        main if seen_at is None else render_template(template, seen_at=seen_at, **values)
    )
    return answer


def error_page(status: int, title: str, detail: str, again: str | None = None) -> Response:
    """What went wrong, for a person in a browser, which asks again after so many seconds."""
    return page("error.html", status, title=title, detail=detail, again=again)


def wants_page() -> bool:
    """Whether who asks would rather read a page than JSON."""
    if request.path.startswith(("/api/", "/hooks/", "/metrics", "/healthz", "/readyz")):
        return False
    offered = ["application/problem+json", "text/html"]
    return request.accept_mimetypes.best_match(offered) == "text/html"


def _utc(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
