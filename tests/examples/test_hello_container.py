"""examples/hello as an image: what it answers, as whom it runs, and how it stops."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection

import pytest
import requests

from tests.lab.hello import build
from tests.lab.images import PYTHON
from tests.lab.shell import run, succeeds, wait_until

pytestmark = pytest.mark.lab

HARDENED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges:true")
VOLUME = "deployer-test-hello-items"
SLOW = 1.0
PATIENCE = 8.0
"""`graceful_timeout` of its gunicorn.conf.py, less than what Docker is told here."""


@dataclass(frozen=True)
class Container:
    """A running container of the example."""

    name: str
    url: str

    def get(self, path: str) -> requests.Response:
        return requests.get(f"{self.url}{path}", timeout=10)

    def post(self, path: str, body: object = None) -> requests.Response:
        return requests.post(f"{self.url}{path}", json=body, timeout=10)


@contextmanager
def running(name: str, version: str, *options: str) -> Iterator[Container]:
    run(["docker", "rm", "--force", name])
    usual = ["--detach", "--name", name, "--publish", "127.0.0.1::8080"]
    usual += ["--env", f"FORECAST_SECONDS={SLOW}"]
    run(["docker", "run", *usual, *options, build(version)])
    try:
        address = run(["docker", "port", name, "8080/tcp"]).split()[0]
        wait_until(lambda: answers(f"http://{address}"), f"the start of {name}")
        yield Container(name, f"http://{address}")
    finally:
        run(["docker", "rm", "--force", "--volumes", name])


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=5).status_code == 200
    except (requests.ConnectionError, requests.Timeout):
        return False


def of_image(what: str) -> str:
    return run(["docker", "image", "inspect", "--format", what, build("v1")]).strip()


@pytest.fixture(scope="module")
def hello() -> Iterator[Container]:
    """The example as version v1, with as few rights as Docker can give it."""
    run(["docker", "volume", "rm", "--force", VOLUME])
    items = ("--volume", f"{VOLUME}:/items", "--env", "ITEMS_FILE=/items/items.log")
    with running("deployer-test-hello", "v1", *HARDENED, *items) as container:
        yield container
    run(["docker", "volume", "rm", VOLUME])


def test_it_greets_on_a_page_and_as_json(hello: Container) -> None:
    assert "Hello, python-requests/" in hello.get("/").text
    assert hello.get("/greeting").json()["greeting"].startswith("Hello, python-requests/")


def test_it_has_the_version_that_it_was_built_with(hello: Container) -> None:
    assert hello.get("/version").text == "v1"
    assert of_image('{{index .Config.Labels "org.opencontainers.image.version"}}') == "v1"


def test_it_answers_strangers_with_404_and_bad_items_with_400(hello: Container) -> None:
    stranger = hello.get("/last-seen/nobody")
    assert (stranger.status_code, list(stranger.json())) == (404, ["error"])
    hello.post("/checkin/ada")
    assert hello.get("/last-seen/ada").json()["user"] == "ada"
    refused = hello.post("/item/boat", {"name": "argo"})
    assert (refused.status_code, list(refused.json())) == (400, ["error"])


def test_it_may_write_to_a_new_volume_without_being_root(hello: Container) -> None:
    assert hello.post("/item/book", {"name": "dune"}).status_code == 200
    assert run(["docker", "exec", hello.name, "cat", "/items/items.log"]) == "dune book v1\n"
    assert run(["docker", "exec", hello.name, "id", "-u"]).strip() == "10001"


def test_a_slow_answer_is_remembered(hello: Container) -> None:
    first, second = (hello.get("/forecast/oslo") for _ in range(2))
    assert first.json() == second.json()
    assert first.elapsed.total_seconds() >= SLOW > second.elapsed.total_seconds()


def test_its_metrics_have_the_version_and_count_all_requests(hello: Container) -> None:
    def counted() -> float:
        lines = hello.get("/metrics").text.splitlines()
        assert 'hello_info{version="v1"} 1.0' in lines
        wanted = 'flask_http_request_total{method="GET",status="200"} '
        return sum(float(line.removeprefix(wanted)) for line in lines if line.startswith(wanted))

    begun, before = time.monotonic(), counted()
    for _ in range(20):
        hello.get("/version")
    more = counted() - before
    # Docker's own looks at its health, one a second, come in between.
    assert 20 <= more <= 22 + time.monotonic() - begun


def test_docker_finds_it_healthy_without_curl(hello: Container) -> None:
    state = ["docker", "inspect", "--format", "{{.State.Health.Status}}", hello.name]
    wait_until(lambda: run(state).strip() == "healthy", "that Docker finds it healthy")


def test_the_image_has_nothing_of_the_settings_that_pip_was_built_with(hello: Container) -> None:
    base = run(["docker", "image", "inspect", "--format", "{{json .Config.Env}}", PYTHON])
    added = set(json.loads(of_image("{{json .Config.Env}}"))) - set(json.loads(base))
    assert not [setting for setting in added if setting.startswith("PIP")]
    # Neither the certificates nor pip itself.
    assert not succeeds(["docker", "exec", hello.name, "test", "-e", "/build"])
    assert not succeeds(["docker", "exec", hello.name, "test", "-e", "/venv/bin/pip"])
    assert succeeds(["docker", "exec", hello.name, "test", "-e", "/venv/bin/gunicorn"])


def test_sigint_lets_the_requests_that_run_finish_and_then_ends_it_at_once() -> None:
    assert of_image("{{.Config.StopSignal}}") == "SIGINT"
    with (
        running("deployer-test-hello-stop", "v2") as hello,
        closing(HTTPConnection(hello.url.removeprefix("http://"), timeout=10)) as slow,
        ThreadPoolExecutor() as pool,
    ):
        sent = time.monotonic()
        slow.request("GET", "/forecast/rome", headers={"Connection": "close"})
        # It is taken before the next one, which is quick: now it runs.
        assert hello.get("/healthz").ok
        answer = pool.submit(lambda: json.load(slow.getresponse()))
        begun = time.monotonic()
        run(["docker", "stop", "--time", "10", hello.name])
        gone = time.monotonic()
        state = "{{.State.Status}} {{.State.ExitCode}}"
        assert run(["docker", "inspect", "--format", state, hello.name]).strip() == "exited 0"
        assert begun - sent < SLOW, "the machine is too busy to stop it while the request runs"
        assert answer.result()["city"] == "rome"
        assert gone - begun < PATIENCE
