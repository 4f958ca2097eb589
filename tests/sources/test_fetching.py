"""What is fetched for a proof: in bounds, and from nobody else than who was asked."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest

from deployer.sources.fetching import fetched
from tests.lab.answering import Answering, serving

ANSWERS = {"/key": (200, b"key"), "/long": (200, b"a" * 70_000), "/there": (302, b"")}
asked: list[str] = []


class Handler(Answering):
    def do_GET(self) -> None:
        asked.append(self.path)
        status, body = ANSWERS.get(self.path, (404, b""))
        self.say(status, body, {"Location": "/key"} if status == 302 else None)


@pytest.fixture
def base() -> Iterator[str]:
    """Where it answers."""
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as host:
        yield f"http://{host}"


def test_what_is_there_is_given(base: str) -> None:
    assert fetched(f"{base}/key") == b"key"


@pytest.mark.parametrize(
    ("path", "says"), [("/there", "302"), ("/gone", "404"), ("/long", "too long")]
)
def test_redirects_errors_and_long_answers_are_none(base: str, path: str, says: str) -> None:
    asked.clear()
    with pytest.raises(OSError, match=says):
        fetched(f"{base}{path}")
    assert asked == [path]
