"""docs/webhooks.md: its lines of shell, run against a receiver as a reader runs them."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from deployer.deployment import Status
from tests.docs import block, deploy_step
from tests.web.receiver import CI_SECRET, CI_TOKEN, Running, running, wait_until
from tests.web.test_generic import end_all

Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One whose app has the image that the page shows."""
    with running(tmp_path_factory.mktemp("docs")) as one:
        yield one


def shell(script: str, receiver: Running, **environment: str) -> Done:
    """Run it as GitHub runs a step: bash, which ends at the first command that fails."""
    hook = f"http://127.0.0.1:{receiver.port}/hooks/ci"
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-c", script],
        env={**os.environ, "DEPLOYER_HOOK": hook, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_line_with_a_bearer_token_queues_a_deployment(receiver: Running) -> None:
    done = shell(block("bearer"), receiver, DEPLOYER_TOKEN=CI_TOKEN)
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert [one["app"] for one in content["deployments"]] == ["site"]


def test_the_lines_with_a_signature_queue_a_deployment(receiver: Running) -> None:
    done = shell(block("signed"), receiver, DEPLOYER_SECRET=CI_SECRET)
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert (content["result"], len(content["deployments"])) == ("accepted", 1)
    delivery = receiver.store.delivery(content["delivery"])
    assert delivery is not None
    assert delivery.sender_id.startswith("push-")


@pytest.mark.parametrize("name", ["bearer", "signed"])
def test_a_wrong_secret_makes_the_line_fail_and_say_why(receiver: Running, name: str) -> None:
    wrong = {"DEPLOYER_TOKEN": f"{CI_TOKEN}x", "DEPLOYER_SECRET": CI_SECRET.swapcase()}
    done = shell(block(name), receiver, **wrong)
    assert done.returncode == 22
    assert json.loads(done.stdout)["detail"] == "the secret is missing or wrong"


def step(receiver: Running, run: str, **environment: str) -> Done:
    """The step of the page with values in place of GitHub's."""
    found = deploy_step()
    given = {**found["env"], "DEPLOYER_TOKEN": CI_TOKEN, "DIGEST": "", "ID": run, **environment}
    hook = given.pop("DEPLOYER_HOOK")
    assert hook == "https://deployer.example.com/hooks/ci"
    assert not any("${{" in value for value in given.values())
    return shell(found["run"], receiver, **given)


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (Status.SUCCEEDED, 0, '"succeeded"'),
        (Status.UNCHANGED, 0, '"unchanged"'),
        (Status.FAILED, 1, "of site ended as failed: because"),
    ],
)
def test_the_step_of_github_actions_ends_as_the_deployment_does(
    receiver: Running, status: Status, code: int, words: str
) -> None:
    end_all(receiver, Status.SUCCEEDED)
    before = receiver.queued()
    with ThreadPoolExecutor(1) as pool:
        waiting: Future[Done] = pool.submit(step, receiver, f"17-{status}")
        wait_until(lambda: receiver.queued() > before, "a deployment in the queue")
        end_all(receiver, status)
        done = waiting.result()
    assert done.returncode == code, done.stdout + done.stderr
    assert words in done.stdout
    assert receiver.queued() == before + 1


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"DEPLOYER_TOKEN": "wrong"}, "the secret is missing or wrong"),
        ({"TAG": "9.9"}, "nothing is deployed: app site uses this image but not the tag 9.9"),
        ({"IMAGE": "acme//shop"}, "image is not one such as acme/shop"),
    ],
)
def test_the_step_fails_at_once_where_waiting_cannot_help(
    receiver: Running, environment: dict[str, str], words: str
) -> None:
    begun = time.monotonic()
    done = step(receiver, f"18-{words[:3]}", **environment)
    assert done.returncode == 1
    assert words in json.loads(done.stdout)["detail"]
    # The step asks the receiver to wait for 10 s.
    assert time.monotonic() - begun < 9


def test_the_step_outlives_a_receiver_that_is_restarted_meanwhile(tmp_path: Path) -> None:
    with running(tmp_path) as first, ThreadPoolExecutor(1) as pool:
        waiting: Future[Done] = pool.submit(step, first, "19-1")
        wait_until(lambda: first.queued() > 0, "a deployment in the queue")
        first.kill()
        first.start()
        end_all(first, Status.SUCCEEDED)
        done: Any = waiting.result()
        assert (done.returncode, first.queued()) == (0, 1), done.stdout + done.stderr
