"""`hooks test`: a signed delivery through the receiver that runs, of which nothing is left."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from click.testing import Result

from tests.cli.world import World
from tests.web.receiver import CI_SECRET, TOKEN, Running, hashed, running

CONFIG = """\
receiver: {{port: {port}}}
paths: {{state: {folder}/state}}
hooks:
  dockerhub: {{token_file: hub.token}}
  ci: {{source: generic, secret_file: ci.secret}}
  hashed: {{source: dockerhub, token_file: hashed.token}}
  signed: {{source: ecr, registry: docker.io, topics: "arn:aws:sns:eu-west-1:111122223333:pushes"}}
apps:
  web: {{image: docker.io/acme/shop, tags: [stable, latest]}}
  other: {{image: ghcr.io/acme/other}}
"""


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("receiver")) as made:
        yield made


@pytest.fixture
def told(world: World, receiver: Running) -> World:
    """A configuration of that receiver's hooks and apps."""
    for name, text in {"hub": TOKEN, "hashed": hashed(TOKEN)}.items():
        (world.folder / f"{name}.token").write_text(text)
    (world.folder / "ci.secret").write_text(CI_SECRET)
    world.config.write_text(CONFIG.format(port=receiver.port, folder=world.folder))
    return world


def read(result: Result) -> dict[str, object]:
    content: dict[str, object] = json.loads(result.stdout)
    return content


@pytest.mark.parametrize("hook", ["dockerhub", "ci"])
def test_what_a_push_would_deploy_is_told_and_nothing_is_queued_or_recorded(
    told: World, receiver: Running, hook: str
) -> None:
    before, deliveries = receiver.queued(), len(receiver.store.deliveries())
    shown, result = told.run("hooks", "test", hook), told.run("hooks", "test", hook, "--json")
    assert (shown.exit_code, result.exit_code) == (0, 0), shown.output
    assert read(result) == {
        "hook": hook,
        "sent": "docker.io/acme/shop:stable",
        "status": 200,
        "result": "accepted",
        "reason": "docker.io/acme/shop:stable is what each of the apps shadow, web deploys",
        "apps": ["shadow", "web"],
    }
    assert "would deploy  shadow, web" in shown.stdout
    assert "nothing was queued or recorded" in shown.stdout
    assert TOKEN not in shown.output
    assert (receiver.queued(), len(receiver.store.deliveries())) == (before, deliveries)


def test_an_app_that_the_running_receiver_does_not_know_ends_with_1(
    told: World, receiver: Running
) -> None:
    result = told.run("hooks", "test", "ci", "--app", "other", "--json")
    assert result.exit_code == 1
    assert read(result)["reason"] == "no app uses ghcr.io/acme/other"


def test_a_secret_that_the_receiver_does_not_have_ends_with_1(told: World) -> None:
    (told.folder / "hub.token").write_text("another-token-5b1f0c9e7d3a2846")
    shown = told.run("hooks", "test", "dockerhub")
    assert shown.exit_code == 1
    assert "401" in shown.stdout
    assert "the secret is missing or wrong" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["docker"], "there is no hook 'docker'"),
        (["ci", "--app", "wep"], "there is no app 'wep'"),
        (["dockerhub", "--app", "other"], "no delivery of hook dockerhub can be for app other"),
        (["hashed"], "only the hash of its token is in its file"),
        (["signed"], "only the sender's cloud can sign one"),
    ],
)
def test_what_cannot_be_tried_is_an_error_that_says_why(
    told: World, arguments: list[str], says: str
) -> None:
    result = told.run("hooks", "test", *arguments)
    assert result.exit_code == 1
    assert says in result.stderr


def test_without_a_receiver_the_error_says_so(told: World) -> None:
    text = told.config.read_text()
    told.config.write_text("receiver: {port: 1}\n" + text.partition("\n")[2])
    result = told.run("hooks", "test", "dockerhub")
    assert result.exit_code == 1
    assert "the receiver gave no answer" in result.stderr
