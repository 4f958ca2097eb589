"""What Docker is asked to create: pure values, checked without Docker."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deployer.engines.docker.create.body import container
from deployer.engines.docker.labels import Identity, identity_of, selecting
from deployer.model import Image, Release
from deployer.spec import Attachment, Spec, Volume

IMAGE = Image("docker.io", "acme/shop", "v1", f"sha256:{'a' * 64}")
OURS = Identity("prod", "shop", 12, 3, 1)


def asked(spec: Spec, api: str = "1.41") -> dict[str, Any]:
    return container(Release("shop", 3, IMAGE, spec), OURS, {}, api)


def test_the_image_is_named_by_its_digest_and_never_by_its_tag() -> None:
    assert asked(Spec())["Image"] == f"docker.io/acme/shop@sha256:{'a' * 64}"


def test_what_the_spec_leaves_out_is_left_to_the_image() -> None:
    body = asked(Spec())
    assert not {"Cmd", "Entrypoint", "StopSignal", "Healthcheck"} & set(body)
    assert body["Env"] == []
    assert "LogConfig" not in body["HostConfig"]


def test_our_labels_win_over_those_of_the_spec() -> None:
    spec = Spec(labels=(("deployer.instance", "forged"), ("team", "web")))
    assert asked(spec)["Labels"] == {**OURS.labels, "team": "web"}


@pytest.mark.parametrize(
    ("restart", "name", "attempts"),
    [("no", "no", 0), ("unless-stopped", "unless-stopped", 0), ("on-failure:4", "on-failure", 4)],
)
def test_the_restart_policy_is_that_of_compose(restart: str, name: str, attempts: int) -> None:
    policy = asked(Spec(restart=restart))["HostConfig"]["RestartPolicy"]
    assert policy == {"Name": name, "MaximumRetryCount": attempts}


def test_a_fraction_of_a_second_of_grace_is_rounded_up() -> None:
    assert asked(Spec(stop_grace_period=1.2))["StopTimeout"] == 2


def test_binds_and_named_volumes_are_mounts_which_docker_checks() -> None:
    spec = Spec(
        volumes=(Volume("/srv/a", "/a", read_only=True, type="bind"), Volume("data", "/data"))
    )
    assert [
        (one["Type"], one["Source"], one["Target"], one["ReadOnly"])
        for one in asked(spec)["HostConfig"]["Mounts"]
    ] == [("bind", "/srv/a", "/a", True), ("volume", "data", "/data", False)]


def test_without_networks_it_joins_the_default_bridge_without_an_alias() -> None:
    body = asked(Spec())
    assert body["HostConfig"]["NetworkMode"] == "bridge"
    assert body["NetworkingConfig"] == {"EndpointsConfig": {"bridge": {}}}


def test_the_first_network_is_joined_at_create_under_the_apps_name() -> None:
    body = asked(Spec(networks=(Attachment("front"), Attachment("back"))))
    assert body["HostConfig"]["NetworkMode"] == "front"
    assert body["NetworkingConfig"] == {"EndpointsConfig": {"front": {"Aliases": ["shop"]}}}


def test_a_docker_that_takes_all_networks_at_create_gets_them_with_their_addresses() -> None:
    """Connected later, the `mac_address` of a network would be left out before API 1.54."""
    spec = Spec(networks=(Attachment("front"), Attachment("back", mac_address="02:42:00:00:00:07")))
    assert asked(spec, "1.44")["NetworkingConfig"]["EndpointsConfig"] == {
        "front": {"Aliases": ["shop"]},
        "back": {"Aliases": ["shop"], "MacAddress": "02:42:00:00:00:07"},
    }


@pytest.mark.parametrize("networks", [(), (Attachment("front"), Attachment("back"))])
def test_the_containers_mac_address_goes_where_this_docker_takes_it(
    networks: tuple[Attachment, ...],
) -> None:
    """As the container's own before API 1.44; from 1.52 Docker refuses that."""
    spec = Spec(mac_address="02:42:00:00:00:07", networks=networks)
    old, new = asked(spec, "1.43"), asked(spec, "1.44")
    first = "front" if networks else "bridge"
    assert old["MacAddress"] == spec.mac_address
    assert "MacAddress" not in old["NetworkingConfig"]["EndpointsConfig"][first]
    assert "MacAddress" not in new
    joined = new["NetworkingConfig"]["EndpointsConfig"]
    assert [name for name in joined if "MacAddress" in joined[name]] == [first]


def test_an_identity_is_read_back_from_its_labels_and_its_name() -> None:
    assert OURS.name == "shop-12-1"
    assert identity_of({**OURS.labels, "team": "web"}, "/shop-12-1") == OURS


@pytest.mark.parametrize("name", ["", "/shop-12-2", "/my-shop-12-1", "/shop-12-1/alias"])
def test_labels_without_the_name_that_belongs_to_them_are_an_images(name: str) -> None:
    assert identity_of(OURS.labels, name) is None


@pytest.mark.parametrize("label", sorted(OURS.labels))
@pytest.mark.parametrize("value", [None, "", "-1", "1.5", "\u0663", "9" * 5000])
def test_a_container_with_a_label_missing_or_odd_is_no_replica(
    label: str, value: str | None
) -> None:
    labels = {name: kept for name, kept in OURS.labels.items() if name != label}
    if value is not None:
        labels[label] = value
    if value and label == "deployer.app":
        other = replace(OURS, app=value)
        assert identity_of(labels, other.name) == other
    elif value and label == "deployer.instance":
        assert identity_of(labels, OURS.name) == replace(OURS, instance=value)
    else:
        assert identity_of(labels, OURS.name) is None


def test_no_labels_are_no_replica() -> None:
    assert identity_of(None, OURS.name) is None


def test_containers_are_selected_by_instance_and_by_what_is_asked_for() -> None:
    assert selecting("prod") == ["deployer.instance=prod", "deployer.app"]
    assert selecting("prod", "shop", 12) == [
        "deployer.instance=prod",
        "deployer.app=shop",
        "deployer.deployment=12",
    ]
