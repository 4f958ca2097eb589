"""What of a container is named as lost, and why one could not be made again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deployer.engines.docker.adopt.derive import Derived, derive
from deployer.engines.docker.adopt.facts import Facts
from tests.engines.docker.adopt.shown import seen

ANONYMOUS = "c" * 64
LEFT = [
    (seen(host={"Links": ["/db:/shop/db"]}), "Links: the app finds others by their names"),
    (seen(host={"BlkioWeight": 300}), "BlkioWeight: no key says it"),
    (seen(host={"AutoRemove": True}), "AutoRemove: deployer removes its containers itself"),
    (seen(host={"Novelty": 1}), "Novelty: it is newer than this deployer"),
    (seen(host={"MaskedPaths": []}), "MaskedPaths: the new containers have Docker's usual ones"),
    (seen({"StdinOnce": True}), "StdinOnce: nobody is attached"),
    (seen({"Shell": ["bash"]}), "Shell: it can be said in an image only"),
    (seen({"StopSignal": "SIGRTMIN+3"}), "the stop signal: it is none that"),
    (seen({"Env": ["PATH"]}), "the variable PATH: it was taken away from the image's"),
    (seen({"Env": ["a b=hunter2"]}), "the variable a b: no variable of the configuration has"),
    (seen({"Labels": {"deployer.x": "y"}}), "the label deployer.x: deployer finds its containers"),
    (seen({"Labels": {"a b": "c"}}), "the label a b: no label of the configuration has"),
    (seen(host={"PublishAllPorts": True}), "--publish-all: the ports of today are written"),
]


@pytest.mark.parametrize(("facts", "words"), LEFT, ids=[words for _, words in LEFT])
def test_what_cannot_be_kept_is_named_and_no_value_is_told(facts: Facts, words: str) -> None:
    (left,) = derive(facts, "shop").left
    assert left.startswith(words)
    assert "hunter2" not in left


def compose(version: str, **more: Any) -> Facts:
    """A container of a service of Compose's."""
    own = {"project": "p", "service": "shop", "project.config_files": "/srv/compose.yml"}
    labels = {f"com.docker.compose.{key}": one for key, one in {**own, "version": version}.items()}
    return replace(seen({"Labels": labels}), **more)


def test_the_labels_of_compose_are_kept_so_that_it_lists_the_service() -> None:
    facts = compose("1.29.2")
    assert dict(derive(facts, "shop").spec.labels) == facts.labels


REFUSED = [
    (
        seen({"Labels": {"com.docker.swarm.task.id": "x"}}),
        "it is a task of a Swarm service: Swarm would start it again",
    ),
    (seen({"NetworkDisabled": True}), "its network is disabled: no key says it"),
    (
        seen(
            host={"AutoRemove": True},
            Mounts=[{"Type": "volume", "Name": ANONYMOUS, "Destination": "/d", "RW": True}],
        ),
        "it was started with --rm and has an anonymous volume: Docker removes that with it",
    ),
    (
        seen(host={"Mounts": [{"Type": "npipe", "Target": "/p", "Source": "x"}]}),
        "the mount at /p: deployer has no mounts of the type npipe",
    ),
    (
        compose("2.24.0", changed=frozenset({"/run/secrets/token", "/srv/x"})),
        "files were copied into it (/run/secrets/token): they are in no image and no mount",
    ),
    (
        compose("2.24.0", changed=frozenset({"/etc/motd"}), copied=("/etc/motd", "/gone")),
        "files were copied into it (/etc/motd): ",
    ),
    (seen({"Labels": {"deployer.instance": "i"}}), "deployer made it: it is the Nginx of"),
]


@pytest.mark.parametrize(("facts", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_what_could_not_be_made_again_is_refused_with_the_reason(facts: Facts, words: str) -> None:
    (refused,) = derive(facts, "shop").refused
    assert refused.startswith(words)


def test_a_replica_of_deployers_is_refused() -> None:
    ours = {"instance": "i", "app": "web", "deployment": "3", "release": "1", "replica": "1"}
    labels = {f"deployer.{key}": one for key, one in ours.items()}
    (refused,) = derive(seen({"Labels": labels}, Name="/web-3-1"), "shop").refused
    assert refused.startswith("it is a replica of deployer's")


def test_files_that_are_mounted_were_not_copied() -> None:
    facts = compose("2.24.0", changed=frozenset({"/run/secrets/token"}))
    mount = {"Type": "bind", "Source": "/s", "Destination": "/run/secrets/token", "RW": False}
    there = {**facts.container, "Mounts": [mount]}
    assert derive(replace(facts, container=there), "shop").refused == ()


def test_where_the_compose_files_cannot_be_read_that_is_told() -> None:
    derived: Derived = derive(compose("2.24.0", copied=None), "shop")
    assert derived.refused == ()
    (left,) = derived.left
    assert left.startswith("configs of Compose: /srv/compose.yml cannot be read here")
