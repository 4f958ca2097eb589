"""The Flask application of the receiver: its routes, its errors, the headers of every answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from http import HTTPStatus

import structlog
from flask import Flask, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import PathConverter

from deployer.config.values import ReceiverPart
from deployer.errors import StoreError
from deployer.ports import Source, Store
from deployer.web.answers import SECURITY_HEADERS, problem
from deployer.web.api import Api, CheckBearer
from deployer.web.hooks import Hooks, log_delivery
from deployer.web.metrics import add_metrics
from deployer.web.openapi import openapi
from deployer.web.pages import Pages
from deployer.web.rendering import error_page, prepare, wants_page
from deployer.web.replaying import Replaying
from deployer.web.sessions import Sessions
from deployer.web.waiting import Waiting

log = structlog.get_logger()

LARGEST_FORM = 4096
"""The most that a form of a page may send, in bytes."""

YEAR = 365 * 24 * 3600
"""How long browsers keep what has its content's hash in its address, in seconds."""

RETRY_AFTER = "5"
"""When a sender may try again after a 503, in seconds."""


class _Anything(PathConverter):
    """The rest of a path, whatever it is: a wrong token must not look like a wrong URL."""

    regex = "(?s:.*)"
    part_isolating = False


def create_app(
    part: ReceiverPart,
    store: Store,
    sources: Mapping[str, Source],
    check_bearer: CheckBearer,
    now: Callable[[], float] = time.time,
) -> Flask:
    """The application: it reads and records in the store and touches nothing else.

    Raises ConfigError where an app's image is not well formed.
    """
    app = Flask("deployer.web")
    # Not MAX_FORM_MEMORY_SIZE: Werkzeug reads a urlencoded form of any size into memory. Hooks
    # read their bodies themselves, up to `receiver.max_body`.
    app.config.update(MAX_CONTENT_LENGTH=LARGEST_FORM, SEND_FILE_MAX_AGE_DEFAULT=YEAR)
    prepare(app)
    add_metrics(app, part, store, check_bearer, now)
    # A redirect to the tidied path would answer a wrong token in another way than the others.
    app.url_map.merge_slashes = False
    app.url_map.converters["anything"] = _Anything
    waiting = Waiting(store, part.threads)
    _add_hooks(app, Hooks(part, store, sources, waiting, now))
    _add_probes(app, store)
    app.add_url_rule("/api/v1/openapi.json", view_func=openapi)
    replaying = Replaying(part, store, now)
    app.register_blueprint(Api(part, store, check_bearer, waiting, replaying, now).blueprint())
    sessions = Sessions(part.operators, check_bearer)
    app.register_blueprint(Pages(part, store, sessions, replaying, now).blueprint())
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(StoreError, _store_error)
    app.register_error_handler(Exception, _fault)
    app.after_request(log_delivery)
    app.after_request(_secure)
    return app


def _add_hooks(app: Flask, hooks: Hooks) -> None:
    for rule in ("/hooks/<hook>", "/hooks/<hook>/<anything:token>"):
        app.add_url_rule(
            rule, "hooks", hooks.receive, methods=["POST"], provide_automatic_options=False
        )


def _add_probes(app: Flask, store: Store) -> None:
    def healthz() -> Response:
        return Response("ok\n", content_type="text/plain; charset=utf-8")

    def readyz() -> Response:
        store.deployments(limit=1)
        return Response("ready\n", content_type="text/plain; charset=utf-8")

    app.add_url_rule("/healthz", view_func=healthz)
    app.add_url_rule("/readyz", view_func=readyz)


def _http_error(error: HTTPException) -> Response:
    kept = {
        name: value
        for name, value in error.get_headers()
        if name in ("Allow", "Location", "Retry-After")
    }
    return _told(error.code or 500, error.description or error.name, kept)


def _store_error(error: StoreError) -> Response:
    log.error("store not available", reason=str(error))
    if wants_page():
        detail = "The store does not answer. This page tries again by itself."
        return _told(503, detail, {"Retry-After": RETRY_AFTER})
    detail = "the store does not answer, so nothing was taken. Try again"
    return _told(503, detail, {"Retry-After": RETRY_AFTER})


def _fault(error: Exception) -> Response:
    log.error("request failed", exc_info=error)
    return _told(500, "a fault in deployer itself; its log has the details")


def _told(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error as a page for a browser, as a problem for everybody else."""
    if not wants_page():
        return problem(status, detail, headers)
    headers = headers or {}
    answer = error_page(status, HTTPStatus(status).phrase, detail, headers.get("Retry-After"))
    answer.headers.extend(headers)
    return answer


def _secure(answer: Response) -> Response:
    for name, value in SECURITY_HEADERS.items():
        answer.headers.setdefault(name, value)
    return answer
