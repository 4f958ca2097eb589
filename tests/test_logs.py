"""What a process logs, and what it never does."""

import json
import os
import pty
import subprocess
import sys

import pytest

from deployer.logs import redact

TOKEN = "canary-9d2f71c4"

PROGRAM = f"""
import logging, structlog
from deployer import logs
logs.configure("worker")
log = structlog.get_logger()
log.info("a phrase", app="web", text="caf\\u00e9\\nnext \\x1b[31m", url="/hooks/dockerhub/{TOKEN}")
logging.getLogger("gunicorn.error").warning("Invalid: %r", b"POST /hooks/dockerhub/{TOKEN} HTTQ")
logging.getLogger("urllib3.connectionpool").info("not said")
try:
    raise ValueError("at //hooks//dockerhub//{TOKEN}")
except ValueError:
    log.exception("it broke")
"""


@pytest.mark.parametrize(
    "text",
    [
        f"/hooks/dockerhub/{TOKEN}",
        f"POST /hooks/dockerhub/{TOKEN} HTTP/1.1",
        f"https://deploy.example.com/hooks/dockerhub/{TOKEN}?x=1",
        f"//hooks//dockerhub//{TOKEN}",
        f"%2Fhooks%2fdockerhub%2F{TOKEN}",
        f"%252Fhooks%252Fdockerhub%252F{TOKEN}",
        f"/%68ook%53/dockerhub/{TOKEN}",
        f"/HOOKS/dockerhub/{TOKEN}",
        f"/hooks/docker%68ub/{TOKEN}/more",
        rf"\/hooks\/dockerhub\/{TOKEN}",
        f"'/hooks/a/{TOKEN}' and '/hooks/b/{TOKEN}'",
    ],
)
def test_what_follows_the_name_of_a_hook_is_masked_however_it_is_written(text: str) -> None:
    masked = redact(text)
    assert TOKEN not in masked
    assert "***" in masked


@pytest.mark.parametrize(
    "text", ["/hooks/dockerhub", "/api/v1/apps/hooks", "hooks/x/y", "/hook/a/b"]
)
def test_what_holds_no_token_stays_readable(text: str) -> None:
    assert redact(text) == text


def test_a_secret_to_sign_with_is_masked_wherever_it_stands() -> None:
    assert redact("it is whsec_MfKQ9r8+/KYq==, she said") == "it is whsec_***, she said"


def test_the_words_after_a_token_stay() -> None:
    assert redact(f"POST /hooks/a/{TOKEN} HTTP/1.1") == "POST /hooks/a/*** HTTP/1.1"


def test_off_a_terminal_every_event_is_one_line_of_ascii_json() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True)
    assert ran.stdout == b""
    assert ran.stderr.isascii()
    said = [json.loads(line) for line in ran.stderr.splitlines()]
    assert [line["event"] for line in said] == [
        "a phrase",
        "Invalid: b'POST /hooks/dockerhub/*** HTTQ'",
        "it broke",
    ]
    assert [line["level"] for line in said] == ["info", "warning", "error"]
    assert {line["process"] for line in said} == {"worker"}
    assert all(line["timestamp"].endswith("Z") for line in said)
    assert said[0]["text"] == "caf\u00e9\nnext \x1b[31m"
    assert "ValueError" in said[2]["exception"]
    assert TOKEN.encode() not in ran.stderr


def test_on_a_terminal_lines_are_for_people_and_carry_no_foreign_escape() -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb") as screen:
        try:
            subprocess.run([sys.executable, "-c", PROGRAM], stderr=theirs, check=True)
            shown = os.read(screen.fileno(), 65536).decode()
        finally:
            os.close(theirs)
    assert "a phrase" in shown
    assert "{" not in shown.splitlines()[0]
    assert "next \x1b[31m" not in shown
    assert TOKEN not in shown
