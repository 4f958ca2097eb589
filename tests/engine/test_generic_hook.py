"""A CI job tells of its push and waits: the page's own lines against a real deployer."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.docs import block, deploy_step
from tests.engine.world import World, world
from tests.sources.signing import SECRET

pytestmark = [pytest.mark.lab, pytest.mark.root]

TOKEN = "canary-ci-4b7d91e3c05a8f26-Zq"
IMAGE = "ghcr.io/acme/shop"


@pytest.fixture(scope="module")
def made() -> Iterator[World]:
    """A deployer with a hook for CI, which the jobs reach as others do: through Nginx."""
    slow = {"path": "/healthz", "interval": "200ms", "timeout": "1s", "deadline": "11s"}
    with world("generic", web={"health": slow}) as one:
        hook = {
            "source": "generic",
            "token_file": one.secret("ci.token", TOKEN),
            "secret_file": one.secret("ci.secret", SECRET),
        }
        one.configure(hooks={"ci": hook})
        one.start()
        yield one


def job(made: World, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script as a CI job does, in a world where the receiver's name leads to Nginx."""
    host, port = f"{made.name}.test", made.deployer.http_port
    (made.path / ".curlrc").write_text(f'resolve = "{host}:{port}:127.0.0.1"\n')
    given = {
        "DEPLOYER_HOOK": f"http://{host}:{port}/hooks/ci",
        "DEPLOYER_TOKEN": TOKEN,
        "DEPLOYER_SECRET": SECRET,
        "CURL_HOME": str(made.path),
    }
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-c", script],
        env={**os.environ, **given, **environment},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def deploy(made: World, run: str, digest: str) -> subprocess.CompletedProcess[str]:
    """The step of GitHub Actions for an image that was just pushed."""
    found = deploy_step()
    own = {name: found["env"][name] for name in ("TAG",)}
    return job(made, found["run"], **own, IMAGE=made.web.image, DIGEST=digest, ID=run)


def test_the_step_returns_once_the_pushed_image_is_live(made: World) -> None:
    digest = made.web.push("v2")
    done = deploy(made, "1-1", digest)
    assert done.returncode == 0, done.stdout + done.stderr
    assert made.web.ask() == (200, "v2")
    (shown,) = json.loads(done.stdout)["deployments"]
    assert (shown["status"], shown["digest"]) == ("succeeded", digest)


def test_the_step_fails_with_the_reason_and_deploys_once_where_the_image_is_bad(
    made: World,
) -> None:
    """The probe's deadline is longer than one request waits, so that the step asks again."""
    before = made.newest()
    serving = made.web.ask()
    done = deploy(made, "2-1", made.web.push("bad", "unhealthy"))
    assert done.returncode == 1
    problem = json.loads(done.stdout)
    assert (problem["status"], problem["deployments"][0]["status"]) == (422, "failed")
    assert "ended as failed: " in problem["detail"]
    assert made.web.ask() == serving
    assert made.newest() == before + 1


@pytest.mark.parametrize("name", ["bearer", "signed"])
def test_the_lines_of_the_page_put_the_pushed_image_live(made: World, name: str) -> None:
    version = f"by-{name}"
    made.web.push(version)
    done = job(made, block(name).replace(IMAGE, made.web.image))
    assert done.returncode == 0, done.stdout + done.stderr
    (queued,) = json.loads(done.stdout)["deployments"]
    assert made.deployer.wait_ended(queued["id"])["status"] == "succeeded"
    made.web.wait_serves(version)


def test_the_line_that_hooks_prints_is_one_that_works(made: World) -> None:
    (hook,) = json.loads(made.deployer.run("hooks", "--json"))["hooks"]
    base = f"https://{made.name}.test"
    assert base in hook["curl"]
    done = job(
        made, hook["curl"].replace(base, f"http://{made.name}.test:{made.deployer.http_port}")
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (queued,) = json.loads(done.stdout)["deployments"]
    assert made.deployer.wait_ended(queued["id"])["status"] == "unchanged"


def test_neither_token_nor_secret_is_in_the_log_or_the_store(made: World) -> None:
    written = made.deployer.log.read_bytes()
    for path in made.database.parent.glob("deployer.db*"):
        written += path.read_bytes()
    assert b"delivery" in written
    assert TOKEN.encode() not in written
    assert SECRET.removeprefix("whsec_").encode() not in written
