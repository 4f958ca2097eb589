"""How gunicorn runs the service: it finds this file in its working folder."""

import os
import signal

_host = os.environ.get("HTTP_HOST", "127.0.0.1")
_port = os.environ.get("HTTP_PORT", "8080")
bind = f"[{_host}]:{_port}" if ":" in _host else f"{_host}:{_port}"
# One process, since check-ins, cache and metrics live in its memory; its threads share them.
workers = 1
threads = 16
worker_tmp_dir = "/dev/shm"  # noqa: S108 - a heartbeat file, which must not wait for a disk
control_socket_disable = True
# How long requests may take to finish after the signal. Docker's own patience is 10 s.
graceful_timeout = 8


def when_ready(_: object) -> None:
    """Let SIGINT mean what SIGTERM means: gunicorn would drop the requests that run."""
    signal.signal(signal.SIGINT, lambda *_: os.kill(os.getpid(), signal.SIGTERM))


def post_worker_init(_: object) -> None:
    """Leave SIGINT to the master: Ctrl-C in a terminal reaches both."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
