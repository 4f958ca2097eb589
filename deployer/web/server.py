"""gunicorn for the receiver: one process with threads, everything made after the fork."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import structlog
from flask import Flask, Response
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.http.errors import (
    ExpectationFailed,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)
from gunicorn.workers.gthread import ThreadWorker

from deployer.config.values import ReceiverPart
from deployer.errors import DeployerError
from deployer.ports import Source, Store
from deployer.web.answers import PROBLEM, SECURITY_HEADERS, problem, problem_body
from deployer.web.api import CheckBearer
from deployer.web.app import create_app

log = structlog.get_logger()

_MALFORMED = "the request is not well-formed HTTP"
_STATUS = {ExpectationFailed: 417, LimitRequestLine: 414, LimitRequestHeaders: 431}
_CANNOT_START = 4  # gunicorn's APP_LOAD_ERROR: the master ends too, and does not try for ever


class Receiver(BaseApplication):  # type: ignore[misc] # gunicorn has no types
    """The receiver as gunicorn runs it; `run()` returns only by SystemExit.

    `newer` is asked at SIGHUP for another part, None for none; a process that serves with it takes
    over, and the one before ends when its requests are answered. Raises ConfigError where there
    is one that cannot be used. `store` is called in the process that serves, so that no connection
    is ever forked.
    """

    def __init__(
        self,
        part: ReceiverPart,
        newer: Callable[[], ReceiverPart | None],
        store: Callable[[], Store],
        sources: Mapping[str, Source],
        check_bearer: CheckBearer,
    ) -> None:
        self._part = part
        self._newer = newer
        self._store = store
        self._sources = sources
        self._check_bearer = check_bearer
        super().__init__()

    def load_config(self) -> None:
        """Give gunicorn its settings, and leave it none of its defaults from the environment."""
        for name, value in _settings(self._part).items():
            # The control socket is younger than the oldest gunicorn that is supported.
            if name in self.cfg.settings:
                self.cfg.set(name, value)

        self.cfg.set("when_ready", self._masters_signals)

    def _masters_signals(self, arbiter: Any) -> None:
        signal.signal(signal.SIGHUP, lambda *_: self._renew(arbiter))
        # SIGINT, with which containers are stopped, would drop the requests that run.
        signal.signal(signal.SIGINT, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        # One that came before was ignored.
        self._renew(arbiter)

    def _renew(self, arbiter: Any) -> None:
        """Serve with another part, if there is one: gunicorn then starts a process with it."""
        try:
            found = self._newer()
        except DeployerError as error:
            log.error("the configuration cannot be used", reason=str(error))  # noqa: TRY400
            return
        kept = {name: getattr(self._part, name) for name in ("bind", "port", "store")}
        found = found and found.model_copy(update=kept)
        if found is not None and found != self._part:
            self._part = found
            log.info("the receiver takes its new configuration")
            arbiter.signal(signal.SIGHUP, None)

    def load(self) -> Flask:
        """The application, in the serving process."""
        try:
            app = create_app(self._part, self._store(), self._sources, self._check_bearer)
        except DeployerError as error:
            log.error("the receiver cannot start", reason=str(error))  # noqa: TRY400 - no fault
            raise SystemExit(_CANNOT_START) from error
        app.register_error_handler(ParseException, _broken_body)
        log.info("the receiver listens", bind=self._part.bind, port=self._part.port)
        return app


def _settings(part: ReceiverPart) -> dict[str, Any]:
    host = f"[{part.bind}]" if ":" in part.bind else part.bind
    memory = Path("/dev/shm")  # noqa: S108 - gunicorn's heartbeat file, unlinked at once
    return {
        "bind": [f"{host}:{part.port}"],
        "workers": 1,
        "worker_class": Worker,
        "threads": part.threads,
        "keepalive": 5,
        "timeout": 30,
        "graceful_timeout": 30,
        # Room for a token of 1,000 characters, each of them percent-encoded.
        "limit_request_line": 4094,
        "limit_request_fields": 50,
        "limit_request_field_size": 8190,
        # On a disk that stalls, the heartbeat would stall too and gunicorn kill its worker.
        "worker_tmp_dir": str(memory) if memory.is_dir() else None,
        "errorlog": None,
        "accesslog": None,
        "logger_class": _Log,
        "loglevel": "warning",
        # No header may change the path or the scheme: the application uses neither.
        "forwarded_allow_ips": "",
        "forwarder_headers": "",
        "secure_scheme_headers": {},
        "control_socket_disable": True,
        "proc_name": "deployer-receiver",
        "post_worker_init": _workers_signals,
    }


def _workers_signals(_: object) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    # Ctrl-C in a terminal reaches both; the master passes it on.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class _Log(Logger):  # type: ignore[misc] # gunicorn has no types
    """gunicorn's own log, handed to the handlers of this program, which mask tokens."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.propagate = True


class Worker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """gunicorn's threaded worker; what is not HTTP is answered like every other error.

    The original echoes the request line, token included, and has 501 and 500 among its answers.
    """

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        if isinstance(exc, ParseException):
            status, detail = _STATUS.get(type(exc), 400), _MALFORMED
            log.warning("request refused", reason=type(exc).__name__, status=status)
        else:
            status, detail = 500, "a fault in deployer itself; its log has the details"
            log.error("request failed", exc_info=exc)
        with contextlib.suppress(OSError):
            client.sendall(_raw(status, detail))


def _raw(status: int, detail: str) -> bytes:
    content = problem_body(status, detail)
    headers = {
        "Server": "gunicorn",
        "Connection": "close",
        "Content-Type": PROBLEM,
        "Content-Length": str(len(content)),
        **SECURITY_HEADERS,
    }
    head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{head}\r\n".encode("latin-1") + content


def _broken_body(_: ParseException) -> Response:
    return problem(400, _MALFORMED, {"Connection": "close"})
