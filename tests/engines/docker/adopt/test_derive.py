"""What becomes of single settings: taken off the image's, written otherwise, left or refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from deployer.engines.docker.adopt.derive import Derived, derive
from deployer.engines.docker.adopt.facts import Facts, Machine
from deployer.engines.docker.adopt.image import image_of
from deployer.model import Image
from deployer.spec import Attachment, Healthcheck, Port, Spec, Volume
from tests.engines.docker.adopt.shown import ID, MACHINE, OTHER, facts_of

DIGEST = f"sha256:{'b' * 64}"
ANONYMOUS = "c" * 64
SECOND = 1_000_000_000


def seen(
    config: Mapping[str, Any] | None = None,
    host: Mapping[str, Any] | None = None,
    image: Mapping[str, Any] | None = None,
    **container: Any,
) -> Facts:
    """A plain container with these settings, of an image with those."""
    plain = facts_of(Spec(restart="no"), image or {})
    shown = dict(plain.container)
    shown["Config"] = {**shown["Config"], **(config or {})}
    shown["HostConfig"] = {**shown["HostConfig"], **(host or {})}
    return replace(plain, container={**shown, **container})


def spec(facts: Facts, app: str = "shop") -> Spec:
    """The spec, where nothing is left behind."""
    derived = derive(facts, app)
    assert (derived.left, derived.refused) == ((), ())
    return derived.spec


def test_a_container_that_asks_for_nothing_has_a_plain_spec() -> None:
    assert spec(seen()) == Spec(restart="no")


V1 = {"Env": ["A=1", "B=1"], "Labels": {"a": "1", "b": "1"}, "Cmd": ["one"]}


def test_of_the_environment_and_labels_only_what_the_image_has_not_is_kept() -> None:
    config = {"Env": ["A=1", "B=9"], "Labels": {"a": "1", "b": "9"}, "Cmd": ["one"]}
    found = spec(seen(config, image=V1))
    assert (found.environment, found.labels) == ((("B", "9"),), (("b", "9"),))
    assert found.command is None


@pytest.mark.parametrize(
    ("shown", "image", "expected"),
    [
        ((None, ["a"]), (None, ["a"]), (None, None)),
        ((None, ["b"]), (None, ["a"]), (None, ("b",))),
        ((["e"], ["a"]), (["e"], ["a"]), (None, None)),
        ((["e"], ["b"]), (["e"], ["a"]), (None, ("b",))),
        # Docker drops the image's command where an entrypoint is given.
        ((["f"], None), (["e"], ["a"]), (("f",), None)),
        ((["f"], ["a"]), (["e"], ["a"]), (("f",), ("a",))),
        ((["e"], None), (["e"], ["a"]), (("e",), None)),
        ((None, ["b"]), (["e"], ["a"]), ((), ("b",))),
    ],
)
def test_command_and_entrypoint_are_what_was_asked_for(
    shown: tuple[Any, Any], image: tuple[Any, Any], expected: tuple[Any, Any]
) -> None:
    keys = ("Entrypoint", "Cmd")
    found = spec(
        seen(dict(zip(keys, shown, strict=True)), image=dict(zip(keys, image, strict=True)))
    )
    assert (found.entrypoint, found.command) == expected


def test_a_healthcheck_keeps_the_fields_that_differ_from_the_images() -> None:
    image = {"Test": ["CMD", "old"], "Interval": 5 * SECOND, "Retries": 3}
    config = {"Healthcheck": {**image, "Interval": 7 * SECOND, "Timeout": SECOND // 2}}
    found = spec(seen(config, image={"Healthcheck": image}))
    assert found.healthcheck == Healthcheck(interval=7.0, timeout=0.5)


def test_a_healthcheck_that_was_switched_off_stays_off() -> None:
    image = {"Test": ["CMD", "old"], "Interval": 5 * SECOND}
    config = {"Healthcheck": {"Test": ["NONE"], "Interval": 5 * SECOND}}
    found = spec(seen(config, image={"Healthcheck": image}))
    assert found.healthcheck == Healthcheck(test=("NONE",))


@pytest.mark.parametrize(
    ("config", "host", "expected"),
    [
        ({"Hostname": ID[:12]}, {}, ""),
        ({"Hostname": "web"}, {}, "web"),
        ({"Hostname": MACHINE.name}, {"NetworkMode": "host"}, ""),
        ({"Hostname": MACHINE.name}, {"UTSMode": "host"}, ""),
        ({"Hostname": MACHINE.name}, {}, MACHINE.name),
        ({"Hostname": ID[:12]}, {"NetworkMode": f"container:{OTHER}"}, ""),
    ],
)
def test_a_hostname_that_docker_made_is_not_kept(
    config: dict[str, Any], host: dict[str, Any], expected: str
) -> None:
    assert spec(seen(config, host)).hostname == expected


def test_ids_of_other_containers_become_their_names() -> None:
    mode = f"container:{OTHER}"
    found = spec(seen(host={"NetworkMode": mode, "PidMode": mode, "IpcMode": mode}))
    assert (found.network_mode, found.pid, found.ipc) == ("container:other",) * 3


def networks(**joined: Mapping[str, Any]) -> dict[str, Any]:
    return {"NetworkSettings": {"Networks": joined}}


def test_networks_keep_their_order_aliases_and_fixed_addresses() -> None:
    """The one that it was made on comes first, though it was named by its id; no alias is new."""
    joined = networks(
        a={"NetworkID": "id-a", "Aliases": [ID[:12], "db"], "IPAMConfig": None},
        b={
            "NetworkID": "id-b",
            "Aliases": [ID[:12], "web"],
            "IPAMConfig": {"IPv4Address": "10.1.0.9"},
        },
    )
    found = spec(seen(host={"NetworkMode": "id-b"}, **joined), app="web")
    assert found.networks == (
        Attachment("b", aliases=("shop",), ipv4_address="10.1.0.9"),
        Attachment("a", aliases=("db", "shop")),
    )


def test_its_old_name_becomes_an_alias_so_that_others_still_find_it() -> None:
    joined = networks(a={"NetworkID": "id", "Aliases": None})
    assert spec(seen(host={"NetworkMode": "a"}, **joined), app="web").networks == (
        Attachment("a", aliases=("shop",)),
    )
    assert spec(seen(host={"NetworkMode": "a"}, **joined), app="shop").networks == (
        Attachment("a"),
    )


@pytest.mark.parametrize(
    ("config", "mac", "expected", "left"),
    [
        ({"MacAddress": "02:42:00:00:00:07"}, "02:42:00:00:00:07", "02:42:00:00:00:07", 0),
        ({"MacAddress": ""}, "02:42:0a:01:00:09", "", 0),
        ({}, "02:42:0a:01:00:09", "", 0),
        ({}, "3e:11:22:33:44:55", "", 1),
    ],
)
def test_a_mac_address_is_kept_where_docker_says_that_it_was_asked_for(
    config: dict[str, Any], mac: str, expected: str, left: int
) -> None:
    joined = networks(a={"IPAddress": "10.1.0.9", "MacAddress": mac, "Aliases": []})
    facts = seen(host={"NetworkMode": "a"}, **joined)
    shown = {**facts.container, "Config": {"Labels": {}, **config}}
    derived = derive(replace(facts, container=shown), "shop")
    assert derived.spec.mac_address == expected
    assert len(derived.left) == left
    assert all(mac not in one for one in derived.left)


def test_anonymous_volumes_are_carried_over_by_their_names() -> None:
    """Of an image's VOLUME, of `-v /path` and of another container's; each where it is."""
    mounts = [
        {"Type": "volume", "Name": ANONYMOUS, "Source": "/x", "Destination": "/data", "RW": True},
        {"Type": "bind", "Source": "/srv", "Destination": "/lent", "RW": False},
    ]
    derived = derive(seen(host={"VolumesFrom": ["other"]}, Mounts=mounts), "shop")
    assert derived.spec.volumes == (
        Volume(ANONYMOUS, "/data"),
        Volume("/srv", "/lent", read_only=True, type="bind"),
    )
    assert derived.left == ("VolumesFrom: its volumes are written one by one; later ones are not",)


def test_mounts_of_the_older_form_say_the_same() -> None:
    binds = ["/srv:/a:ro,z,rslave", "/srv:/b", "data:/c:nocopy"]
    assert spec(seen(host={"Binds": binds})).volumes == (
        Volume("/srv", "/a", True, "bind", "rslave", True, "z"),
        Volume("/srv", "/b", type="bind", create_host_path=True),
        Volume("data", "/c", nocopy=True),
    )


def test_ports_of_the_image_and_published_ones_are_not_exposed_once_more() -> None:
    config: dict[str, Any] = {"ExposedPorts": {"80/tcp": {}, "81/tcp": {}, "9000/udp": {}}}
    host = {"PortBindings": {"81/tcp": [{"HostIp": "", "HostPort": "0"}]}}
    found = spec(seen(config, host, {"ExposedPorts": {"80/tcp": {}}}))
    assert (found.expose, found.ports) == (("9000/udp",), (Port(81),))


def test_an_image_for_another_processor_is_asked_for_again() -> None:
    facts = seen()
    arm = {**facts.image, "Architecture": "arm", "Variant": "v7"}
    assert spec(replace(facts, image=arm)).platform == "linux/arm/v7"


@pytest.mark.parametrize(
    ("machine", "shown", "expected"),
    [
        (Machine(runtime="crun"), {"Runtime": "crun"}, Spec()),
        (Machine(runtime="crun"), {"Runtime": "runc"}, Spec(runtime="runc")),
        (Machine(cgroup_version="1"), {"CgroupnsMode": "host"}, Spec()),
        (Machine(cgroup_version="1"), {"CgroupnsMode": "private"}, Spec(cgroup="private")),
        (Machine(log_driver="local"), {"LogConfig": {"Type": "local", "Config": {}}}, Spec()),
    ],
)
def test_what_this_docker_gives_to_every_container_is_not_written(
    machine: Machine, shown: dict[str, Any], expected: Spec
) -> None:
    usual = {"Runtime": machine.runtime, "LogConfig": {"Type": machine.log_driver, "Config": {}}}
    facts = replace(seen(host={**usual, "CgroupnsMode": "", **shown}), machine=machine)
    assert spec(facts) == replace(expected, restart="no")


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
    assert dict(spec(facts).labels) == facts.labels


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


@pytest.mark.parametrize(
    ("said", "digests", "tags", "wanted", "expected"),
    [
        ("acme/shop:1.4", ["acme/shop"], [], "", Image("docker.io", "acme/shop", "1.4", DIGEST)),
        ("acme/shop", ["acme/shop"], [], "", Image("docker.io", "acme/shop", "", DIGEST)),
        (f"sha256:{'d' * 64}", ["r.io/a"], ["r.io/a:2"], "", Image("r.io", "a", "2", DIGEST)),
        ("here:1", ["a/x", "r.io/a"], [], "r.io/a", Image("r.io", "a", "", DIGEST)),
        ("r.io/a:1", ["a/x", "r.io/a"], [], "", Image("r.io", "a", "1", DIGEST)),
        ("here:1", [], ["here:1"], "", Image("docker.io", "library/here", "1")),
        (f"sha256:{'d' * 64}", [], ["deployer.local/i:a.r1"], "", None),
    ],
)
def test_the_image_has_the_name_under_which_it_can_be_had_again(
    said: str, digests: list[str], tags: list[str], wanted: str, expected: Image | None
) -> None:
    image = {"RepoDigests": [f"{one}@{DIGEST}" for one in digests], "RepoTags": tags}
    assert image_of(replace(seen({"Image": said}), image=image), wanted) == expected
