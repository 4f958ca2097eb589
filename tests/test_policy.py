"""Which apps a push is for, and how a release takes over."""

import pytest

from deployer.model import Image, Strategy, image_of
from deployer.policy import Choice, Match, Selector, choose, in_common, match
from deployer.spec import Attachment, Device, Port, Spec, Volume
from tests.world import app

SHOP = Image("docker.io", "acme/shop")
APPS = {
    "web": Selector(SHOP, ("latest", "stable")),
    "shadow": Selector(SHOP, ("stable",)),
    "api": Selector(Image("ghcr.io", "acme/api"), ("main",)),
}


def pushed(tag: str, repository: str = "acme/shop", host: str = "docker.io") -> Match:
    image = image_of(host, repository, tag)
    assert image is not None
    return match(image, APPS)


def test_host_repository_and_tag_together_select_an_app() -> None:
    assert pushed("latest").apps == ("web",)
    assert pushed("main", "acme/api", "ghcr.io").apps == ("api",)


def test_several_apps_may_follow_one_tag() -> None:
    found = pushed("stable")
    assert found.apps == ("shadow", "web")
    assert found.reason == "docker.io/acme/shop:stable is what each of the apps shadow, web deploys"


def test_the_aliases_of_docker_hub_are_one_host() -> None:
    assert pushed("latest", host="registry-1.docker.io").apps == ("web",)


def test_another_tag_is_for_nobody_and_the_reason_names_the_apps_and_their_tags() -> None:
    assert pushed("2.4.1") == Match(
        (),
        "app shadow uses this image but not the tag 2.4.1; its tags are stable; "
        "app web uses this image but not the tag 2.4.1; its tags are latest, stable",
    )


def test_a_tag_is_no_prefix_and_has_a_case() -> None:
    assert pushed("latest2").apps == ()
    assert pushed("Latest").apps == ()


def test_an_unknown_repository_is_named() -> None:
    assert pushed("latest", "acme/shop2") == Match((), "no app uses docker.io/acme/shop2")


def test_the_same_repository_on_another_host_is_for_nobody_and_points_at_the_hook() -> None:
    assert pushed("main", "acme/api") == Match(
        (),
        "no app uses docker.io/acme/api; app api uses ghcr.io/acme/api: see `registry` of the hook",
    )


class TestRanges:
    """Of a range only the newest version is deployed; what other apps have does not count."""

    def pushed(self, tag: str, **in_use: list[str]) -> Match:
        image = image_of("docker.io", "acme/shop", tag)
        assert image is not None
        apps = {"web": Selector(SHOP, ("semver:^1.4",)), "edge": Selector(SHOP, ("glob:1.*",))}
        return match(image, apps, lambda app: in_use.get(app, []))

    def test_a_newer_one_or_the_same_once_more_is_for_the_app(self) -> None:
        for tag in ("1.4.2", "1.4.3"):
            assert self.pushed(tag, web=["1.4.1", "1.4.2"]).apps == ("edge", "web")

    def test_an_older_one_is_only_for_apps_without_a_range(self) -> None:
        assert self.pushed("1.4.1", web=["1.4.2"], edge=["1.9.0"]).apps == ("edge",)

    def test_the_store_is_asked_only_about_versions_of_a_range(self) -> None:
        def nobody(app: str) -> list[str]:
            raise AssertionError(app)

        for tags in (("1.4.2", "semver:^1.4"), ("semver:^2",), ("glob:1*",)):
            match(Image("docker.io", "acme/shop", "1.4.2"), {"web": Selector(SHOP, tags)}, nobody)

    def test_what_one_push_deploys_of_two_apps(self) -> None:
        assert in_common(("latest",), ("latest", "next")) == "a push of latest deploys both"
        assert in_common(("1.4.2", "v1"), ("semver:^1",)) == "a push of 1.4.2 deploys both"
        assert in_common(("semver:^1",), ("semver:^1",)) == "a push of semver:^1 deploys both"
        assert in_common(("glob:v*",), ("semver:^1",)) == "its tags are glob:v*"
        assert in_common(("v1",), ("latest",)) == "other tags deploy it"


class TestStrategy:
    """How a release takes over, by what both want of the machine."""

    @pytest.mark.parametrize(
        ("spec", "claim"),
        [
            (Spec(ports=(Port(80, published="8080"),)), "port 8080/tcp of the host"),
            (Spec(ports=(Port(53, "udp", "53"),)), "port 53/udp of the host"),
            (Spec(network_mode="host"), "port 8080/tcp of the host's network"),
            (Spec(network_mode="container:vpn"), "port 8080/tcp in the network of vpn"),
            (Spec(mac_address="02:00:00:00:00:01"), "the MAC address 02:00:00:00:00:01"),
            (
                Spec(networks=(Attachment("lan", ipv4_address="10.1.2.3"),)),
                "the address 10.1.2.3 in lan",
            ),
            (Spec(devices=(Device("/dev/ttyUSB0", "/dev/tty"),)), "the device /dev/ttyUSB0"),
            (Spec(volumes=(Volume("data", "/data"),)), "the volume data to write to"),
        ],
    )
    def test_what_only_one_can_have_lets_the_old_one_stop_first(
        self, spec: Spec, claim: str
    ) -> None:
        choice = choose(app(), spec, spec)
        assert choice.strategy is Strategy.STOP_FIRST
        assert choice.why == f"only one container at a time can have {claim}"
        assert choose(app(), spec, Spec()).strategy is Strategy.START_FIRST
        assert choose(app(), spec, None).strategy is Strategy.START_FIRST

    @pytest.mark.parametrize(
        "spec",
        [
            Spec(),
            Spec(ports=(Port(80),)),
            Spec(ports=(Port(80, published="8000-8010"),)),
            Spec(volumes=(Volume("data", "/data", read_only=True),)),
            Spec(volumes=(Volume("", "/data"),)),
            Spec(volumes=(Volume("/srv", "/data", type="bind"),)),
            Spec(volumes=(Volume("data", "/data"),), replicas=2),
        ],
    )
    def test_what_two_can_share_lets_them_run_side_by_side(self, spec: Spec) -> None:
        assert choose(app(), spec, spec).strategy is Strategy.START_FIRST

    def test_the_same_port_in_networks_of_two_containers_is_no_reason_to_stop(self) -> None:
        """As where the other app was deployed, and its network is another one now."""
        old, new = Spec(network_mode="container:web-1-1"), Spec(network_mode="container:web-2-1")
        assert choose(app(), new, old).strategy is Strategy.START_FIRST

    def test_what_the_configuration_says_wins(self) -> None:
        taken = Spec(ports=(Port(80, published="8080"),))
        forced = app(strategy=Strategy.START_FIRST)
        assert choose(forced, taken, taken).strategy is Strategy.START_FIRST
        assert choose(app(strategy=Strategy.STOP_FIRST), Spec(), Spec()) == Choice(
            Strategy.STOP_FIRST, "`deploy.strategy` says so"
        )
