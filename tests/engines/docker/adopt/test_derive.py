"""What becomes of single settings: taken off the image's, kept, or written otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from deployer.engines.docker.adopt.derive import derive
from deployer.engines.docker.adopt.facts import Facts, Machine
from deployer.spec import Attachment, DeviceRequest, Healthcheck, Port, Spec, Volume
from tests.engines.docker.adopt.shown import ID, MACHINE, OTHER, seen

ANONYMOUS = "c" * 64
SECOND = 1_000_000_000


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


def test_a_device_that_is_asked_for_twice_is_asked_for_once() -> None:
    asked = {"Count": -1, "Capabilities": [["gpu"]]}
    found = spec(seen(host={"DeviceRequests": [asked, asked]}))
    assert found.device_requests == (DeviceRequest(("gpu",), count=-1),)


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


@pytest.mark.parametrize("said", ["02:42:00:00:00:07", "", None])
def test_a_mac_address_is_kept_where_docker_says_that_it_was_asked_for(said: str | None) -> None:
    """Newer Docker shows none where none was; that of the network is Docker's own then."""
    joined = networks(a={"IPAddress": "10.1.0.9", "MacAddress": "3e:11:22:33:44:55", "Aliases": []})
    facts = seen({} if said is None else {"MacAddress": said}, {"NetworkMode": "a"}, **joined)
    if said is None:
        facts.config.pop("MacAddress")  # type: ignore[attr-defined]
    found = spec(facts)
    assert (found.mac_address, found.networks[0].mac_address) == (said or "", "")


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ({"MacAddress": "00:16:3e:11:22:33", "DNSNames": []}, "00:16:3e:11:22:33"),
        ({"MacAddress": "3e:11:22:33:44:55", "DNSNames": []}, ""),
        ({"MacAddress": "00:16:3e:11:22:33"}, ""),
    ],
)
def test_one_of_a_further_network_is_kept_where_docker_can_not_have_made_it(
    second: dict[str, Any], expected: str
) -> None:
    joined = networks(a={"MacAddress": "00:16:3e:00:00:01", "DNSNames": []}, b=second)
    found = spec(seen(host={"NetworkMode": "a"}, **joined))
    assert [one.mac_address for one in found.networks] == ["", expected]


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
